"""Something over time, as lines.

What belongs here: drawings in which one follows somebody from day to day.
"""

from __future__ import annotations

from functools import cache

import altair as alt

from dashboard.charts.house import (
    ACCENT,
    COLOUR,
    DATE,
    DAY,
    INK,
    SURFACE,
    data,
    days,
    nearest,
    provisional,
    spec,
    tip,
)
from dashboard.figures import Spec


@cache
def named_lines(
    measure: str,
    title: str,
    *,
    axis: str = "~%",
    tooltip: str = ".1%",
    more: tuple[tuple[str, str, str], ...] = (),
) -> Spec:
    """Something measured over time, each line named at its end.

    Data sets: `rows` (snapshot_date, name, colour, dashed and the `measure`), `bands`
    (the same with low and high), `provisional`, `ends` (the last rows with label, label_at),
    `overtakes`; all but `rows` and `ends` may be missing. `axis` and `tooltip` are formats;
    `more` are further entries of the tooltip.
    Parameter `top`: the top of the axis, so that neighbours compare.
    """
    top = alt.param(name="top", value=1.0)
    near = nearest()
    rows = data("rows")
    height = alt.Y(
        f"{measure}:Q",
        title=None,
        scale=alt.Scale(domainMin=0, domainMax=top),
        axis=alt.Axis(format=axis, tickCount=5),
    )
    band = (
        data("bands")
        .mark_area(opacity=0.14)
        .encode(x=days(), y=alt.Y("low:Q"), y2="high:Q", color=COLOUR, detail="name:N")
    )
    line = rows.mark_line(strokeWidth=2.25, strokeJoin="round").encode(
        x=days(),
        y=height,
        color=COLOUR,
        detail="name:N",
        strokeDash=alt.condition("datum.dashed", alt.value([2, 3]), alt.value([1, 0])),
    )
    point = (
        rows.mark_point(
            filled=True,
            size=60,
            stroke=SURFACE,
            strokeWidth=1.5,
            tooltip=tip(("Who", "name", ""), DAY, (title, measure, tooltip), *more),
        )
        .encode(
            x=days(),
            y=height,
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    label = (
        data("ends")
        .mark_text(align="left", dx=8, fontSize=12, fontWeight=500, color=INK)
        .encode(x=days(), y=alt.Y("label_at:Q"), text=alt.Text("label:N"))
    )
    dot = (
        data("ends")
        .mark_point(filled=True, size=36, opacity=1)
        .encode(x=days(), y=height, color=COLOUR)
    )
    overtake = (
        data("overtakes")
        .mark_point(
            shape="diamond",
            size=90,
            filled=True,
            color=SURFACE,
            stroke=INK,
            strokeWidth=1.5,
            opacity=1,
            tooltip=tip(
                ("Overtake", "what", ""),
                ("Day", "overtaken_on", DATE),
                ("Certainty", "certainty", ""),
            ),
        )
        .encode(
            x=days("overtaken_on"),
            y=alt.Y("leader_share:Q"),
        )
    )
    layers = alt.layer(provisional(), band, line, dot, label, point, overtake).add_params(top)
    return spec(layers.properties(height=300))


@cache
def country_gap() -> Spec:
    """The lead of one country over another with its range, against the line of no lead.

    Data sets: `rows` (snapshot_date, name, gap, gap_low, gap_high, gap_change_7d),
    `provisional`, `overtakes`. Parameters `top`, `bottom`: the ends of the axis.
    """
    top, bottom = alt.param(name="top", value=1.0), alt.param(name="bottom", value=-1.0)
    near = nearest()
    rows = data("rows")

    def gap(field: str) -> alt.Y:
        return alt.Y(
            f"{field}:Q",
            title=None,
            scale=alt.Scale(domainMin=bottom, domainMax=top),
            axis=alt.Axis(
                tickCount=5,
                labelExpr="datum.value == 0 ? '0' : format(datum.value * 100, '+.3~f')",
            ),
        )

    band = rows.mark_area(opacity=0.16, color=ACCENT).encode(
        x=days(), y=gap("gap_low"), y2="gap_high:Q"
    )
    zero = (
        alt.Chart(alt.InlineData(values=[{"tied": 0}]))
        .mark_rule(color=INK, strokeWidth=1.25)
        .encode(y="tied:Q")
    )
    line = rows.mark_line(strokeWidth=2.25, color=ACCENT).encode(x=days(), y=gap("gap"))
    overtake = (
        data("overtakes")
        .mark_rule(
            color=INK,
            strokeDash=[2, 3],
            tooltip=tip(
                ("Overtake", "what", ""),
                ("Day", "overtaken_on", DATE),
                ("Certainty", "certainty", ""),
            ),
        )
        .encode(
            x=days("overtaken_on"),
        )
    )
    point = (
        rows.mark_point(
            filled=True,
            size=60,
            color=ACCENT,
            stroke=SURFACE,
            strokeWidth=1.5,
            tooltip=tip(
                DAY,
                ("Lead", "gap", "+.1%"),
                ("At least", "gap_low", "+.1%"),
                ("At most", "gap_high", "+.1%"),
                ("Change in 7 days", "gap_change_7d", "+.1%"),
            ),
        )
        .encode(
            x=days(),
            y=gap("gap"),
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    layers = alt.layer(provisional(), band, zero, line, point, overtake).add_params(top, bottom)
    return spec(layers.properties(height=220))


@cache
def organization_share(*, small: bool) -> Spec:
    """One organization's share by both attributions: full line its own, dashed its lineage.

    Data sets: `rows` (snapshot_date, attribution, name, share_of_all, colour), `provisional`
    unless `small`.
    """
    near = nearest()
    rows = data("rows")
    line = rows.mark_line(strokeWidth=2).encode(
        x=alt.X("snapshot_date:T", title=None, axis=None) if small else days(),
        y=alt.Y(
            "share_of_all:Q",
            title=None,
            scale=alt.Scale(zero=True, nice=True),
            axis=alt.Axis(format="~%", tickCount=2 if small else 5),
        ),
        color=COLOUR,
        detail="name:N",
        strokeDash=alt.condition(
            "datum.attribution == 'publisher'", alt.value([1, 0]), alt.value([3, 3])
        ),
    )
    point = (
        rows.mark_point(
            filled=True,
            size=45,
            tooltip=tip(("Counted by", "name", ""), DAY, ("Share", "share_of_all", ".2%")),
        )
        .encode(
            x="snapshot_date:T",
            y="share_of_all:Q",
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    layers = [line, point] if small else [provisional(), line, point]
    return spec(alt.layer(*layers).properties(height=90 if small else 280))


@cache
def coverage_by_day() -> Spec:
    """How much of the downloads is placed in a country, and has a known lineage, day by day.

    Data set `rows`: snapshot_date, name, share, colour.
    """
    near = nearest()
    rows = data("rows")
    line = rows.mark_line(strokeWidth=2).encode(
        x=days(),
        y=alt.Y(
            "share:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="~%", tickCount=5),
        ),
        color=COLOUR,
        detail="name:N",
    )
    point = (
        rows.mark_point(
            filled=True,
            size=50,
            tooltip=tip(("What", "name", ""), DAY, ("Share of downloads", "share", ".1%")),
        )
        .encode(
            x="snapshot_date:T",
            y="share:Q",
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    return spec(alt.layer(line, point).properties(height=200))


@cache
def adoption_by_age() -> Spec:
    """How models are received at each age, against the line at which they equal their measure.

    Data set `rows`: age_days, name, colour, relative_adoption, downloads, reference_median,
    reference_date.
    """
    rows = data("rows")
    age = alt.X(
        "age_days:O",
        title=None,
        axis=alt.Axis(labelAngle=0, grid=False, labelExpr="datum.value + ' days'"),
        scale=alt.Scale(type="point", padding=0.3),
    )
    height = alt.Y(
        "relative_adoption:Q",
        title=None,
        scale=alt.Scale(type="symlog", constant=1, domainMin=0, nice=True),
        axis=alt.Axis(format="~g", values=[0, 0.5, 1, 2, 3, 5, 10, 20, 50, 100]),
    )
    equal = (
        alt.Chart(alt.InlineData(values=[{"equal": 1}]))
        .mark_rule(color=INK, strokeWidth=1.25)
        .encode(y="equal:Q")
    )
    line = rows.mark_line(strokeWidth=2.25, strokeJoin="round").encode(
        x=age, y=height, color=COLOUR, detail="name:N"
    )
    point = rows.mark_point(
        filled=True,
        size=70,
        opacity=1,
        stroke=SURFACE,
        strokeWidth=1.5,
        tooltip=tip(
            ("Model", "name", ""),
            ("Age in days", "age_days", ""),
            ("Relative adoption", "relative_adoption", ".2f"),
            ("Downloads", "downloads", ",.0f"),
            ("Median of the ten", "reference_median", ",.0f"),
            ("As known on", "reference_date", DATE),
        ),
    ).encode(x=age, y=height, color=COLOUR)
    return spec(alt.layer(equal, line, point).properties(height=260))
