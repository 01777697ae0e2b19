"""A point on the range it lies in, one row each.

What belongs here: drawings of one moment that show how sure or how wide a figure is.
"""

from __future__ import annotations

from functools import cache

import altair as alt

from dashboard.charts.house import (
    COLOUR,
    INK,
    SURFACE,
    data,
    spec,
    tip,
)
from dashboard.figures import Spec


@cache
def country_range(countries: int) -> Spec:
    """Each country's share as a point on the range that doubtful homes leave open.

    Data set `rows`: name, colour, attribution, share_of_all, low, high, place, text.
    """
    y = alt.Y(
        "name:N",
        title=None,
        sort=alt.EncodingSortField("place", op="min"),
        axis=alt.Axis(labelFontSize=13, labelLimit=130, labelColor=INK, domain=False, ticks=False),
        scale=alt.Scale(paddingInner=0.2, paddingOuter=0.1),
    )
    offset = alt.YOffset(
        "attribution:N", sort=["publisher", "base_model"], scale=alt.Scale(paddingOuter=0.3)
    )
    x = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(format="~%", tickCount=5, grid=True, orient="top"),
    )
    rows = data("rows")
    tooltip = [
        ("Country", "name", ""),
        ("Counted by", "counted", ""),
        ("Share", "share_of_all", ".1%"),
        ("At least", "low", ".1%"),
        ("At most", "high", ".1%"),
    ]
    bar = rows.mark_bar(height=9, cornerRadius=4.5, tooltip=tip(*tooltip)).encode(
        y=y,
        yOffset=offset,
        x=x,
        x2="high:Q",
        color=COLOUR,
        opacity=alt.condition("datum.attribution == 'publisher'", alt.value(0.38), alt.value(0.2)),
    )
    publisher = (
        rows.transform_filter("datum.attribution == 'publisher'")
        .mark_point(filled=True, size=110, opacity=1, tooltip=tip(*tooltip))
        .encode(y=y, yOffset=offset, x="share_of_all:Q", color=COLOUR)
    )
    base_model = (
        rows.transform_filter("datum.attribution == 'base_model'")
        .mark_point(
            shape="diamond",
            filled=True,
            fill=SURFACE,
            size=90,
            strokeWidth=2,
            opacity=1,
            tooltip=tip(*tooltip),
        )
        .encode(
            y=y,
            yOffset=offset,
            x="share_of_all:Q",
            stroke=alt.Stroke("colour:N", scale=None),
        )
    )
    return spec(alt.layer(bar, base_model, publisher).properties(height=36 * countries))


@cache
def days_between_launches(organizations: int) -> Spec:
    """The median and the 90th percentile of days between launches, joined by a bar.

    Data set `rows`: name, colour, place, median_days, p90_days, launches_365d.
    """
    rows = data("rows")
    y = alt.Y(
        "name:N",
        title=None,
        sort=alt.EncodingSortField("place", op="min"),
        axis=alt.Axis(labelLimit=150, ticks=False, domain=False, labelColor=INK),
    )
    x = alt.X(
        "median_days:Q",
        title=None,
        scale=alt.Scale(type="symlog", constant=3, nice=False, domainMin=0),
        axis=alt.Axis(values=[0, 1, 3, 7, 14, 30, 60, 120, 240, 365], orient="top", format="d"),
    )
    tooltip = [
        ("Organization", "name", ""),
        ("Median days between launches", "median_days", ".1f"),
        ("90 % are within days", "p90_days", ".1f"),
        ("Launches in 365 days", "launches_365d", ""),
    ]
    bar = rows.mark_bar(height=8, cornerRadius=4, opacity=0.3, tooltip=tip(*tooltip)).encode(
        y=y, x=x, x2="p90_days:Q", color=COLOUR
    )
    dot = rows.mark_point(filled=True, size=70, opacity=1, tooltip=tip(*tooltip)).encode(
        y=y, x=x, color=COLOUR
    )
    return spec(alt.layer(bar, dot).properties(height=21 * organizations + 24))
