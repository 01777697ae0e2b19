"""The drawings: Vega-Lite by Altair, without data and without colours of their own.

What belongs here: marks, scales, tooltips. Data sets are named and filled in by the page;
`var(--...)` and fonts are resolved by `static/site.js`, so that one drawing serves light and
dark. Nothing here asks the database.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import altair as alt

from dashboard import colours
from dashboard.figures import Spec

INK = "var(--ink)"
QUIET = "var(--ink-quiet)"
RULE = "var(--rule-strong)"
ACCENT = "var(--accent)"
SURFACE = "var(--surface)"
MILLISECONDS_A_DAY = 86_400_000
# Each row carries its colour: an ordinal scale would hand a stranger somebody else's.
COLOUR = alt.Color("colour:N", scale=None)
DATE = "%-d %b %Y"
DAY = ("Day", "snapshot_date", DATE)


def _data(name: str) -> alt.Chart:
    chart: alt.Chart = alt.Chart(alt.NamedData(name))
    return chart


def _spec(
    chart: alt.LayerChart | alt.FacetChart | alt.Chart,
    width: int | Literal["container"] = "container",
) -> Spec:
    spec: Spec = chart.properties(width=width).to_dict()
    spec.pop("config", None)
    return spec


def _tooltip(*entries: tuple[str, str, str]) -> alt.ExprRef:
    """Titles, fields and formats as the tooltip of a mark; what is null is a dash, never 0.

    Not an encoding: Vega-Lite 6.4 formats null as 0 and, with nearest points, loses every field
    of text. The points' own layer wraps a row once more.
    """
    row = "(datum.datum || datum)"
    shown = []
    for title, field, form in entries:
        value = f"{row}['{field}']"
        if form.startswith("%"):
            text = f"timeFormat({value}, '{form}')"
        else:
            text = f"format({value}, '{form}')" if form else value
        shown.append(f"'{title}': isValid({value}) ? {text} : '\u2014'")
    return alt.ExprRef("{" + ", ".join(shown) + "}")


def _days(field: str = "snapshot_date") -> alt.X:
    return alt.X(
        f"{field}:T",
        title=None,
        axis=alt.Axis(
            grid=False,
            tickCount=alt.ExprRef("width < 360 ? 3 : 6"),
            tickMinStep=MILLISECONDS_A_DAY,
            labelOverlap=True,
        ),
    )


def _provisional() -> alt.Chart:
    """A wash over the days whose figures may still move: data set `provisional`, begin, end."""
    wash = _data("provisional").mark_rect(color=QUIET, opacity=0.12)
    chart: alt.Chart = wash.encode(x="begin:T", x2="end:T")
    return chart


def _nearest(name: str) -> alt.Parameter:
    return alt.selection_point(
        name=name,
        on="pointerover",
        clear="pointerout",
        nearest=True,
        empty=False,
        fields=["snapshot_date", "name"],
    )


@cache
def named_lines(
    measure: str,
    title: str,
    *,
    axis: str = ".0%",
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
    near = _nearest("near")
    rows = _data("rows")
    height = alt.Y(
        f"{measure}:Q",
        title=None,
        scale=alt.Scale(domainMin=0, domainMax=top),
        axis=alt.Axis(format=axis, tickCount=5),
    )
    band = (
        _data("bands")
        .mark_area(opacity=0.14)
        .encode(x=_days(), y=alt.Y("low:Q"), y2="high:Q", color=COLOUR, detail="name:N")
    )
    line = rows.mark_line(strokeWidth=2.25, strokeJoin="round").encode(
        x=_days(),
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
            tooltip=_tooltip(("Who", "name", ""), DAY, (title, measure, tooltip), *more),
        )
        .encode(
            x=_days(),
            y=height,
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    label = (
        _data("ends")
        .mark_text(align="left", dx=8, fontSize=12, fontWeight=500, color=INK)
        .encode(x=_days(), y=alt.Y("label_at:Q"), text=alt.Text("label:N"))
    )
    dot = (
        _data("ends")
        .mark_point(filled=True, size=36, opacity=1)
        .encode(x=_days(), y=height, color=COLOUR)
    )
    overtake = (
        _data("overtakes")
        .mark_point(
            shape="diamond",
            size=90,
            filled=True,
            color=SURFACE,
            stroke=INK,
            strokeWidth=1.5,
            opacity=1,
            tooltip=_tooltip(
                ("Overtake", "what", ""),
                ("Day", "overtaken_on", DATE),
                ("Certainty", "certainty", ""),
            ),
        )
        .encode(
            x=_days("overtaken_on"),
            y=alt.Y("leader_share:Q"),
        )
    )
    layers = alt.layer(_provisional(), band, line, dot, label, point, overtake).add_params(top)
    return _spec(layers.properties(height=300))


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
        axis=alt.Axis(format=".0%", tickCount=5, grid=True, orient="top"),
    )
    rows = _data("rows")
    tooltip = [
        ("Country", "name", ""),
        ("Counted by", "counted", ""),
        ("Share", "share_of_all", ".1%"),
        ("At least", "low", ".1%"),
        ("At most", "high", ".1%"),
    ]
    bar = rows.mark_bar(height=9, cornerRadius=4.5, tooltip=_tooltip(*tooltip)).encode(
        y=y,
        yOffset=offset,
        x=x,
        x2="high:Q",
        color=COLOUR,
        opacity=alt.condition("datum.attribution == 'publisher'", alt.value(0.38), alt.value(0.2)),
    )
    publisher = (
        rows.transform_filter("datum.attribution == 'publisher'")
        .mark_point(filled=True, size=110, opacity=1, tooltip=_tooltip(*tooltip))
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
            tooltip=_tooltip(*tooltip),
        )
        .encode(
            y=y,
            yOffset=offset,
            x="share_of_all:Q",
            stroke=alt.Stroke("colour:N", scale=None),
        )
    )
    return _spec(alt.layer(bar, base_model, publisher).properties(height=36 * countries))


@cache
def country_gap() -> Spec:
    """The lead of one country over another with its range, against the line of no lead.

    Data sets: `rows` (snapshot_date, name, gap, gap_low, gap_high, gap_change_7d),
    `provisional`, `overtakes`. Parameters `top`, `bottom`: the ends of the axis.
    """
    top, bottom = alt.param(name="top", value=1.0), alt.param(name="bottom", value=-1.0)
    near = _nearest("near")
    rows = _data("rows")

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
        x=_days(), y=gap("gap_low"), y2="gap_high:Q"
    )
    zero = (
        alt.Chart(alt.InlineData(values=[{"tied": 0}]))
        .mark_rule(color=INK, strokeWidth=1.25)
        .encode(y="tied:Q")
    )
    line = rows.mark_line(strokeWidth=2.25, color=ACCENT).encode(x=_days(), y=gap("gap"))
    overtake = (
        _data("overtakes")
        .mark_rule(
            color=INK,
            strokeDash=[2, 3],
            tooltip=_tooltip(
                ("Overtake", "what", ""),
                ("Day", "overtaken_on", DATE),
                ("Certainty", "certainty", ""),
            ),
        )
        .encode(
            x=_days("overtaken_on"),
        )
    )
    point = (
        rows.mark_point(
            filled=True,
            size=60,
            color=ACCENT,
            stroke=SURFACE,
            strokeWidth=1.5,
            tooltip=_tooltip(
                DAY,
                ("Lead", "gap", "+.1%"),
                ("At least", "gap_low", "+.1%"),
                ("At most", "gap_high", "+.1%"),
                ("Change in 7 days", "gap_change_7d", "+.1%"),
            ),
        )
        .encode(
            x=_days(),
            y=gap("gap"),
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    layers = alt.layer(_provisional(), band, zero, line, point, overtake).add_params(top, bottom)
    return _spec(layers.properties(height=220))


@cache
def weekly_change() -> Spec:
    """How a lead changed, one bar a week: up in one colour, down in the other.

    Data set `rows`: snapshot_date, gap, gap_change_7d.
    """
    return _spec(
        _data("rows")
        .mark_bar(
            width=alt.ExprRef("min(28, 0.7 * bandwidth('x'))"),
            tooltip=_tooltip(
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
    return _spec(
        _data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.8),
            tooltip=_tooltip(DAY, ("What", "kind", ""), ("Number", "amount", ",")),
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
def organization_share(*, small: bool) -> Spec:
    """One organization's share by both attributions: full line its own, dashed its lineage.

    Data sets: `rows` (snapshot_date, attribution, name, share_of_all, colour), `provisional`
    unless `small`.
    """
    near = _nearest("near")
    rows = _data("rows")
    line = rows.mark_line(strokeWidth=2).encode(
        x=alt.X("snapshot_date:T", title=None, axis=None) if small else _days(),
        y=alt.Y(
            "share_of_all:Q",
            title=None,
            scale=alt.Scale(zero=True, nice=True),
            axis=alt.Axis(format=".1~%", tickCount=2 if small else 5),
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
            tooltip=_tooltip(("Counted by", "name", ""), DAY, ("Share", "share_of_all", ".2%")),
        )
        .encode(
            x="snapshot_date:T",
            y="share_of_all:Q",
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    layers = [line, point] if small else [_provisional(), line, point]
    return _spec(alt.layer(*layers).properties(height=90 if small else 280))


@cache
def releases_by_week() -> Spec:
    """Releases a week as a stack of their types.

    Data set `rows`: week_start_date, release_type, kind, releases_count, launches_count, place.
    """
    kinds = list(colours.RELEASE_TYPES)
    return _spec(
        _data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.8),
            tooltip=_tooltip(
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
def checks_by_day(checks: int, days: int) -> Spec:
    """Every check of every day as a coloured cell; a mark in it where it did not pass.

    Data set `rows`: snapshot_date, check_name, status, observed_value, threshold,
    rows_quarantined.
    """
    statuses = list(colours.STATUSES)
    x = alt.X(
        "yearmonthdate(snapshot_date):O",
        title=None,
        axis=alt.Axis(
            format="%-d %b",
            labelAngle=0,
            labelOverlap="greedy",
            labelSeparation=24,
            ticks=False,
            domain=False,
        ),
        scale=alt.Scale(padding=0.12),
    )
    y = alt.Y(
        "check_name:N",
        title=None,
        axis=alt.Axis(labelLimit=220, ticks=False, domain=False, labelColor=INK),
        scale=alt.Scale(padding=0.18),
    )
    rows = _data("rows")
    cell = rows.mark_rect(
        cornerRadius=2,
        tooltip=_tooltip(
            DAY,
            ("Check", "check_name", ""),
            ("Result", "status", ""),
            ("Observed", "observed_value", ".4~g"),
            ("Allowed", "threshold", ""),
            ("Rows set aside", "rows_quarantined", ""),
        ),
    ).encode(
        x=x,
        y=y,
        color=alt.Color(
            "status:N",
            legend=None,
            scale=alt.Scale(
                domain=statuses, range=[f"var(--status-{status})" for status in statuses]
            ),
        ),
    )
    mark = (
        rows.transform_filter("datum.status != 'passed'")
        .mark_text(text="!", fontWeight=700, fontSize=11, color=SURFACE)
        .encode(x=x, y=y)
    )
    # Cells of a wide chart with three days would be beams.
    return _spec(
        alt.layer(cell, mark).properties(height=22 * checks),
        "container" if days > 20 else 22 * days,
    )


@cache
def coverage_by_day() -> Spec:
    """How much of the downloads is placed in a country, and has a known lineage, day by day.

    Data set `rows`: snapshot_date, name, share, colour.
    """
    near = _nearest("near")
    rows = _data("rows")
    line = rows.mark_line(strokeWidth=2).encode(
        x=_days(),
        y=alt.Y(
            "share:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format=".0%", tickCount=5),
        ),
        color=COLOUR,
        detail="name:N",
    )
    point = (
        rows.mark_point(
            filled=True,
            size=50,
            tooltip=_tooltip(("What", "name", ""), DAY, ("Share of downloads", "share", ".1%")),
        )
        .encode(
            x="snapshot_date:T",
            y="share:Q",
            color=COLOUR,
            opacity=alt.condition(near, alt.value(1), alt.value(0)),
        )
        .add_params(near)
    )
    return _spec(alt.layer(line, point).properties(height=200))


@cache
def launches_by_week(organizations: int) -> Spec:
    """A heat map of organizations and weeks: the more, the deeper.

    Data set `rows`: week_start_date, name, place, kind, launches_count, releases_count, amount.
    Parameter `kind`: which of the kinds is shown.
    """
    kind = alt.param(name="kind", value="launches")
    return _spec(
        _data("rows")
        .transform_filter("datum.kind == kind")
        .mark_rect(
            cornerRadius=1.5,
            tooltip=_tooltip(
                ("Organization", "name", ""),
                ("Week of", "week_start_date", DATE),
                ("Number", "amount", ""),
                ("Of", "kind", ""),
            ),
        )
        .encode(
            x=alt.X(
                "yearmonthdate(week_start_date):O",
                title=None,
                axis=alt.Axis(
                    format="%b %Y",
                    orient="top",
                    labelAngle=0,
                    labelOverlap="greedy",
                    labelSeparation=30,
                    ticks=False,
                    domain=False,
                ),
                scale=alt.Scale(padding=0.08),
            ),
            y=alt.Y(
                "name:N",
                title=None,
                sort=alt.EncodingSortField("place", op="min"),
                axis=alt.Axis(
                    labelLimit=150, ticks=False, domain=False, labelColor=INK, grid=True, zindex=0
                ),
                scale=alt.Scale(padding=0.12),
            ),
            color=alt.Color(
                "amount:Q",
                legend=None,
                scale=alt.Scale(type="log", range=["var(--heat-low)", "var(--heat-high)"]),
            ),
        )
        .add_params(kind)
        .properties(height=19 * organizations + 24)
    )


@cache
def days_between_launches(organizations: int) -> Spec:
    """The median and the 90th percentile of days between launches, joined by a bar.

    Data set `rows`: name, colour, place, median_days, p90_days, launches_365d.
    """
    rows = _data("rows")
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
    bar = rows.mark_bar(height=8, cornerRadius=4, opacity=0.3, tooltip=_tooltip(*tooltip)).encode(
        y=y, x=x, x2="p90_days:Q", color=COLOUR
    )
    dot = rows.mark_point(filled=True, size=70, opacity=1, tooltip=_tooltip(*tooltip)).encode(
        y=y, x=x, color=COLOUR
    )
    return _spec(alt.layer(bar, dot).properties(height=21 * organizations + 24))


@cache
def derivatives_by_month() -> Spec:
    """Whose models new derivatives are built on, month by month, as parts of a whole.

    Data set `rows`: month_start_date, name, colour, place, derivatives_count,
    share_of_derivatives.
    """
    return _spec(
        _data("rows")
        .mark_bar(
            width=alt.RelativeBandSize(0.86),
            tooltip=_tooltip(
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
                axis=alt.Axis(format=".0%", tickCount=5),
            ),
            color=COLOUR,
            order=alt.Order("place:Q"),
        )
        .properties(height=240)
    )
