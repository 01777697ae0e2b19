"""Recorded files of models: finding them, dating them, and reading them row by row.

What belongs here: everything that can be wrong with a FILE (absent, empty, truncated, of
another format, without a date). What can be wrong with a row is `importing.py`'s.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

import orjson

from orchestration.errors import Refusal

SUFFIXES = (".ndjson", ".ndjson.gz", ".parquet")
_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_FORMS = "an archive is .ndjson, .ndjson.gz or .parquet records in the Hub's own field names"


@dataclass(frozen=True)
class ArchiveFile:
    """One file of an archive; `snapshot_date` is None where only its rows tell the date."""

    path: Path
    snapshot_date: date | None

    @property
    def is_parquet(self) -> bool:
        return self.path.name.endswith(".parquet")


@dataclass(frozen=True)
class BadLine:
    """A line that is set aside before it reaches SQL, with its content made printable."""

    row: int
    reason: str
    content: str


def find_files(path: Path) -> list[ArchiveFile]:
    """The files of the archive at `path` (a file or a folder), in the order of their names."""
    if not path.exists():
        raise Refusal("there is no such archive", file=path, cure="check the path; " + _FORMS)
    if path.is_file():
        found = [path]
        if not path.name.endswith(SUFFIXES):
            raise Refusal("the file is of no known format", file=path, cure=_FORMS)
    else:
        found = sorted(
            item for item in path.rglob("*") if item.is_file() and item.name.endswith(SUFFIXES)
        )
    if not found:
        raise Refusal("the folder holds no archive file", file=path, cure=_FORMS)
    return [ArchiveFile(item, _date_in_name(item)) for item in found]


def _date_in_name(path: Path) -> date | None:
    dates = set(_DATE.findall(path.name))
    if len(dates) > 1:
        raise Refusal(
            f"the file name holds {len(dates)} dates ({', '.join(sorted(dates))})",
            file=path,
            field="snapshot_date",
            cure="leave one date in the name, or none and a snapshot_date column",
        )
    for text in dates:
        return parse_date(text, path)
    return None


def parse_date(text: str, file: Path, row: int | None = None) -> date:
    """`text` as a date; a Refusal that names the place where it is none."""
    try:
        return date.fromisoformat(text[:10])
    except (ValueError, TypeError):
        raise Refusal(
            f"the date {text!r} cannot be read",
            file=file,
            row=row,
            field="snapshot_date",
            cure="write it as YYYY-MM-DD",
        ) from None


def copy_lines(archive: ArchiveFile, target: IO[bytes]) -> tuple[int, list[BadLine]]:
    """Copy the records of an NDJSON file to `target`, each wrapped with its line number.

    Returns the number of records copied and the lines set aside. Decompression runs here and
    not in DuckDB, since a cut or flipped gzip stream must be told apart from a short file.
    """
    copied = 0
    bad: list[BadLine] = []
    for row, line in enumerate(_lines(archive.path), start=1):
        text = line.strip()
        if not text:
            continue
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if "surrogate" in str(error):
                bad.append(
                    BadLine(row, "unreadable_unicode", text.decode("ascii", "backslashreplace"))
                )
                continue
            raise Refusal(
                f"the line is not JSON ({error})",
                file=archive.path,
                row=row,
                cure="the file is damaged or was cut: record or fetch it again",
            ) from error
        if not isinstance(record, dict):
            raise Refusal(
                f"the line holds a {type(record).__name__}, not an object",
                file=archive.path,
                row=row,
                cure="one JSON object a line, in the shape of the Hub's /api/models items",
            )
        target.write(b'{"row":%d,"record":%b}\n' % (row, text))
        copied += 1
    if not copied and not bad:
        raise Refusal("the file is empty", file=archive.path, cure="remove it or record it again")
    return copied, bad


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stored:
        try:
            yield from gzip.GzipFile(fileobj=stored) if path.name.endswith(".gz") else stored
        except gzip.BadGzipFile as error:
            raise Refusal(
                f"the file is not gzip, or damaged ({error})",
                file=path,
                cure="compress it with gzip, or name it .ndjson if it is plain text",
            ) from error
        except (EOFError, zlib.error) as error:
            raise Refusal(
                f"the gzip stream is cut or damaged ({error})",
                file=path,
                cure="copy or fetch the file again",
            ) from error
