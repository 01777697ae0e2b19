"""The weeks of a table that accumulates by day: what each holds, and which are as published.

What belongs here: the sums that tell one week's rows from another's, and where a week's Parquet
file lies. A week that is as readers see it is neither computed nor written again: so what a day
costs does not grow with the years before it. Weeks are those of ISO 8601, Monday to Sunday.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.gates.tables import TABLES
from orchestration.publication.generation import Manifest, canonical, sha256_of_sum

DAY = "snapshot_date"
# From so many rows a table is taken over week by week, what is smaller is written anew at once;
# and from so many its Parquet twin is a folder of weeks.
TAKEN_OVER_FROM = 100_000
DIVIDED_FROM = 1_000_000

# Told anew of every day by each build: what the first gate says now of a day of last year.
TOLD_ANEW = ("fct_snapshot_quality_daily",)

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Week:
    """A week's rows; a sum of hashes of their `bits`, and of their `content` to 12 digits.

    `content` is what must not differ between equal builds, `bits` what is the same for rows that
    nobody touched, and costs a tenth. `generation` wrote them, None where none has yet.
    """

    rows: int
    bits: str
    content: str
    generation: str | None = None


# By the week's name, as 2026-W44.
Weeks = dict[str, Week]


def accumulates(name: str) -> bool:
    """Whether the table `name` has rows of each day, and so weeks."""
    return TABLES[name].grain[0] == DAY


def is_taken_over(weeks: Weeks) -> bool:
    """Whether a table of these weeks is large enough to be taken over from the file before."""
    return sum(week.rows for week in weeks.values()) >= TAKEN_OVER_FROM


def is_divided(weeks: Weeks) -> bool:
    """Whether the Parquet twin of a table of these weeks is a folder of weeks."""
    return sum(week.rows for week in weeks.values()) >= DIVIDED_FROM


def of_manifest(manifest: Manifest, name: str) -> Weeks:
    """The weeks of the table `name` that a generation's manifest lists; {} where it has none."""
    listed: dict[str, dict[str, Any]] = manifest["tables"].get(name, {}).get("weeks", {})
    return {week: Week(**entry) for week, entry in listed.items()}


def entries(weeks: Weeks, generation: str) -> dict[str, dict[str, Any]]:
    """The weeks as the manifest of `generation` lists them: it writes what nobody has yet."""
    return {
        week: asdict(replace(one, generation=one.generation or generation))
        for week, one in sorted(weeks.items())
    }


def in_all(columns: Columns, weeks: Weeks) -> tuple[int, str]:
    """Rows and content hash of the whole table, as `generation.content_sha256` gives them."""
    rows = sum(week.rows for week in weeks.values())
    total = sum(int(week.content) for week in weeks.values()) if weeks else None
    return rows, sha256_of_sum(columns, rows, total)


def same(before: Manifest, after: Manifest, name: str) -> set[str]:
    """The weeks of the table `name` that two generations have in common, bit for bit."""
    if before["tools"]["duckdb"] != after["tools"]["duckdb"]:
        return set()
    old, new = of_manifest(before, name), of_manifest(after, name)
    return {week for week in new if is_same(old.get(week), new[week])}


def is_same(one: Week | None, other: Week) -> bool:
    """Whether two weeks hold the same rows."""
    return one is not None and (one.rows, one.bits) == (other.rows, other.bits)


def unsettled_from(before: Manifest, after: Manifest) -> date | None:
    """The first day of the oldest week that differs in any table; None where all may differ.

    What was judged by other rules, or is listed in other tables, is not settled.
    """
    if before["code_version"] != after["code_version"]:
        return None
    found: list[str] = []
    for name in after["tables"]:
        if accumulates(name):
            old = of_manifest(before, name)
            # A table without rows has no weeks; one of an older program has rows and lists none.
            if before["tables"].get(name, {}).get("rows") != sum(one.rows for one in old.values()):
                return None
            every = {*old, *of_manifest(after, name)}
            found += every - same(before, after, name)
    return first_day(min(found)) if found else date.max


def over_before(name: str, known: Weeks, since: date) -> set[str]:
    """The `known` weeks of the table `name` in which builds from `since` on changed nothing."""
    if name in TOLD_ANEW:
        return set()
    return {week for week in known if first_day(week) + timedelta(7) <= since}


def week_of(day: date) -> str:
    """The name of the week of `day`: 2026-W44."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def first_day(week: str) -> date:
    """The Monday of a week like 2026-W44."""
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)


def is_in(weeks: Iterable[str]) -> str:
    """SQL of whether a row is of one of `weeks`: bounds, by which row groups are passed over."""
    spans: list[tuple[date, date]] = []
    for monday in sorted(map(first_day, weeks)):
        if spans and spans[-1][1] == monday:
            spans[-1] = (spans[-1][0], monday + timedelta(7))
        else:
            spans.append((monday, monday + timedelta(7)))
    if not spans:
        return "false"
    either = " or ".join(
        f"({DAY} >= date '{since}' and {DAY} < date '{until}')" for since, until in spans
    )
    return f"({either})"


def sums_of_bits(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Columns, condition: str = "true"
) -> dict[str, tuple[int, str]]:
    """Rows and the sum of hashes of the bits of each week of `relation`."""
    values = ", ".join(f'"{name}"' for name, _ in columns)
    return _sums(connection, relation, values, condition)


def sums_of_content(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Columns,
    chosen: Collection[str],
) -> dict[str, tuple[int, str]]:
    """The same of their content, fractions to 12 digits, for the `chosen` weeks."""
    values = ", ".join(canonical(name, kind) for name, kind in columns)
    return _sums(connection, relation, values, is_in(chosen))


def _sums(
    connection: duckdb.DuckDBPyConnection, relation: str, values: str, condition: str
) -> dict[str, tuple[int, str]]:
    # By day: to ask each row for its week costs as much as a quarter of the hashes.
    found = connection.execute(
        f"select {DAY}, count(*), sum(hash({values})) from {relation} where {condition} group by 1"
    ).fetchall()
    rows, totals = Counter[str](), Counter[str]()
    for day, count, total in found:
        rows[week_of(day)] += count
        totals[week_of(day)] += total
    return {week: (rows[week], str(totals[week])) for week in rows}


def measure(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Columns,
    known: Weeks,
    untouched: Collection[str] = (),
) -> Weeks:
    """The weeks of `relation`; of those that `known` holds bit for bit, what is known.

    Of the `untouched` weeks nothing is read: they are known to be what they were.
    """
    unread = {week: known[week] for week in untouched if week in known}
    bits = sums_of_bits(connection, relation, columns, f"not {is_in(unread)}")
    kept = {
        week: known[week]
        for week, (rows, total) in bits.items()
        if week in known and (known[week].rows, known[week].bits) == (rows, total)
    }
    content = sums_of_content(connection, relation, columns, bits.keys() - kept.keys())
    return (
        unread
        | kept
        | {week: Week(rows, bits[week][1], total) for week, (rows, total) in content.items()}
    )


def twin_of(folder: Path, name: str) -> Path:
    """The Parquet twin of a table: a file, or the folder of its weeks."""
    return folder / f"{name}.parquet"


def twin_of_week(folder: Path, name: str, week: str) -> Path:
    """The Parquet file of a week of a table that is divided."""
    return twin_of(folder, name) / f"{week}.parquet"
