"""Counts and parts over time, as bars.

What belongs here: drawings whose lengths are compared.
"""

from __future__ import annotations

from functools import cache

import altair as alt

from dashboard import colours
from dashboard.charts.house import (
    ACCENT,
    COLOUR,
    DATE,
    DAY,
    MILLISECONDS_A_DAY,
    data,
    spec,
    tip,
)
from dashboard.figures import Spec


@cache
def weekly_change() -> Spec:
    """How a lead changed, one bar a week: up in one colour, down in the other.

    Data set `rows`: snapshot_date, gap, gap_change_7d.
    """
    return spec(
        data("rows")
        .mark_bar(
            width=alt.ExprRef("min(28, 0.7 * bandwidth('x'))"),
            tooltip=tip(
                ("Week to", "snapshot_date", DATE),
                ("Change of the lead", "gap_change_7d", "+.2%"),
                ("Lead", "gap", "+.1%"),
            ),
        )
        .encode(
            x=alt.X(
                "yearmonthdate(snapshot_date):O",
                title=None,
                axis=alt.Axis(
                    format="%-d %b", labelAngle=0, labelOverlap=True, ticks=False, domain=False
                ),
            ),
            y=alt.Y(
                "gap_change_7d:Q",
                title=None,
                axis=alt.Axis(
                    tickCount=4,
                    labelExpr="datum.value == 0 ? '0' : format(datum.value * 100, '+.3~f')",
                ),
            ),
            color=alt.condition(
                "datum.gap_change_7d > 0", alt.value(ACCENT), alt.value("var(--second)")
            ),
        )
        .properties(height=120)
    )


@cache
def counts_by_day() -> Spec:
    """Counts a day as stacked bars. Data set `rows`: snapshot_date, kind, colour, amount."""
    return spec(
        data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.8),
            tooltip=tip(DAY, ("What", "kind", ""), ("Number", "amount", ",")),
        )
        .encode(
            x=alt.X(
                "yearmonthdate(snapshot_date):T",
                title=None,
                axis=alt.Axis(
                    format="%-d %b",
                    grid=False,
                    tickCount=6,
                    tickMinStep=MILLISECONDS_A_DAY,
                    labelOverlap=True,
                ),
            ),
            y=alt.Y("amount:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4, format=",d")),
            color=COLOUR,
            detail="kind:N",
        )
        .properties(height=140)
    )


@cache
def releases_by_week() -> Spec:
    """Releases a week as a stack of their types.

    Data set `rows`: week_start_date, release_type, kind, releases_count, launches_count, place.
    """
    kinds = list(colours.RELEASE_TYPES)
    return spec(
        data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.8),
            tooltip=tip(
                ("Week of", "week_start_date", DATE),
                ("Type", "kind", ""),
                ("Releases", "releases_count", ""),
                ("Launches", "launches_count", ""),
            ),
        )
        .encode(
            x=alt.X(
                "yearweek(week_start_date):T",
                title=None,
                axis=alt.Axis(grid=False, format="%b %Y", tickCount=6, labelOverlap=True),
            ),
            y=alt.Y(
                "releases_count:Q",
                title=None,
                axis=alt.Axis(tickMinStep=1, tickCount=4, format="d"),
            ),
            color=alt.Color(
                "release_type:N",
                legend=None,
                scale=alt.Scale(domain=kinds, range=[colours.release_type(kind) for kind in kinds]),
            ),
            order=alt.Order("place:Q"),
        )
        .properties(height=200)
    )


@cache
def derivatives_by_month() -> Spec:
    """Whose models new derivatives are built on, month by month, as parts of a whole.

    Data set `rows`: month_start_date, name, colour, place, derivatives_count,
    share_of_derivatives.
    """
    return spec(
        data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.86),
            tooltip=tip(
                ("Built on models of", "name", ""),
                ("Month", "month_start_date", "%b %Y"),
                ("Share", "share_of_derivatives", ".1%"),
                ("New derivatives", "derivatives_count", ","),
            ),
        )
        .encode(
            x=alt.X(
                "yearmonth(month_start_date):T",
                title=None,
                axis=alt.Axis(grid=False, format="%b %Y", tickCount=6, labelOverlap=True),
            ),
            y=alt.Y(
                "share_of_derivatives:Q",
                title=None,
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="~%", tickCount=5),
            ),
            color=COLOUR,
            order=alt.Order("place:Q"),
        )
        .properties(height=240)
    )
