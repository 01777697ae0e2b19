"""A generation on disk: its folder, its manifest, and the hashes that identify its content.

What belongs here: what every step of a publication needs to know of the format. Building,
verifying and showing a generation have modules of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import literal
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.snapshots.store import sha256_of

DATABASE = "observatory.duckdb"
MANIFEST = "manifest.json"
DIFF = "diff.json"
CURRENT = "current"
# The one table that is ours and not a mart: which generation this is, and of what.
PUBLICATION = "publication"

_TIME = "%Y%m%dT%H%M%SZ"

# What helps where a generation is damaged, and what it costs.
PUT_BACK = (
    "put it back from a backup, or go back with `observatory rollback GENERATION` (where no other "
    "is whole, move its folder to another place) and publish again: the revisions that it alone "
    "has logged are lost then"
)

Manifest = dict[str, Any]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a generation; a Refusal where it is damaged."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found["generation"], str) or not isinstance(found["files"], dict):
            raise ValueError("generation or files are not as written by this program")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"the manifest of a generation cannot be read ({error})",
            file=path,
            cure=PUT_BACK,
        ) from error
    return dict(found)


def is_damaged(folder: Path) -> bool:
    """Whether the manifest or the DuckDB file of a generation is gone, or not as published."""
    try:
        listed = read_manifest(folder)["files"].get(DATABASE, {})
        return bool(sha256_of(folder / DATABASE) != listed.get("sha256"))
    except (Refusal, OSError) as error:
        # What one may not read can be whole.
        return not isinstance(error.__cause__ or error, PermissionError)


def unreadable(folder: Path, why: object) -> Refusal:
    """The answer to an error of DuckDB, `why`, with the file of a generation."""
    return Refusal(
        f"a published file cannot be read ({str(why).splitlines()[0]})",
        file=folder / DATABASE,
        cure=PUT_BACK if is_damaged(folder) else "close what has it open, and let it be read",
    )


@contextmanager
def reading(*folders: Path) -> Iterator[None]:
    """Make an error of DuckDB a Refusal where the file of one of these generations is damaged."""
    try:
        yield
    except duckdb.Error as error:
        for folder in filter(is_damaged, folders):
            raise unreadable(folder, error) from error
        raise


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, **folders: Path) -> Iterator[None]:
    """Generations as databases under the names given; a Refusal where one cannot be read."""
    with ExitStack() as detaching, reading(*folders.values()):
        for name, folder in folders.items():
            try:
                connection.execute(f"attach {literal(folder / DATABASE)} as {name} (read_only)")
            except duckdb.Error as error:
                raise unreadable(folder, error) from error
            detaching.callback(connection.execute, f"detach {name}")
        yield


def generations(home: Home) -> list[str]:
    """The generations that are kept, oldest first; what else lies there is no business of ours."""
    if not home.published.is_dir():
        return []
    return sorted(
        folder.name
        for folder in home.published.iterdir()
        if is_name(folder.name) and folder.is_dir() and not folder.is_symlink()
    )


def kept(home: Home, name: str) -> Path:
    """The folder of a generation; a Refusal that lists those that are kept where it is none."""
    names = generations(home)
    if name not in names:
        raise Refusal(
            f"there is no generation {name}",
            file=home.published,
            cure=f"choose one of: {', '.join(names) or 'none is kept'}",
        )
    return home.published / name


def name_of(published_at: datetime, content: str) -> str:
    """The name of a generation: they sort by the time of publication."""
    return f"{published_at:{_TIME}}-{content[:8]}"


def published_at(generation: str) -> datetime:
    """The time in a generation's name, UTC."""
    return datetime.strptime(generation.split("-")[0], _TIME).replace(tzinfo=UTC)


def is_name(word: str) -> bool:
    """Whether `name_of` makes such names; `lost+found` and other strangers are none."""
    content = word.rpartition("-")[2]
    if not re.fullmatch("[0-9a-f]{8}", content):
        return False
    try:
        return name_of(published_at(word), content) == word
    except ValueError:
        return False


def current(home: Home) -> Path | None:
    """The folder of the generation that readers see; None where `current` leads to none.

    A Refusal where it is no link: only a link can be moved in one step, and what lies there may
    be the only copy of the log of revisions.
    """
    link = home.published / CURRENT
    if not link.exists():
        return None
    if not link.is_symlink():
        raise Refusal(
            "`current` is not a link to a generation (as after a restore that knows no symlinks)",
            file=link,
            cure=_cure_of_copy(home, link),
        )
    folder = link.resolve()
    return folder if is_name(folder.name) else None


