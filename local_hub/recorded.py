"""Recorded snapshots as content: dated .ndjson[.gz] and .parquet files, as they are.

What belongs here: finding the files, their dates, and reading one day of them. Fields pass
through verbatim: what was recorded is served, what was not is absent.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from local_hub.content import (
    NOT_RECORDED,
    Day,
    Other,
    Record,
    Rows,
    Sort,
    hub_time,
    milliseconds,
)
from orchestration.errors import Refusal

_DATE_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_ENDINGS = (".ndjson", ".ndjson.gz", ".parquet")
_CURE = "name a folder of YYYY-MM-DD.ndjson[.gz] or .parquet files, or one such file"


class Recorded:
    """A folder, or one file, of dated snapshots. Days are read when they are played."""

    def __init__(self, path: Path | str, *, panel: str = "archive") -> None:
        """Find the days of `path`. Refuses a path without readable, dated snapshots."""
        self.path = Path(path)
        self.universe = f"panel {panel}"
        self._sources: dict[date, list[Path]] = {}
        self._loaded: tuple[date, RecordedDay] | None = None
        self._others: dict[Other, Recorded | None] = {}
        for file in _files(self.path):
            for on in _dates(file):
                self._sources.setdefault(on, []).append(file)
        if not self._sources:
            raise Refusal("there is no dated snapshot here", file=self.path, cure=_CURE)

    @property
    def dates(self) -> Sequence[date]:
        return sorted(self._sources)

    def day(self, on: date) -> Day:
        """The models recorded on `on`; refuses a day that was not recorded."""
        if self._loaded is not None and self._loaded[0] == on:
            return self._loaded[1]
        if on not in self._sources:
            raise Refusal(
                f"nothing is recorded for {on}",
                file=self.path,
                cure=f"play one of {', '.join(map(str, self.dates[:10]))}"
                + (f" ... {self.dates[-1]}" if len(self.dates) > 10 else ""),
            )
        parts = [_read(file, on) for file in self._sources[on]]
        read = parts[0] if len(parts) == 1 else _Lines([r for p in parts for r in p.everything()])
        day = RecordedDay(read)
        self._loaded = (on, day)
        return day

    def other_day(self, kind: Other, on: date) -> Day:
        """What the sub-folder `datasets` or `spaces` holds of the day, in files like these."""
        if kind not in self._others:
            folder = self.path / kind
            self._others[kind] = Recorded(folder) if folder.is_dir() else None
        recorded = self._others[kind]
        if recorded is None or on not in recorded.dates:
            return RecordedDay.of([])
        return recorded.day(on)

    def organizations_csv(self) -> str | None:
        return None


class RecordedDay(Day):
    """One recorded day: its sort keys in columns, its records decoded when they are asked for."""

    @classmethod
    def of(cls, lines: list[bytes]) -> RecordedDay:
        """A day of records that are lines of JSON."""
        return cls(_Lines(lines))

    def __init__(self, store: _Lines | _Table) -> None:
        super().__init__()
        self._store = store
        keys = store.columns(
            "id", "_id", "author", "createdAt", "lastModified", "downloads", "likes",
            "trendingScore",
        )  # fmt: skip
        self._ids = [str(value) for value in keys["id"]]
        self._ties = [str(a or b) for a, b in zip(keys["_id"], self._ids, strict=True)]
        self._authors = keys["author"]
        self._recorded_keys: dict[Sort, npt.NDArray[Any]] = {
            "createdAt": _times(keys["createdAt"]),
            "lastModified": _times(keys["lastModified"]),
            "downloads": _numbers(keys["downloads"]),
            "likes": _numbers(keys["likes"]),
            "trendingScore": _numbers(keys["trendingScore"]),
        }

    def __len__(self) -> int:
        return len(self._ids)

    def keys_by(self, sort: Sort) -> npt.NDArray[Any]:
        return self._recorded_keys[sort]

    def tie(self, row: int) -> str:
        return self._ties[row]

    def tie_ranks(self) -> Rows:
        order = sorted(range(len(self)), key=self._ties.__getitem__)
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[order] = np.arange(len(self))
        return ranks

    def records(self, rows: Rows) -> list[Record]:
        return self._store.take(rows)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {model_id: row for row, model_id in enumerate(self._ids)}

    def find(self, model_id: str) -> int | None:
        return self._row_of.get(model_id)

    def matching(
        self, *, author: str | None, search: str | None, filters: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        found = np.ones(len(self), dtype=bool)
        if author is not None:
            owned = (
                owner == author or (owner is None and model_id.startswith(f"{author}/"))
                for owner, model_id in zip(self._authors, self._ids, strict=True)
            )
            found &= np.fromiter(owned, dtype=bool, count=len(self))
        if search is not None:
            wanted = search.lower()
            hits = (wanted in model_id.lower() for model_id in self._ids)
            found &= np.fromiter(hits, dtype=bool, count=len(self))
        for wanted_tag in filters:
            found &= np.fromiter(
                (wanted_tag in labels for labels in self._labels), dtype=bool, count=len(self)
            )
        return found

    @cached_property
    def _labels(self) -> list[set[str]]:
        columns = self._store.columns("tags", "pipeline_tag", "library_name")
        return [
            {*(tags or ()), *(label for label in (task, library) if label)}
            for tags, task, library in zip(*columns.values(), strict=True)
        ]

    def author_type(self, author: str) -> Literal["org", "user"] | None:
        return self._author_types.get(author)

    @cached_property
    def _author_types(self) -> dict[str, Literal["org", "user"]]:
        return self._store.author_types()


class _Lines:
    """Records kept as lines of JSON, decoded when they are asked for."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def everything(self) -> list[bytes]:
        return self._lines

    def columns(self, *names: str) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in names}
        for line in self._lines:
            record = orjson.loads(line)
            if "id" not in record:
                record["id"] = record.get("modelId")
            for name, values in found.items():
                values.append(record.get(name))
        return found

    def take(self, rows: Rows) -> list[Record]:
        return [_tidy(orjson.loads(self._lines[row])) for row in rows]

    def author_types(self) -> dict[str, Literal["org", "user"]]:
        return _known_types(self.columns("author", "author_type"))


