"""Tables in the house style, by great-tables.

What belongs here: how rows become a table, whatever they are about. Styles are in
`static/site.css`; great-tables' own style sheet, 9 KB in every table and in fixed colours, is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandas as pd
from great_tables import GT
from markupsafe import Markup, escape

from dashboard import colours, words
from dashboard.publication import Row

# Stands for a cell until its table is built; private use, which no text that is shown can hold.
MARK = "\ue000(\\d+)\ue000"
Cell = Callable[[Row], str | Markup]


@dataclass(frozen=True)
class Column:
    """A column: its heading, what a cell shows, and the value that sorting compares.

    `sort` names the row's field that is compared; without one the column does not sort.
    `group` puts it under a common heading with its neighbours.
    """

    heading: str
    cell: Cell
    sort: str | None = None
    group: str = ""
    numeric: bool = True


def table(rows: Sequence[Row], columns: Sequence[Column], *, caption: str) -> Markup:
    """`rows` as an HTML table. Text in cells is escaped unless it is markup already."""
    shape = tuple((column.heading, column.group, column.numeric) for column in columns)
    before, pattern, after = _skeleton(shape)
    parts = re.split(MARK, pattern)
    body = (
        "".join(
            _cell(columns[int(part)], row) if place % 2 else part
            for place, part in enumerate(parts)
        )
        for row in rows
    )
    return Markup(
        '<div class="table" tabindex="0" role="region" aria-label="{caption}">'
        "<table><caption>{caption}</caption>{html}</table></div>"
    ).format(caption=caption, html=Markup(before + "".join(body) + after))


@cache
def _skeleton(shape: tuple[tuple[str, str, bool], ...]) -> tuple[str, str, str]:
    """A table of that shape by great-tables: what stands before its row, the row, and after.

    Its one row is repeated here for all: great-tables takes 0.3 ms a cell, and a site has
    40,000. Its style sheet goes, and the ids that would repeat from table to table.
    """
    names = [f"column_{place}" for place in range(len(shape))]
    built = GT(pd.DataFrame({name: [f"\ue000{place}\ue000"] for place, name in enumerate(names)}))
    built = built.cols_label({name: part[0] for name, part in zip(names, shape, strict=True)})
    alignments: tuple[tuple[bool, Literal["left", "right"]], ...] = (
        (False, "left"),
        (True, "right"),
    )
    for numeric, align in alignments:
        chosen = [name for name, part in zip(names, shape, strict=True) if part[2] == numeric]
        built = built.cols_align(align=align, columns=chosen) if chosen else built
    for group in dict.fromkeys(part[1] for part in shape if part[1]):
        members = [name for name, part in zip(names, shape, strict=True) if part[1] == group]
        built = built.tab_spanner(group, columns=members)
    html = built.as_raw_html()
    html = re.sub(r'\s(?:id|headers|data-quarto-[a-z-]+)="[^"]*"', "", html)
    found = re.search(r"(<thead>.*<tbody[^>]*>)(.*)(</tbody>.*)</table>", html, flags=re.S)
    assert found is not None, "great-tables wrote no table"
    return found[1], found[2].strip(), found[3]


def text(heading: str, field: str, *, group: str = "") -> Column:
    """A column of words from the data."""
    return Column(heading, lambda row: name(row[field] or "—"), field, group, numeric=False)


def number(heading: str, field: str, *, group: str = "") -> Column:
    """A column of whole numbers."""
    return Column(heading, lambda row: words.count(row[field]), field, group)


def measure(heading: str, field: str, *, group: str = "") -> Column:
    """A column of numbers of any size and unit, in four figures."""
    return Column(heading, lambda row: words.figures(row[field]), field, group)


def days(heading: str, field: str, *, group: str = "") -> Column:
    """A column of durations in days; too few events to tell is said so."""
    shown = Markup('<span class="none">not measurable</span>')
    return Column(
        heading, lambda row: shown if row[field] is None else f"{row[field]:.1f}", field, group
    )


def day(heading: str, field: str, *, group: str = "") -> Column:
    """A column of dates."""
    return Column(heading, lambda row: words.day(row[field]), field, group, numeric=False)


def percent(heading: str, field: str, *, group: str = "") -> Column:
    """A column of shares."""
    return Column(heading, lambda row: words.percent(row[field]), field, group)


def change(heading: str, field: str, *, group: str = "") -> Column:
    """A column of changes in percentage points, in the colour of their sign."""

    def cell(row: Row) -> Markup:
        if row[field] is None:
            return Markup('<span class="none" title="not measured that long before">—</span>')
        shown = words.points(row[field])
        mood = "same" if shown[0].isdigit() else "up" if row[field] > 0 else "down"
        return Markup('<span class="{}">{}</span>').format(mood, shown)

    return Column(heading, cell, field, group)


def bars(
    heading: str, field: str, rows: Sequence[Row], *, group: str = "", beside: str = ""
) -> Column:
    """A column of shares with bars, the longest as long as the largest of `rows`.

    `beside` names a second field of the same scale.
    """
    fields = [field, beside] if beside else [field]
    widest = max((row[one] for row in rows for one in fields if row[one] is not None), default=0)

    def cell(row: Row) -> Markup:
        share = row[field]
        if share is None:
            return missing(row.get("null_reason"))
        length = 100 * share / widest if widest else 0
        return Markup('<span class="bar" style="--length: {:.1f}%">{}</span>').format(
            length, words.percent(share)
        )

    return Column(heading, cell, field, group)


def country(heading: str, field: str, key: str) -> Column:
    """A column of countries: the name in `field` with the colour of the country in `key`."""

    def cell(row: Row) -> Markup:
        colour = "transparent" if row[key] in words.NO_COUNTRY else colours.country(row[key])
        return Markup('<span class="swatch" style="--colour: {}">{}</span>').format(
            colour, name(row[field])
        )

    return Column(heading, cell, field, numeric=False)


def name(value: Any, *, href: str = "") -> Markup:
    """A name from the data, kept apart from the direction of the text around it."""
    shown = Markup(f"<bdi>{escape(words.legible(value))}</bdi>")
    return Markup('<a href="{}">{}</a>').format(href, shown) if href else shown


def missing(reason: str | None) -> Markup:
    """What stands in a cell without a value: the reason, a dash where there is none."""
    if not reason:
        return Markup('<span class="none">—</span>')
    return Markup('<span class="none">{}</span>').format(words.unmeasured(reason))


def _cell(column: Column, row: Row) -> str:
    shown = column.cell(row)
    if column.sort is None:
        return str(escape(shown))
    value = row[column.sort]
    key = "" if value is None else words.legible(value)
    # 40,000 times a site: Markup.format takes thrice as long.
    return f'<span data-sort="{escape(key)}">{escape(shown)}</span>'