def _cure_of_copy(home: Home, copy: Path) -> str:
    """What to do about the `copy` of a generation that lies where the link should be."""
    try:
        name = str(read_manifest(copy)["generation"])
    except Refusal:
        name = ""
    if is_name(name) and not (home.published / name).exists():
        return f"rename it to {name}, which it holds, and run `observatory rollback {name}`"
    kept = ", ".join(generations(home))
    then = f"run `observatory rollback GENERATION`, one of: {kept}" if kept else "publish again"
    return f"move it to another place, and {then}"


def content_files(folder: Path) -> list[Path]:
    """Every file of a generation but its manifest, which cannot hold its own hash."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() != MANIFEST
    )


class Hashes:
    """The SHA-256 of files, each of which is read once while one publication is made.

    A file is known by where it lies on the disk, its size and when it was written last: so what
    was linked from the generation before is not read again, and what was written since is.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def of(self, paths: Sequence[Path]) -> list[str]:
        """The hashes of `paths`, in their order."""
        found = [path.stat() for path in paths]
        keys = [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in found]
        unread = {
            key: path for key, path in zip(keys, paths, strict=True) if key not in self._known
        }
        with ThreadPoolExecutor() as pool:
            self._known |= zip(unread, pool.map(sha256_of, unread.values()), strict=True)
        return [self._known[key] for key in keys]


def file_entries(
    folder: Path, known: Collection[str] = (), hashes: Hashes | None = None
) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of each content file but the `known`, by its path in the generation."""
    files = {
        name: path
        for path in content_files(folder)
        if (name := path.relative_to(folder).as_posix()) not in known
    }
    digests = (hashes or Hashes()).of(list(files.values()))
    return {
        name: {"sha256": digest, "bytes": path.stat().st_size}
        for (name, path), digest in zip(files.items(), digests, strict=True)
    }


def damages(folder: Path, manifest: Manifest, hashes: Hashes | None = None) -> list[dict[str, Any]]:
    """The files that are not those of the manifest: missing, changed or strange."""
    found = file_entries(folder, hashes=hashes)
    listed: dict[str, dict[str, Any]] = manifest["files"]
    damaged: list[dict[str, Any]] = []
    for name in sorted(found.keys() | listed.keys()):
        if name not in found:
            damaged.append({"file": name, "problem": "missing"})
        elif name not in listed:
            damaged.append({"file": name, "problem": "not in the manifest"})
        elif found[name]["sha256"] != listed[name]["sha256"]:
            damaged.append({"file": name, "problem": "changed since it was published"})
    return damaged


def content_sha256(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """Rows of `relation` and a hash of their content, independent of order and encoding.

    `columns` are (name, DuckDB type). Fractions count to 12 digits: the last bits of a sum
    depend on the order in which threads add, and differ between equal builds. Rows are hashed
    by DuckDB's own function: 0.5 s for 5 M models, MD5 takes 7; another version of DuckDB may
    give another hash, so only the same version's may be compared.
    """
    values = ", ".join(canonical(name, kind) for name, kind in columns)
    rows, total = connection.execute(
        f"select count(*), sum(hash({values})) from {relation}"
    ).fetchall()[0]
    return rows, sha256_of_sum(columns, rows, total)


def sha256_of_sum(columns: Sequence[tuple[str, str]], rows: int, total: int | None) -> str:
    """The hash of a content of which the sum of its rows' hashes is known."""
    names = ",".join(f"{name} {kind}" for name, kind in columns)
    return hashlib.sha256(f"{names}:{rows}:{total}".encode()).hexdigest()


def canonical(name: str, kind: str) -> str:
    """SQL of a value as it counts for the content."""
    if kind in ("DOUBLE", "FLOAT"):
        # Adding 0 makes -0 equal to 0.
        return f"format('{{:.12g}}', \"{name}\" + 0)"
    return f'"{name}"'


def columns_of(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str
) -> dict[str, list[tuple[str, str]]]:
    """The tables of a schema with their columns and types, in order."""
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(database)} and schema_name = {literal(schema)} "
        "and not internal order by table_name, column_index"
    ).fetchall():
        tables.setdefault(table, []).append((column, kind))
    return tables