class _Table:
    """Records kept as an Arrow table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def everything(self) -> list[bytes]:
        return [orjson.dumps(record) for record in self.take(np.arange(self._table.num_rows))]

    def columns(self, *names: str) -> dict[str, list[Any]]:
        nothing = [None] * self._table.num_rows
        return {
            name: self._table[name].to_pylist() if name in self._table.column_names else nothing
            for name in names
        }

    def take(self, rows: Rows) -> list[Record]:
        return [_tidy(record) for record in self._table.take(pa.array(rows)).to_pylist()]

    def author_types(self) -> dict[str, Literal["org", "user"]]:
        return _known_types(self.columns("author", "author_type"))


def _known_types(columns: dict[str, list[Any]]) -> dict[str, Literal["org", "user"]]:
    known: dict[str, Literal["org", "user"]] = {}
    for author, kind in zip(columns["author"], columns["author_type"], strict=True):
        if author and kind in ("org", "user"):
            known[author] = kind
    return known


def _tidy(record: Record) -> Record:
    """A recorded item as the Hub would send it: no nulls, its own types, its own names."""
    found = {name: value for name, value in record.items() if value is not None}
    if "id" not in found and "modelId" in found:
        found["id"] = found["modelId"]
    if found.get("gated") in ("false", "true"):
        found["gated"] = found["gated"] == "true"
    if "safetensors_total" in found:
        found["safetensors"] = {"total": found["safetensors_total"]}
    if isinstance(found.get("safetensors"), dict):
        # The Hub always sends both; huggingface_hub fails with KeyError where one is missing.
        found["safetensors"] = {"parameters": {}, "total": None, **found["safetensors"]}
    for name in ("createdAt", "lastModified"):
        if isinstance(found.get(name), datetime):
            found[name] = hub_time(found[name])
    return found


def _times(values: list[Any]) -> npt.NDArray[np.int64]:
    texts = (hub_time(v) if isinstance(v, datetime) else v for v in values)
    return np.fromiter((milliseconds(t) for t in texts), dtype=np.int64, count=len(values))


def _numbers(values: list[Any]) -> npt.NDArray[np.float64]:
    numbers = (v if isinstance(v, int | float) else NOT_RECORDED for v in values)
    return np.fromiter(numbers, dtype=np.float64, count=len(values))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Refusal("there is no such file or folder", file=path, cure=_CURE)
    return sorted(file for file in path.iterdir() if file.name.endswith(_ENDINGS))


def _dates(file: Path) -> list[date]:
    if file.suffix == ".parquet":
        schema = _open(file, lambda: pq.read_schema(file))
        if "snapshot_date" in schema.names:
            column = _open(file, lambda: pq.read_table(file, columns=["snapshot_date"]))
            return sorted(_as_date(v, file) for v in pc.unique(column["snapshot_date"]).to_pylist())
    named = _DATE_IN_NAME.search(file.name)
    if named is not None:
        return [_as_date(named[1], file)]
    if file.suffix != ".parquet":
        return sorted({_as_date(orjson.loads(r).get("snapshot_date"), file) for r in _lines(file)})
    raise Refusal("no date in the file's name, no snapshot_date column", file=file, cure=_CURE)


def _as_date(value: object, file: Path) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise Refusal(
            f"{value!r} is no date", file=file, field="snapshot_date", cure="write it YYYY-MM-DD"
        ) from error


def _read(file: Path, on: date) -> _Lines | _Table:
    if file.suffix == ".parquet":
        table = _open(file, lambda: pq.read_table(file))
        if "snapshot_date" in table.column_names:
            of_day = pc.equal(pc.cast(table["snapshot_date"], pa.date32()), pa.scalar(on))
            table = table.filter(of_day)
        return _Table(table)
    lines = list(_lines(file))
    if _DATE_IN_NAME.search(file.name) is None:
        wanted = str(on)
        lines = [line for line in lines if orjson.loads(line).get("snapshot_date") == wanted]
    return _Lines(lines)


def _lines(file: Path) -> Iterator[bytes]:
    opener = gzip.open if file.suffix == ".gz" else open
    with _open(file, lambda: opener(file, "rb")) as lines:
        try:
            for row, line in enumerate(lines, start=1):
                if line.strip():
                    _check_line(line, file, row)
                    yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refusal(
                f"the file is no whole gzip ({error})", file=file, cure="fetch it again"
            ) from error


def _check_line(line: bytes, file: Path, row: int) -> None:
    try:
        if isinstance(orjson.loads(line), dict):
            return
        problem = "not an object"
    except orjson.JSONDecodeError as error:
        problem = str(error)
    raise Refusal(f"no JSON object: {problem}", file=file, row=row, cure="fetch the file again")


def _open(file: Path, opening: Callable[[], Any]) -> Any:
    try:
        return cast(Any, opening())
    except (OSError, pa.ArrowException) as error:
        raise Refusal(f"the file cannot be read ({error})", file=file, cure=_CURE) from error
