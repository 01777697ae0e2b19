"""Compacting a sealed day: keys and attributes are stored once, counters as narrow columns.

What belongs here: writing the compacted form, proving that it is the day, and only then
removing the whole file. Which days may be compacted is `retention.py`'s; how the form is read
is `reading.py`'s.

A crash at any moment leaves the whole file, or a compacted form that was proven. No file of keys or
of attributes is written over: what a crash left unnamed stays, unread, and the next takes another
name, for a manifest that is put back may name it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.errors import Refusal
from orchestration.home import Home, sync_folder
from orchestration.snapshots import content, reading, sealing, store
from orchestration.snapshots.reading import (
    ATTRIBUTES,
    ATTRIBUTES_ROW,
    COUNTERS,
    KEY_ROW,
    KEYS,
    CompactedDay,
    Month,
    Part,
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
    keys = reading.read_keys(home)
    _refuse_older_manifests(home, keys)
    known = {*month.attributes, *keys}
    written = month.find(sealed)
    if written is None or not _is_there(reading.counters_file(home, sealed), written.sha256):
        month = replace(month, days=tuple(day for day in month.days if day != written))
        month, keys = _write(home, month, keys, sealed)
    # Also a form that an earlier run wrote before it was killed.
    _prove(home, month, keys, sealed)
    reading.write_keys(home, keys)
    reading.write_month(home, month)
    whole.unlink()
    sync_folder(whole.parent)
    files = [reading.counters_file(home, sealed)]
    files += [reading.keys_folder(home) / one.file for one in keys if one not in known]
    folder = reading.month_folder(home, month.month)
    files += [folder / one.file for one in month.attributes if one not in known]
    return Compacted(sealed, before, sum(file.stat().st_size for file in files))


def _refuse_older_manifests(home: Home, keys: Parts) -> None:
    """A Refusal where a manifest does not lead to a day, of any month, that lies compacted alone.

    Rows that are added to an older manifest get numbers that such days know as others.
    """
    read_month = cache(lambda name: reading.read_month(home, name))
    for file in sorted((home.raw / store.MODELS).glob("snapshot_date=*/counters.*.parquet")):
        if file.with_name(file.name.replace("counters", "models", 1)).exists():
            continue
        date = file.parent.name.removeprefix("snapshot_date=")
        month = read_month(date[:7])
        named = [day for day in month.days if (day.snapshot_date, day.file) == (date, file.name)]
        if not named:
            raise reading.older_manifest(reading.month_folder(home, month.month), date)
        if not named[-1].finds_keys(keys):
            raise reading.older_manifest(reading.keys_folder(home), date)


def _is_there(file: Path, sha256: str) -> bool:
    return file.exists() and store.sha256_of(file) == sha256


Parts = tuple[Part, ...]
_KINDS = {KEY_ROW: "keys", ATTRIBUTES_ROW: "attributes"}


def _write(home: Home, month: Month, keys: Parts, sealed: Sealed) -> tuple[Month, Parts]:
    """Write the compacted form; gives month and keys as they are with it."""
    counters = reading.counters_file(home, sealed)
    with connect(
        folders=[home.raw], temporary=home.temporary / "compaction", ordered=True
    ) as connection:
        _read(connection, home, sealed)
        folder = reading.keys_folder(home)
        _number(connection, KEY_ROW, KEYS, ["key_md5"], folder, keys)
        keys = _add(connection, home, sealed, KEY_ROW, KEYS, [KEY_ROW], folder, keys)
        folder, parts = reading.month_folder(home, month.month), month.attributes
        _number(connection, ATTRIBUTES_ROW, ATTRIBUTES, [KEY_ROW, "attributes_md5"], folder, parts)
        rows = [ATTRIBUTES_ROW, KEY_ROW]
        parts = _add(connection, home, sealed, ATTRIBUTES_ROW, ATTRIBUTES, rows, folder, parts)
        names = ", ".join(f'"{name}"' for name in COUNTERS)
        narrow = f"select {KEY_ROW}, {ATTRIBUTES_ROW}, {names} from today order by {ATTRIBUTES_ROW}"
        sealing.write_file(counters, _writer(connection, narrow))
    day = CompactedDay(
        sealed.snapshot_date.isoformat(),
        sealed.version,
        sealed.content_sha256,
        sealed.rows,
        counters.name,
        store.sha256_of(counters),
        keys[-1].sha256 if keys else "",
    )
    return replace(month, attributes=parts, days=(*month.days, day)), keys


def _whole(home: Home, sealed: Sealed) -> str:
    file = literal(store.parquet_of(home, sealed))
    return f"read_parquet({file}, file_row_number = true, hive_partitioning = false)"


def _read(connection: duckdb.DuckDBPyConnection, home: Home, sealed: Sealed) -> None:
    """Make the table `today`: each row's place in the whole file, its counters, what it is."""
    counters = ", ".join(f'"{name}"' for name in COUNTERS)
    connection.execute(
        f"create temp table today as select file_row_number as place, {counters}, "
        f"md5_number({content.as_text(KEYS)}) as key_md5, "
        f"md5_number({content.as_text(ATTRIBUTES)}) as attributes_md5 "
        f"from {_whole(home, sealed)}"
    )


