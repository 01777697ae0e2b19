"""A chart with everything that must stand beside it.

What belongs here: what a figure is made of. How it is drawn is in `charts`, what it says in the
page that shows it, its markup in `templates/parts.html`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.publication import Answer, Row

Spec = dict[str, Any]
# The height of a label beside a chart, as a part of the chart's 300 pixels.
LABEL = 0.052


@dataclass(frozen=True)
class Panel:
    """One drawing area: the rows for each data set that the chart names.

    `parameters` set the chart's named parameters; `title` and `href` head a small multiple.
    """

    data: dict[str, list[Row]]
    parameters: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    href: str = ""
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart, what it says in words, where it comes from.

    `says` is read to those who do not see the chart. `facts` are its scope, window,
    attribution, coverage and date. `answer` is the query whose rows are offered as CSV.
    `entries` explain colours: a colour and what it stands for.
    """

    key: str
    title: str
    says: str
    spec: Spec
    panels: Sequence[Panel]
    facts: Sequence[str]
    answer: Answer
    legend: str = ""
    entries: Sequence[tuple[str, str]] = ()


def ends(rows: Sequence[Row], measure: str, top: float, show: Callable[[float], str]) -> list[Row]:
    """The last point of each line with its label, moved apart where labels would touch.

    `top` is the top of the axis, `show` writes the value beside the name.
    """
    if not rows:
        return []
    last = max(row["snapshot_date"] for row in rows)
    lines = sorted((r for r in rows if r["snapshot_date"] == last), key=lambda r: float(r[measure]))
    places = _apart([float(row[measure]) for row in lines], top * LABEL)
    return [
        row | {"label_at": place, "label": f"{row['name']} {show(row[measure])}"}
        for row, place in zip(lines, places, strict=True)
    ]


def _apart(wanted: list[float], least: float) -> list[float]:
    """Places in the order of `wanted`, at least `least` apart, each block centred on its own."""
    blocks: list[list[float]] = []
    for value in wanted:
        blocks.append([value])
        while len(blocks) > 1 and _begin(blocks[-1], least) < _begin(
            blocks[-2], least
        ) + least * len(blocks[-2]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_begin(block, least) + least * place for block in blocks for place in range(len(block))]


def _begin(block: list[float], least: float) -> float:
    middle = sum(block) / len(block)
    return max(middle - least * (len(block) - 1) / 2, 0.0)


def provisional(rows: Sequence[Row]) -> list[Row]:
    """The days of `rows` whose figures may still move, as one stretch, or nothing."""
    days = sorted({row["snapshot_date"] for row in rows if row["is_provisional"]})
    return [{"begin": days[0] - dt.timedelta(days=1), "end": days[-1]}] if days else []
