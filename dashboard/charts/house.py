"""What the drawings share: colours by name, axes of days, tooltips, the nearest point.

What belongs here: what more than one drawing needs, and no drawing.
"""

from __future__ import annotations

from typing import Literal

import altair as alt

from dashboard.figures import Spec

INK = "var(--ink)"
QUIET = "var(--ink-quiet)"
ACCENT = "var(--accent)"
SURFACE = "var(--surface)"
MILLISECONDS_A_DAY = 86_400_000
# Vega's own labels mix weekdays, months and years: "Mon 19, Oct 25, Tue 27".
_DAY_LABEL = (
    f"timeFormat(datum.value, span(domain('x')) > {400 * MILLISECONDS_A_DAY} ? '%b %Y' : '%-d %b')"
)
# Each row carries its colour: an ordinal scale would hand a stranger somebody else's.
COLOUR = alt.Color("colour:N", scale=None)
DATE = "%-d %b %Y"
DAY = ("Day", "snapshot_date", DATE)


def data(name: str) -> alt.Chart:
    """A chart of the data set that the page gives under `name`."""
    chart: alt.Chart = alt.Chart(alt.NamedData(name))
    return chart


def spec(
    chart: alt.LayerChart | alt.FacetChart | alt.Chart,
    width: int | Literal["container"] = "container",
) -> Spec:
    """The drawing as Vega-Lite, as wide as its place unless `width` says so."""
    drawing: Spec = chart.properties(width=width).to_dict()
    drawing.pop("config", None)
    return drawing


def tip(*entries: tuple[str, str, str]) -> alt.ExprRef:
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


def days(field: str = "snapshot_date") -> alt.X:
    """An axis of days, never finer."""
    return alt.X(
        f"{field}:T",
        title=None,
        axis=alt.Axis(
            grid=False,
            tickCount=alt.ExprRef("width < 360 ? 3 : 6"),
            tickMinStep=MILLISECONDS_A_DAY,
            labelExpr=_DAY_LABEL,
            labelOverlap=True,
            labelSeparation=8,
        ),
    )


def provisional() -> alt.Chart:
    """A wash over the days whose figures may still move: data set `provisional`, begin, end."""
    wash = data("provisional").mark_rect(color=QUIET, opacity=0.12)
    chart: alt.Chart = wash.encode(x="begin:T", x2="end:T")
    return chart


def nearest() -> alt.Parameter:
    """The point that is nearest to the pointer."""
    return alt.selection_point(
        name="near",
        on="pointerover",
        clear="pointerout",
        nearest=True,
        empty=False,
        fields=["snapshot_date", "name"],
    )
