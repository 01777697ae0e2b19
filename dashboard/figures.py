"""A chart with everything that must stand beside it.

What belongs here: what a figure is made of. How it is drawn is in `charts`, what it says in the
page that shows it, its markup in `templates/parts.html`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.publication import Answer, Row

Spec = dict[str, Any]


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


def provisional(rows: Sequence[Row]) -> list[Row]:
    """The days of `rows` whose figures may still move, as one stretch, or nothing."""
    days = sorted({row["snapshot_date"] for row in rows if row["is_provisional"]})
    return [{"begin": days[0] - dt.timedelta(days=1), "end": days[-1]}] if days else []
