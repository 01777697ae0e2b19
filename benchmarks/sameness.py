"""Whether the hand-written script says what the pipeline says, mart by mart.

What belongs here: the comparison of two files of marts, row by row and column by column. Counts,
dates and texts must be the same; figures may differ by 1e-9, or by that share of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.lean import LEFT_OUT, MARTS
from orchestration.gates.tables import TABLES

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Agreement:
    """One mart: its rows on both sides, and which columns differ in how many rows."""

    mart: str
    lean_rows: int
    our_rows: int
    common_rows: int
    columns: int
    differing: dict[str, int]

    @property
    def holds(self) -> bool:
        return self.lean_rows == self.our_rows == self.common_rows and not self.differing

    def row(self) -> str:
        said = "the same" if self.holds else f"differs: {self.differing or 'rows'}"
        return (
            f"| {self.mart} | {self.our_rows:,} | {self.lean_rows:,} | {self.common_rows:,} "
            f"| {self.columns} | {said} |"
        )


def compare(lean: Path, ours: Path, schema: str = "main") -> Iterator[Agreement]:
    """Each mart of the script's file `lean` with that of `ours`, in its `schema`."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{lean}' as lean (read_only)")
        # A mart that is a view names its own file as it was called.
        connection.execute(f"attach '{ours}' as {ours.stem} (read_only)")
        for mart in MARTS:
            yield _compare(connection, mart, f"{ours.stem}.{schema}.{mart}")


def _compare(connection: duckdb.DuckDBPyConnection, mart: str, ours: str) -> Agreement:
    table = TABLES[mart]
    others = [column for column in table.columns if column.name not in table.grain]
    is_same = {
        column.name: f"(abs(l.{column.name} - o.{column.name}) <= {TOLERANCE} * greatest(1, "
        f"abs(o.{column.name})) or (l.{column.name} is null and o.{column.name} is null))"
        if column.type == "DOUBLE"
        else f"l.{column.name} is not distinct from o.{column.name}"
        for column in others
    }
    differing = "".join(
        f", count(*) filter (not coalesce({same}, false))" for same in is_same.values()
    )
    pairs = " and ".join(f"l.{name} is not distinct from o.{name}" for name in table.grain)
    lean_rows, our_rows, common, *counts = connection.execute(
        f"select (select count(*) from lean.{mart}), (select count(*) from {ours}), count(*)"
        f"{differing} from lean.{mart} as l join {ours} as o on {pairs}"
    ).fetchall()[0]
    found = {name: count for name, count in zip(is_same, counts, strict=True) if count}
    return Agreement(mart, lean_rows, our_rows, common, len(table.columns), found)


def report(lean: Path, ours: Path) -> str:
    """The comparison as a table, with what the script leaves out."""
    lines = [
        "| mart | our rows | lean rows | common | columns | |",
        "|---|---:|---:|---:|---:|---|",
        *(agreement.row() for agreement in compare(lean, ours)),
        *(f"| {name} | | | | | left out |" for name in LEFT_OUT),
    ]
    return "\n".join(lines)