def _number(
    connection: duckdb.DuckDBPyConnection,
    row: str,
    columns: Sequence[str],
    identity: Sequence[str],
    folder: Path,
    parts: Parts,
) -> None:
    """Add to `today` the number `row` of what `columns` hold, and whether it is new.

    What `parts` know keeps its number, the rest gets the next ones. `identity` are the columns
    of `today` by which it is known: an MD5 of `columns`, and with attributes whose they are.
    """
    md5 = identity[-1]
    if parts:
        files = literals(folder / one.file for one in parts)
        known = (
            f"select {', '.join([row, *identity[:-1]])}, "
            f"md5_number({content.as_text(columns)}) as {md5} from read_parquet({files})"
        )
    else:
        known = f"select 0::bigint as {row}, {', '.join(identity)} from today where false"
    connection.execute(
        f"""
        create or replace temp table today as
        select today.*, known.{row} is null as is_new_{row},
            coalesce(known.{row}, {reading.next_row(parts) - 1} + row_number()
                over (partition by known.{row} is null order by place))
                as {row}
        from today left join ({known}) as known using ({", ".join(identity)})
        """
    )


def _add(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    sealed: Sealed,
    row: str,
    columns: Sequence[str],
    rows: Sequence[str],
    folder: Path,
    parts: Parts,
) -> Parts:
    """Write what is new of `columns`, with the numbers `rows`; gives `parts` with that file."""
    new = connection.execute(f"select count(*) filter (is_new_{row}) from today").fetchall()[0][0]
    if not new:
        return parts
    names = ", ".join([*rows, *(f'"{name}"' for name in columns)])
    # Not sorted: they come in the order of the whole file, and sorting 5 M rows would spill.
    added = f"select place, {', '.join(rows)} from today where is_new_{row}"
    query = f"select {names} from {_whole(home, sealed)} join ({added}) on file_row_number = place"
    file = _unused(folder, _KINDS[row], parts)
    sealing.write_file(file, _writer(connection, query))
    return (*parts, Part(file.name, reading.next_row(parts), new, store.sha256_of(file)))


def _unused(folder: Path, kind: str, parts: Parts) -> Path:
    """The next file of a kind that neither lies there nor is named."""
    named = {one.file for one in parts}
    files = (folder / f"{kind}.{number:04}.parquet" for number in count(len(parts) + 1))
    return next(file for file in files if file.name not in named and not file.exists())


def _writer(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        connection.execute(
            f"copy ({query}) to {literal(path)} "
            "(format parquet, parquet_version v2, compression zstd)"
        )

    return write


def _prove(home: Home, month: Month, keys: Parts, sealed: Sealed) -> None:
    """Read the day from its compacted form; a Refusal unless it is the day that was sealed."""
    with connect(folders=[home.raw], temporary=home.temporary / "compaction") as connection:
        rows = reading.compacted_records(home, {month.month: month}, keys, [sealed])
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
