"""Recorded files of models: finding them, dating them, and reading them row by row.

What belongs here: everything that can be wrong with a FILE (absent, empty, truncated, of
another format, without a date). What can be wrong with a row is `staging.py`'s.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import orjson

from orchestration.errors import Refusal

SUFFIXES = (".ndjson", ".ndjson.gz", ".parquet")
_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_WRITTEN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|[T ])")
_FORMS = "an archive is .ndjson, .ndjson.gz or .parquet records in the Hub's own field names"

# The longest of 38,000 recorded lines has 23 kB; DuckDB reads objects of up to 16 MiB.
LONGEST_LINE = 16 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_FOREIGN = {
    b"\x1f\x8b": ("is gzip, its name says plain text", "name it .ndjson.gz"),
    b"PAR1": ("is Parquet, its name says text", "name it .parquet"),
    b"\xff\xfe": ("is UTF-16, not UTF-8", "save it as UTF-8"),
    b"\xfe\xff": ("is UTF-16, not UTF-8", "save it as UTF-8"),
}


@dataclass(frozen=True)
class ArchiveFile:
    """One file of an archive; `snapshot_date` is None where only its rows tell the date."""

    path: Path
    snapshot_date: date | None

    @property
    def is_parquet(self) -> bool:
        return self.path.name.endswith(".parquet")


@dataclass(frozen=True)
class Copied:
    """What became of the lines of a file: records, and lines that are no Unicode text."""

    records: int
    unreadable: int
    first_unreadable: int | None


def find_files(path: Path) -> list[ArchiveFile]:
    """The files of the archive at `path` (a file or a folder), in the order of their names."""
    if not path.exists():
        raise Refusal("there is no such archive", file=path, cure="check the path; " + _FORMS)
    if path.is_file():
        found = [path]
        if not path.name.endswith(SUFFIXES):
            raise Refusal("the file is of no known format", file=path, cure=_FORMS)
    else:
        # Names that begin with a dot are drafts, and the shadows that macOS leaves in copies.
        found = sorted(
            item
            for item in path.rglob("*")
            if item.is_file() and item.name.endswith(SUFFIXES) and not item.name.startswith(".")
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
    named = [_parse_date(text, path) for text in dates]
    folder = path.parent.name
    if folder.startswith("snapshot_date="):
        named.append(_parse_date(folder.removeprefix("snapshot_date="), path))
    if len(set(named)) > 1:
        raise Refusal(
            f"the file's name is of {named[0]}, its folder of {named[1]}",
            file=path,
            field="snapshot_date",
            cure="one of them is wrong: rename it",
        )
    return named[0] if named else None


def _parse_date(text: str, file: Path) -> date:
    try:
        written = _WRITTEN_DATE.match(text)
        return date.fromisoformat(written.group() if written else "")
    except ValueError:
        raise unreadable_date(text, file) from None


def unreadable_date(text: str, file: Path, row: int | None = None) -> Refusal:
    """Why `text` is refused where the date of a snapshot belongs."""
    return Refusal(
        f"the date {text!r} cannot be read",
        file=file,
        row=row,
        field="snapshot_date",
        cure="write it as YYYY-MM-DD",
    )


def copy_lines(archive: ArchiveFile, target: IO[bytes]) -> Copied:
    """Copy the records of an NDJSON file to `target`, each wrapped with its line number.

    A line with a lone surrogate or broken UTF-8, which no SQL engine stores, is written with
    its `content` made printable in place of the `record`. Decompression runs here and not in
    DuckDB, since a cut or flipped gzip stream must be told apart from a short file.
    """
    records = unreadable = 0
    first: int | None = None
    for row, line in enumerate(_lines(archive.path), start=1):
        text = line.strip()
        if not text:
            continue
        if len(text) > LONGEST_LINE:
            raise Refusal(
                f"the line is longer than {LONGEST_LINE:,} bytes",
                file=archive.path,
                row=row,
                cure="one JSON object a line; a record of the Hub has some thousand bytes",
            )
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            aside = _printable(text) if "surrogate" in str(error) else None
            if aside is None:
                raise Refusal(
                    f"the line is not JSON ({error})",
                    file=archive.path,
                    row=row,
                    cure="the file is damaged or was cut: record or fetch it again",
                ) from error
            target.write(orjson.dumps({"row": row, **aside}) + b"\n")
            first = first or row
            unreadable += 1
            continue
        if not isinstance(record, dict):
            raise Refusal(
                f"the line holds {_in_words(record)}, not an object",
                file=archive.path,
                row=row,
                cure="one JSON object a line, in the shape of the Hub's /api/models items",
            )
        target.write(b'{"row":%d,"record":%b}\n' % (row, text))
        records += 1
    if not records and not unreadable:
        raise Refusal("the file is empty", file=archive.path, cure="remove it or record it again")
    return Copied(records, unreadable, first)


def _printable(text: bytes) -> dict[str, Any] | None:
    """What is kept of a record that is no Unicode; None where it is no record otherwise.

    The standard library reads the lone surrogates that orjson and DuckDB refuse.
    """
    try:
        record = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    downloads = record.get("downloads")
    possible = type(downloads) is int and 0 <= downloads < 10**15
    return {
        "content": text.decode("ascii", "backslashreplace"),
        "id": ascii(record.get("id")).strip("'"),
        "downloads": downloads if possible else None,
    }


def _in_words(value: Any) -> str:
    names = {list: "an array", str: "a text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")


def _lines(path: Path) -> Iterator[bytes]:
    most = LONGEST_LINE + 2  # a longer one comes in pieces, of which the first is refused
    try:
        with path.open("rb") as stored:
            zipped = path.name.endswith(".gz")
            read = gzip.GzipFile(fileobj=stored).readline if zipped else stored.readline
            first = read(most)
            _refuse_foreign(path, first)
            yield first.removeprefix(_UTF8_MARK)
            while line := read(most):
                yield line
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
    except OSError as error:
        raise Refusal(
            f"the file cannot be read ({error.strerror or error})",
            file=path,
            cure="see that it is there, whole and readable for this user",
        ) from error


def _refuse_foreign(path: Path, beginning: bytes) -> None:
    for mark, (what, cure) in _FOREIGN.items():
        if beginning.startswith(mark):
            raise Refusal(f"the file {what}", file=path, cure=cure)
