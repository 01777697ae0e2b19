"""Building a generation in a private folder.

What belongs here: copying the marts out of the warehouse, their Parquet twins, the manifest.
Nothing here decides whether the result may be shown, and nothing outside the private folder
is touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, literal
from orchestration.errors import Refusal
from orchestration.gates.tables import REQUIRED, SLICE, TABLES
from orchestration.home import Home, Universe, write_text_durably
from orchestration.publication import descriptions, revisions, weeks
from orchestration.publication.generation import (
    DATABASE,
    MANIFEST,
    PUBLICATION,
    Hashes,
    Manifest,
    columns_of,
    content_sha256,
    damages,
    file_entries,
    generations,
    name_of,
    published_at,
    read_manifest,
)
from orchestration.publication.showings import Showing
from orchestration.publication.weeks import Weeks
from orchestration.snapshots import store
from orchestration.warehouse import FINISHED

MARTS = "marts"
BUILDING = ".building-"

# Adds files to a generation. It is begun with the folder in which `manifest.json` and the DuckDB
# file lie, and an empty one to write into while the first is checked; it gives what waits for it.
Extra = Callable[[Path, Path], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Candidate:
    """A generation that nobody sees yet, in its private folder."""

    generation: str
    folder: Path
    manifest: Manifest
    hashes: Hashes = field(default_factory=Hashes, compare=False, repr=False)

    @property
    def database(self) -> Path:
        return self.folder / DATABASE


def build(
    home: Home,
    warehouse: Path,
    *,
    code_version: str,
    seen: Path | None = None,
    shown: Sequence[Showing] = (),
) -> Candidate:
    """Copy the marts of `warehouse` into a new private folder, with twins and manifest.

    The manifest lists no file yet: `complete` does. `seen` is the generation that readers see
    now, `shown` what they saw before: what changes against it is added to the log of revisions.
    The warehouse is opened read-only. A Refusal where it is not there or lacks a required table.
    On any error the private folder is removed.
    """
    if not warehouse.is_file():
        raise Refusal(
            "there is no warehouse to publish from",
            file=warehouse,
            cure="run `observatory run` first: it builds the warehouse from the raw snapshots",
        )
    universe = home.universe() or Universe("panel", "unknown")
    folder = home.published / f"{BUILDING}{os.getpid()}-{datetime.now(UTC):%H%M%S%f}"
    folder.mkdir(parents=True)
    hashes = Hashes()
    try:
        manifest = _write_database(
            home, warehouse, folder, universe, code_version, seen, shown, hashes
        )
        return Candidate(manifest["generation"], folder, manifest, hashes)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def complete(candidate: Candidate) -> Candidate:
    """List every file that is in the folder now, and was not before, in its manifest."""
    listed = candidate.manifest["files"]
    found = file_entries(candidate.folder, listed, candidate.hashes)
    manifest = candidate.manifest | {"files": listed | found}
    write_manifest(candidate.folder, manifest)
    return replace(candidate, manifest=manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_text_durably(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=True) + "\n")


def _write_database(
    home: Home,
    warehouse: Path,
    folder: Path,
    universe: Universe,
    code_version: str,
    seen: Path | None,
    shown: Sequence[Showing],
    hashes: Hashes,
) -> Manifest:
    with connect(
        folders=[warehouse.parent, home.published],
        temporary=home.temporary / "publish",
        ordered=True,
    ) as connection:
        _attach_warehouse(connection, warehouse)
        found = columns_of(connection, "warehouse", MARTS)
        missing = [name for name in REQUIRED if name not in found]
        if missing:
            raise Refusal(
                f"the warehouse lacks {', '.join(missing)} in its schema {MARTS}",
                file=warehouse,
                cure="build the marts again: `observatory run` does",
            )
        marts = {name: found[name] for name in TABLES if name in found}
        built_from = _built_from(connection, warehouse)
        known = _known_weeks(connection, seen, marts, hashes, folder)
        since = _touched_since(built_from, seen)
        measured = {
            name: _measure(
                connection, f"warehouse.{MARTS}.{name}", name, columns, known.get(name, {}), since
            )
            for name, columns in marts.items()
        }
        _attach_candidate(connection, folder / DATABASE, measured)
        for name, one in measured.items():
            _copy(connection, name, one.settled)
        names = {name: [column for column, _ in columns] for name, columns in marts.items()}
        comments = descriptions.comments("candidate.main", names)
        # Outside one transaction each of the 250 is a commit of its own: 0.8 s against 0.06.
        connection.execute(";".join(["begin", *comments, "commit"]))
        # Of the marts alone: what is said now, not what was said before.
        content = hashlib.sha256(
            json.dumps({name: one.content_sha256 for name, one in measured.items()}).encode()
        ).hexdigest()
        now = _published_at(home, shown)
        generation = name_of(now, content)
        tables = {name: one.entry(generation) for name, one in measured.items()}
        manifest = {
            "generation": generation,
            "published_at": now.isoformat(),
            "code_version": code_version,
            "universe": {
                "kind": universe.kind,
                "name": universe.name,
                "is_generated": universe.is_generated,
                "label": str(universe),
            },
            **_sources(home, connection),
            "built_from": built_from.get("parts", {}),
            "build": next((build for build, _ in reversed(built_from.get("builds", []))), None),
            "content_sha256": content,
            "tables": tables,
            "null_tables": [
                name for name in TABLES if name not in found and name != revisions.TABLE
            ],
            "tools": _tools(),
            "files": {},
        }
        manifest["revisions_lost"] = revisions.write(connection, home, seen, shown, manifest)
        columns = columns_of(connection, "candidate", "main")[revisions.TABLE]
        logged = _measure(
            connection, f"candidate.main.{revisions.TABLE}", revisions.TABLE, columns, {}
        )
        tables[revisions.TABLE] = logged.entry(generation)
        _write_publication(connection, manifest, universe)
        for name in [*tables, PUBLICATION]:
            _write_twin(connection, folder, name, generation, seen, measured.get(name))
        connection.execute("detach candidate")
    write_manifest(folder, manifest)
    return manifest


@dataclass(frozen=True)
class _Measured:
    """A mart of the warehouse: its rows, its content, and its weeks where it has any."""

    name: str
    rows: int
    content_sha256: str
    weeks: Weeks

    @property
    def settled(self) -> set[str]:
        """The weeks that a generation before has written as they are."""
        return {week for week, one in self.weeks.items() if one.generation is not None}

    def entry(self, generation: str) -> dict[str, Any]:
        """The table as the manifest lists it."""
        entry = {
            "rows": self.rows,
            "content_sha256": self.content_sha256,
            "file": f"{self.name}.parquet",
        }
        if self.weeks:
            entry["weeks"] = weeks.entries(self.weeks, generation)
        return entry


def _measure(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    name: str,
    columns: Sequence[tuple[str, str]],
    known: Weeks,
    since: date = date.min,
) -> _Measured:
    """Rows and content of a mart; of `known` weeks that end before `since` nothing is read."""
    if not weeks.accumulates(name):
        return _Measured(name, *content_sha256(connection, relation, columns), {})
    untouched = weeks.over_before(name, known, since)
    found = weeks.measure(connection, relation, columns, known, untouched)
    return _Measured(name, *weeks.in_all(columns, found), found)


def _known_weeks(
    connection: duckdb.DuckDBPyConnection,
    seen: Path | None,
    marts: Mapping[str, Sequence[tuple[str, str]]],
    hashes: Hashes,
    folder: Path,
) -> dict[str, Weeks]:
    """The weeks of the large tables of `seen`; none where its files are not as published.

    Weeks that are as they were are taken over with its file, so that must be whole: it is copied
    into `folder` while it is hashed, which halves the wait for a file of years.
    """
    if seen is None or not (seen / DATABASE).is_file():
        return {}
    before = read_manifest(seen)
    large = {
        name: listed
        for name in marts
        if weeks.is_taken_over(listed := weeks.of_manifest(before, name))
    }
    if not large or before["tools"]["duckdb"] != duckdb.__version__:
        return {}
    with ThreadPoolExecutor(1) as beside:
        copied = beside.submit(shutil.copyfile, seen / DATABASE, folder / DATABASE)
        damaged = damages(seen, before, hashes)
        copied.result()
    if damaged:
        return {}
    connection.execute(f"attach {literal(seen / DATABASE)} as seen (read_only)")
    columns = columns_of(connection, "seen", "main")
    connection.execute("detach seen")
    return {name: listed for name, listed in large.items() if columns[name] == marts[name]}


def _touched_since(built_from: Mapping[str, Any], seen: Path | None) -> date:
    """The first day that the warehouse may have computed since `seen` was written from it.

    date.min where the warehouse does not know that build: it is another one, or an older state of
    it that was put back, and any day may be another.
    """
    builds: dict[str, str] = dict(built_from.get("builds", ()))
    before = read_manifest(seen).get("build") if seen is not None else None
    if before not in builds:
        return date.min
    later = list(builds.values())[list(builds).index(before) + 1 :]
    return min(map(date.fromisoformat, later), default=date.max)


def _attach_warehouse(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    try:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
    except duckdb.Error as error:
        raise Refusal(
            f"the warehouse cannot be opened ({str(error).splitlines()[0]})",
            file=warehouse,
            cure="close what has it open; if it is damaged, remove it: it is rebuilt from the raw "
            "snapshots",
        ) from error


def _attach_candidate(
    connection: duckdb.DuckDBPyConnection,
    database: Path,
    measured: Mapping[str, _Measured],
) -> None:
    """A new DuckDB file; where weeks are taken over, the copy of that before with these alone."""
    kept = {name: one.settled for name, one in measured.items() if one.settled}
    if not kept:
        database.unlink(missing_ok=True)
    # DuckDB 1.x and every BI driver read this format; 2.0's own only 2.0 does.
    connection.execute(f"attach {literal(database)} as candidate (storage_version 'v1.0.0')")
    for name in columns_of(connection, "candidate", "main"):
        if name not in kept:
            connection.execute(f"drop table candidate.main.{name}")
        else:
            connection.execute(
                f"delete from candidate.main.{name} where not {weeks.is_in(kept[name])}"
            )


def _built_from(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> dict[str, Any]:
    """What the warehouse says of its builds (`warehouse.finish`).

    A Refusal where the last one did not end: some tables hold its days and others do not.
    """
    if FINISHED not in columns_of(connection, "warehouse", "raw"):
        raise Refusal(
            "the last build of the warehouse did not end, so its tables do not belong together",
            file=warehouse,
            cure="run `observatory publish`: it ends the build, and publishes",
        )
    found = connection.execute(f"select built_from from warehouse.raw.{FINISHED}").fetchall()
    return dict(json.loads(found[0][0]))


def order_of(name: str) -> str:
    """SQL of the order in which the rows of a table lie: its grain.

    The day comes last within a week: a line over a year then lies in few places (33 ms for 75
    in 7 M rows), and the file is a sixth smaller. Of a slice the largest come first, by powers
    of two: figures of one size side by side take a fifth less (39 bytes a row to 32).
    """
    table = TABLES[name]
    if not weeks.accumulates(name):
        return ", ".join(table.grain)
    keys, slice_ = list(table.grain), SLICE.split(", ")
    has_downloads = any(column.name == "downloads" for column in table.columns)
    if has_downloads and keys[: len(slice_)] == slice_:
        keys.insert(len(slice_), "-floor(log2(1 + greatest(downloads, 0)))")
    return ", ".join([f"date_trunc('week', {weeks.DAY})", *keys[1:], weeks.DAY])


def _copy(connection: duckdb.DuckDBPyConnection, name: str, settled: Collection[str]) -> None:
    """Copy what the candidate does not hold yet."""
    target = f"insert into candidate.main.{name}"
    if not settled:
        target = f"create table candidate.main.{name} as"
    connection.execute(
        f"{target} select * from warehouse.{MARTS}.{name} "
        f"where not {weeks.is_in(settled)} order by {order_of(name)}"
    )


def _write_twin(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    name: str,
    generation: str,
    seen: Path | None,
    measured: _Measured | None,
) -> None:
    """The Parquet twin of a table: one file, or a folder with one a week.

    A settled week is a link to the file of the generation before, or a copy where the disk
    knows no links.
    """

    def write(path: Path, condition: str) -> None:
        connection.execute(
            f"copy (from candidate.main.{name} where {condition}) to {literal(path)} "
            "(format parquet, compression zstd, kv_metadata "
            f"{{generation: {literal(generation)}}})"
        )

    if measured is None or not weeks.is_divided(measured.weeks):
        write(weeks.twin_of(folder, name), "true")
        return
    for week in sorted(measured.weeks):
        path = weeks.twin_of_week(folder, name, week)
        path.parent.mkdir(exist_ok=True)
        before = weeks.twin_of_week(seen or folder, name, week)
        if week in measured.settled and before.exists():
            try:
                path.hardlink_to(before)
            except OSError:
                shutil.copyfile(before, path)
        else:
            write(path, weeks.is_in([week]))


def _published_at(home: Home, shown: Sequence[Showing]) -> datetime:
    """Now, but behind every generation that is kept and all that was shown.

    A clock that was set back must not make the new generation look old.
    """
    since = [published_at(name) for name in generations(home)[-1:]]
    since += [one.shown_at for one in shown[-1:]]
    now = max([datetime.now(UTC), *(at + timedelta(seconds=1) for at in since)])
    return now.replace(microsecond=0)


def _sources(home: Home, connection: duckdb.DuckDBPyConnection) -> Manifest:
    """The snapshot dates of the candidate, and where each came from."""
    dates: list[date] = [
        row[0]
        for row in connection.execute(
            "select distinct snapshot_date from candidate.main.fct_country_share_daily order by 1"
        ).fetchall()
    ]
    sources = []
    for day in dates:
        sealed = store.find(home, day)
        if sealed is not None:
            sources.append(
                {
                    "snapshot_date": day.isoformat(),
                    "version": sealed.version,
                    "rows": sealed.rows,
                    "downloads": sealed.downloads,
                    "content_sha256": sealed.content_sha256,
                    "observed_from": sealed.observed_from,
                    "observed_to": sealed.observed_to,
                    **sealed.source,
                }
            )
    return {
        "snapshot_dates": [day.isoformat() for day in dates],
        "source": sources[-1] if sources else None,
        "sources": sources,
    }


def _write_publication(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, universe: Universe
) -> None:
    """The one-row table that tells a reader of the file what he has before him."""
    dates = manifest["snapshot_dates"]
    connection.execute(
        f"""
        create table candidate.main.{PUBLICATION} (
            generation varchar, published_at timestamp, code_version varchar,
            universe_kind varchar, universe_name varchar, is_generated boolean,
            first_snapshot_date date, last_snapshot_date date, snapshots_count bigint
        )
        """
    )
    connection.execute(
        f"insert into candidate.main.{PUBLICATION} values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            manifest["generation"],
            datetime.fromisoformat(manifest["published_at"]).replace(tzinfo=None),
            manifest["code_version"],
            universe.kind,
            universe.name,
            universe.is_generated,
            dates[0] if dates else None,
            dates[-1] if dates else None,
            len(dates),
        ],
    )
    for column, comment in _PUBLICATION_COMMENTS.items():
        target = f"table candidate.main.{PUBLICATION}"
        if column:
            target = f"column candidate.main.{PUBLICATION}.{column}"
        connection.execute(f"comment on {target} is {literal(comment)}")


_PUBLICATION_COMMENTS = {
    "": "One row: which generation this file is, and of what.",
    "generation": "The generation's name: the time of publication and the start of a hash.",
    "published_at": "When it was built, UTC.",
    "code_version": "The version of the program that built it.",
    "universe_kind": "hub (the whole Hub), panel (a recorded selection) or world (generated).",
    "universe_name": "The name of the panel or world.",
    "is_generated": "True where the numbers are invented by a generator.",
    "first_snapshot_date": "The oldest snapshot.",
    "last_snapshot_date": "The newest snapshot.",
    "snapshots_count": "How many snapshots.",
}


def _tools() -> dict[str, str]:
    names = ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "great-expectations")
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}
