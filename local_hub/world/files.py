"""A generated world written to files, without HTTP.

What belongs here: raw snapshots and archives, day by day, a quarter of a million models at a
time, so that memory does not grow with the world.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from local_hub.world.encoding import SOURCES, json_objects
from local_hub.world.world import CHUNK, World


def tables(world: World, on: date) -> Iterator[pa.Table]:
    """The raw columns of one day, in parts of at most 250,000 models, by creation."""
    texts, rows = world.texts(on), world.rows(on)
    for part in np.array_split(rows, max(1, -(-len(rows) // CHUNK))):
        yield texts.table(part)


def write_raw(
    world: World,
    folder: Path,
    *,
    dates: Iterable[date] | None = None,
    written: Callable[[date, Path, int], None] = lambda *_: None,
) -> None:
    """Write `folder/snapshot_date=D/models.v1.parquet` for each of `dates` (default: all).

    The columns are those of raw snapshots. `written` is told each day, its file and its rows.
    """
    for on in world.dates if dates is None else dates:
        file = folder / f"snapshot_date={on}" / "models.v1.parquet"
        written(on, file, write_day(world, on, file))


def write_day(world: World, on: date, file: Path) -> int:
    """Write the raw columns of one day to a Parquet file. Returns its number of rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    rows = 0
    for table in tables(world, on):
        writer = writer or pq.ParquetWriter(
            file, table.schema, compression="zstd", compression_level=1
        )
        writer.write_table(table)
        rows += table.num_rows
    if writer is not None:
        writer.close()
    return rows


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
