"""The months of a table that accumulates by day: what each holds, and which are as published.

What belongs here: the sums that tell one month's rows from another's, and where a month's Parquet
file lies. A month that is as readers see it is neither computed, written nor asked about again:
so what a day costs does not grow with the years before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import literals
from orchestration.gates.tables import TABLES
from orchestration.publication.generation import Manifest, canonical, sha256_of_sum

DAY = "snapshot_date"
# From so many rows a table's Parquet twin is a folder of months: eight days of the whole Hub's
# organizations. What is smaller is written anew in less than a second.
DIVIDED_FROM = 1_000_000

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Month:
    """A month's rows; a sum of hashes of their `bits`, and of their `content` to 12 digits.

    `content` is what must not differ between equal builds, `bits` what is the same for rows that
    nobody touched, and costs a tenth. `generation` wrote them, None where none has yet.
    """

    rows: int
    bits: str
    content: str
    generation: str | None = None


Months = dict[str, Month]


def accumulates(name: str) -> bool:
    """Whether the table `name` has rows of each day, and so months."""
    return TABLES[name].grain[0] == DAY


def is_divided(name: str, months: Months) -> bool:
    """Whether its Parquet twin is a folder of months."""
    return accumulates(name) and sum(month.rows for month in months.values()) >= DIVIDED_FROM


def of_manifest(manifest: Manifest, name: str) -> Months:
    """The months of the table `name` that a generation's manifest lists; {} where it has none."""
    listed: dict[str, dict[str, Any]] = manifest["tables"].get(name, {}).get("months", {})
    return {month: Month(**entry) for month, entry in listed.items()}


def entries(months: Months, generation: str) -> dict[str, dict[str, Any]]:
    """The months as the manifest of `generation` lists them: it writes what nobody has yet."""
    return {
        month: asdict(replace(one, generation=one.generation or generation))
        for month, one in sorted(months.items())
    }


def in_all(columns: Columns, months: Months) -> tuple[int, str]:
    """Rows and content hash of the whole table, as `generation.content_sha256` gives them."""
    rows = sum(month.rows for month in months.values())
    total = sum(int(month.content) for month in months.values()) if months else None
    return rows, sha256_of_sum(columns, rows, total)


def same(before: Manifest, after: Manifest, name: str) -> set[str]:
    """The months of the table `name` that two generations have in common, bit for bit."""
    if before["tools"]["duckdb"] != after["tools"]["duckdb"]:
        return set()
    old, new = of_manifest(before, name), of_manifest(after, name)
    return {month for month in new if is_same(old.get(month), new[month])}


def is_same(one: Month | None, other: Month) -> bool:
    """Whether two months hold the same rows."""
    return one is not None and (one.rows, one.bits) == (other.rows, other.bits)


def unsettled_from(before: Manifest, after: Manifest) -> date | None:
    """The first day of the oldest month that differs in any table; None where all may differ.

    What was judged by other rules, or is listed in other tables, is not settled.
    """
    if before["code_version"] != after["code_version"]:
        return None
    found: list[str] = []
    for name in after["tables"]:
        if accumulates(name):
            if not of_manifest(before, name):
                return None
            every = {*of_manifest(before, name), *of_manifest(after, name)}
            found += every - same(before, after, name)
    return first_day(min(found)) if found else date.max


def first_day(month: str) -> date:
    """The first day of a month like 2026-10."""
    return date.fromisoformat(f"{month}-01")


def is_in(months: Iterable[str]) -> str:
    """SQL of whether a row is of one of `months`."""
    ordered = sorted(months)
    if not ordered:
        return "false"
    # The bound lets whole row groups of older days be passed over.
    return (
        f"({DAY} >= date '{first_day(ordered[0])}' "
        f"and list_contains({literals(ordered)}, strftime({DAY}, '%Y-%m')))"
    )


def sums_of_bits(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Columns
) -> dict[str, tuple[int, str]]:
    """Rows and the sum of hashes of the bits of each month of `relation`."""
    values = ", ".join(f'"{name}"' for name, _ in columns)
    return _sums(connection, relation, values, "true")


def sums_of_content(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Columns,
    chosen: Collection[str],
) -> dict[str, tuple[int, str]]:
    """The same of their content, fractions to 12 digits, for the `chosen` months."""
    values = ", ".join(canonical(name, kind) for name, kind in columns)
    return _sums(connection, relation, values, is_in(chosen))


def _sums(
    connection: duckdb.DuckDBPyConnection, relation: str, values: str, condition: str
) -> dict[str, tuple[int, str]]:
    found = connection.execute(
        f"select strftime({DAY}, '%Y-%m'), count(*), sum(hash({values}))::varchar "
        f"from {relation} where {condition} group by all"
    ).fetchall()
    return {month: (rows, total) for month, rows, total in found}


def measure(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Columns, known: Months
) -> Months:
    """The months of `relation`; of those that `known` holds bit for bit, what is known."""
    bits = sums_of_bits(connection, relation, columns)
    kept = {
        month: known[month]
        for month, (rows, total) in bits.items()
        if month in known and (known[month].rows, known[month].bits) == (rows, total)
    }
    content = sums_of_content(connection, relation, columns, bits.keys() - kept.keys())
    return kept | {
        month: Month(rows, bits[month][1], total) for month, (rows, total) in content.items()
    }


def twin_of(folder: Path, name: str) -> Path:
    """The Parquet twin of a table: a file, or the folder of its months."""
    return folder / f"{name}.parquet"


def twin_of_month(folder: Path, name: str, month: str) -> Path:
    """The Parquet file of a month of a table that is divided."""
    return twin_of(folder, name) / f"{month}.parquet"
