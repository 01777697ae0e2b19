"""Compacting a sealed day: its attributes join those of its month, its counters become narrow.

What belongs here: writing the compacted form, proving that it is the day, and only then
removing the whole file. Which days may be compacted is `retention.py`'s; how the form is read
is `reading.py`'s.

A crash at any moment leaves the whole file, or a compacted form that was proven: files that the
month's manifest does not name are no part of it and are written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.errors import Refusal
from orchestration.home import Home, sync_folder
from orchestration.snapshots import content, reading, sealing, store
from orchestration.snapshots.reading import (
    ATTRIBUTES,
    COUNTERS,
    ROW,
    AttributesFile,
    CompactedDay,
    Month,
)
from orchestration.snapshots.store import Sealed


@dataclass(frozen=True)
class Compacted:
    """One day, and its bytes on disk before and after (its share of new attributes included)."""

    sealed: Sealed
    bytes_before: int
    bytes_after: int


def compact(home: Home, sealed: Sealed) -> Compacted:
    """Compact a day that lies whole; the caller holds the home's lock.

    The whole file goes only after the compacted form was read back and gave the day's
    `content_sha256`. A Refusal, with nothing removed, where the whole file is not what was
    sealed or the compacted form is not the day.
    """
    whole = store.parquet_of(home, sealed)
    if problem := reading.damage(home, sealed, {}):
        raise Refusal(
            f"the day {sealed.snapshot_date} is not compacted: {problem}",
            file=whole,
            cure="restore the file from a backup, or import the day again",
        )
    before = whole.stat().st_size
    month = reading.read_month(home, reading.month_of(sealed.snapshot_date))
    after = 0
    if month.find(sealed) is None:
        month, after = _write(home, month, sealed)
    # Also a form that an earlier run wrote before it was killed.
    _prove(home, month, sealed)
    reading.write_month(home, month)
    whole.unlink()
    sync_folder(whole.parent)
    return Compacted(sealed, before, after)


def _write(home: Home, month: Month, sealed: Sealed) -> tuple[Month, int]:
    """Write the compacted form; gives the month as it is with it, and the bytes written."""
    names = ", ".join(f'"{name}"' for name in COUNTERS)
    counters = reading.counters_file(home, sealed)
    written = 0
    with connect(
        folders=[home.raw], temporary=home.temporary / "compaction", ordered=True
    ) as connection:
        new = _number(connection, home, month, sealed)
        if new:
            name = f"attributes.{len(month.attributes) + 1:04}.parquet"
            file = reading.month_folder(home, month.month) / name
            sealing.write_file(file, _writer(connection, _new_attributes(home, month, sealed)))
            added = AttributesFile(name, month.next_row, new, store.sha256_of(file))
            month = replace(month, attributes=(*month.attributes, added))
            written += file.stat().st_size
        narrow = f"select {ROW}, {names} from numbered order by {ROW}"
        sealing.write_file(counters, _writer(connection, narrow))
        written += counters.stat().st_size
    day = CompactedDay(
        sealed.snapshot_date.isoformat(),
        sealed.version,
        sealed.content_sha256,
        sealed.rows,
        counters.name,
        store.sha256_of(counters),
    )
    return replace(month, days=(*month.days, day)), written


def _number(connection: duckdb.DuckDBPyConnection, home: Home, month: Month, sealed: Sealed) -> int:
    """Make the table `numbered`: each row's place in the whole file, its attributes, counters.

    Gives how many attribute versions the month does not have yet; they get the next numbers.
    """
    version = f"md5_number({content.as_text(ATTRIBUTES)}) as version"
    folder = reading.month_folder(home, month.month)
    files = [folder / one.file for one in month.attributes]
    known = f"select {ROW}, {version} from read_parquet({literals(files)})"
    if not files:
        known = f"select 0::bigint as {ROW}, 0::uhugeint as version where false"
    counters = ", ".join(f'"{name}"' for name in COUNTERS)
    connection.execute(
        f"""
        create temp table numbered as
        select place, {counters}, known.{ROW} is null as is_new,
            coalesce(known.{ROW}, {month.next_row - 1} + count(*) filter (known.{ROW} is null)
                over (order by place rows unbounded preceding)) as {ROW}
        from (
            select file_row_number as place, {counters}, {version}
            from read_parquet({literal(store.parquet_of(home, sealed))},
                file_row_number = true, hive_partitioning = false)
        )
        left join ({known}) as known using (version)
        """
    )
    return int(connection.execute("select count(*) filter (is_new) from numbered").fetchall()[0][0])


def _new_attributes(home: Home, month: Month, sealed: Sealed) -> str:
    """SQL that gives the attribute versions that the month does not have yet, numbered."""
    attributes = ", ".join(f'"{name}"' for name in ATTRIBUTES)
    whole = (
        f"read_parquet({literal(store.parquet_of(home, sealed))}, file_row_number = true, "
        "hive_partitioning = false)"
    )
    if not month.attributes:
        # Every row is new and lies in order: sorting 5 M rows with their tags would spill.
        return f"select file_row_number as {ROW}, {attributes} from {whole}"
    return (
        f"select {ROW}, {attributes} from {whole} join numbered on file_row_number = place "
        f"where is_new order by {ROW}"
    )


def _writer(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        connection.execute(
            f"copy ({query}) to {literal(path)} "
            "(format parquet, parquet_version v2, compression zstd)"
        )

    return write


def _prove(home: Home, month: Month, sealed: Sealed) -> None:
    """Read the day from its compacted form; a Refusal unless it is the day that was sealed."""
    with connect(folders=[home.raw], temporary=home.temporary / "compaction") as connection:
        rows = reading.compacted_records(home, month, [sealed])
        found = content.measure(connection, f"({rows})", sealed.quarantined)
    sealed_as = content.Content(sealed.rows, sealed.downloads, sealed.content_sha256)
    if found != sealed_as:
        raise Refusal(
            f"the compacted form of {sealed.snapshot_date} is not the day: {found.rows:,} rows "
            f"and {found.downloads:,} downloads with another hash than the "
            f"{sealed.rows:,} and {sealed.downloads:,} that were sealed",
            file=reading.counters_file(home, sealed),
            cure="nothing was removed and the whole file counts; report this",
        )
