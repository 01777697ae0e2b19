"""A generated world written to files, without HTTP.

What belongs here: raw snapshots and archives, day by day, a quarter of a million models at a
time, so that memory does not grow with the world.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from local_hub.world.encoding import SOURCES, json_objects
from local_hub.world.texts import COLUMNS, FIXED_COLUMNS, SCHEMA
from local_hub.world.world import CHUNK, World

FILES_AT_ONCE = 100


def tables(world: World, on: date) -> Iterator[pa.Table]:
    """The raw columns of one day, in parts of at most 250,000 models, by creation."""
    texts, rows = world.texts(on), world.rows(on)
    for part in np.array_split(rows, _parts(len(rows))):
        yield texts.table(part)


def write_raw(
    world: World,
    folder: Path,
    *,
    dates: Iterable[date] | None = None,
    written: Callable[[date, Path, int], None] = lambda *_: None,
) -> None:
    """Write `folder/snapshot_date=D/models.v1.parquet` for each of `dates` (default: all).

    The columns are those of raw snapshots. All days grow side by side, so that what does not
    change with the day is made once (3 s of one core per million models and day). `written` is
    told each day, its file and its rows.
    """
    wanted = list(world.dates if dates is None else dates)
    for begin in range(0, len(wanted), FILES_AT_ONCE):
        files = {
            on: folder / f"snapshot_date={on}" / "models.v1.parquet"
            for on in wanted[begin : begin + FILES_AT_ONCE]
        }
        for on, rows in _write_side_by_side(world, files).items():
            written(on, files[on], rows)


def _write_side_by_side(world: World, files: Mapping[date, Path]) -> dict[date, int]:
    """Write several days at once. Returns the rows of each."""
    texts = {on: world.texts(on) for on in files}
    written = dict.fromkeys(files, 0)
    moving = [name for name in COLUMNS if name not in FIXED_COLUMNS]
    with contextlib.ExitStack() as stack:
        writers = {on: stack.enter_context(_writer(file)) for on, file in files.items()}
        for part in np.array_split(np.arange(len(world.models)), _parts(len(world.models))):
            fixed = texts[next(iter(files))].table(part, FIXED_COLUMNS)
            for on in files:
                there = world.is_there(part, on)
                table = texts[on].table(part[there], moving)
                kept = fixed if there.all() else fixed.filter(pa.array(there))
                for name in FIXED_COLUMNS:
                    table = table.append_column(name, kept[name])
                if table.num_rows:
                    writers[on].write_table(table.select(COLUMNS))
                    written[on] += table.num_rows
    return written


def write_day(world: World, on: date, file: Path) -> int:
    """Write the raw columns of one day to a Parquet file. Returns its number of rows."""
    rows = 0
    with _writer(file) as writer:
        for table in tables(world, on):
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _writer(file: Path) -> pq.ParquetWriter:
    file.parent.mkdir(parents=True, exist_ok=True)
    return pq.ParquetWriter(file, SCHEMA, compression="zstd", compression_level=1)


def _parts(rows: int) -> int:
    return max(1, -(-rows // CHUNK))


def write_archive(
    world: World,
    folder: Path,
    *,
    kind: Literal["parquet", "ndjson.gz"] = "parquet",
    dates: Iterable[date] | None = None,
) -> None:
    """Write `folder/D.parquet` or `folder/D.ndjson.gz` for each day, in the Hub's field names."""
    folder.mkdir(parents=True, exist_ok=True)
    for on in world.dates if dates is None else dates:
        file = folder / f"{on}.{kind}"
        if kind == "parquet":
            write_day(world, on, file)
            continue
        with gzip.open(file, "wb", compresslevel=3) as lines:
            for table in tables(world, on):
                objects = json_objects(table, SOURCES)
                lines.write("\n".join([*objects.to_pylist(), ""]).encode())


def write_dataset(world: World, folder: Path, *, dates: Iterable[date] | None = None) -> None:
    """Write a dataset repository with one revision a day, `folder/DT063000Z/models.parquet`.

    In the shape of the Hub's public daily archive: no author_type, safetensors a struct.
    """
    for on in world.dates if dates is None else dates:
        file = folder / f"{on}T063000Z" / "models.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        parts = [_as_in_dataset(table) for table in tables(world, on)]
        pq.write_table(pa.concat_tables(parts), file, compression="zstd")


def _as_in_dataset(table: pa.Table) -> pa.Table:
    total = table["safetensors_total"].combine_chunks()
    weights = pa.StructArray.from_arrays([total], ["total"], mask=total.is_null())
    kept = table.drop_columns(["author_type", "safetensors_total"])
    return kept.append_column("safetensors", weights)
