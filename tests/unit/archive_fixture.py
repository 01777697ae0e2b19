"""Archives as others write them, small, and what became of them.

What belongs here: good records, ways to write them into a file, and one call of the importer.
What may be wrong with a file or a row is told by the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.snapshots import importing, sealing, store
from orchestration.snapshots.importing import Imported
from orchestration.snapshots.store import Sealed, Source

DAY = date(2026, 8, 20)
PANEL = Source("archive", Universe("panel", "test"), {"archive": "test"}, whole=False)
ROWS = 1_000

Record = Mapping[str, Any]
Content = bytes | Callable[[Path], object]


def records(count: int = ROWS) -> list[dict[str, Any]]:
    """`count` good records: 1,000 downloads each, so that a row is a share one can count."""
    return [
        {
            "_id": f"{number:024x}",
            "id": f"org-{number % 7}/model-{number}",
            "author": f"org-{number % 7}",
            "createdAt": "2024-05-06T07:08:09.000Z",
            "downloads": 1_000,
            "likes": number,
            "gated": False,
            "tags": ["license:mit", f"base_model:org/{number}"],
            "safetensors": {"total": 7_000_000 + number},
        }
        for number in range(count)
    ]


def ndjson(rows: Iterable[Record]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(
    rows: list[dict[str, Any]] | None = None, /, **columns: Any
) -> Callable[[Path], object]:
    """A writer of `records()` as Parquet, with `columns` replaced, or left out where None."""
    names = ("id", "author", "downloads", "likes", "tags")
    found = records() if rows is None else rows
    table = {name: pa.array([row[name] for row in found]) for name in names} | columns
    return lambda path: pq.write_table(
        pa.table({name: values for name, values in table.items() if values is not None}), path
    )


def write(folder: Path, files: Mapping[str, Content]) -> Path:
    """Write `files` (name: bytes, or a writer) into `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
    return folder


def take(
    home: Home, archive: Path, first: date | None = None, last: date | None = None
) -> Imported:
    return importing.import_archive(home, archive, PANEL, first=first, last=last)


def refusal_of(imported: Imported, day: date = DAY) -> Refusal:
    """Why `day` was refused; nothing of it may be sealed."""
    assert imported.dates == []
    return imported.refused[day]


def files_of(home: Home) -> list[str]:
    """Every file of the home, by its relative path; the lock is no content."""
    if not home.root.exists():
        return []
    return sorted(
        str(path.relative_to(home.root))
        for path in home.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def rows_of(home: Home, sealed: Sealed, columns: str = "*") -> list[tuple[Any, ...]]:
    return _read(store.parquet_of(home, sealed), columns)


def quarantine_of(home: Home, sealed: Sealed, columns: str) -> list[tuple[Any, ...]]:
    return _read(sealing.quarantine_file(home, sealed), columns)


def _read(path: Path, columns: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        source = f"read_parquet('{path}', hive_partitioning = false)"
        return connection.execute(f"select {columns} from {source}").fetchall()
