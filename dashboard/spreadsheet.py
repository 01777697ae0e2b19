"""CSV files that a spreadsheet opens without running anything in them.

What belongs here: the CSV beside each chart. The Parquet twins are the publication's.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# What the common spreadsheets take for the beginning of a formula or of another cell.
_BEGINS_FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")


def inert(value: Any) -> Any:
    """`value`, quoted with an apostrophe where it is text that a spreadsheet would run."""
    if isinstance(value, str) and value.lstrip(" ").startswith(_BEGINS_FORMULA):
        return f"'{value}"
    return value


def write(path: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write `rows` under a header; an absent value is an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        cells = [_inert([row[column] for row in rows]) for column in columns]
        writer.writerows(zip(*cells, strict=True))


def _inert(values: list[Any]) -> list[Any]:
    texts = {value: inert(value) for value in set(values) if isinstance(value, str)}
    return [texts.get(value, value) for value in values] if texts else values
