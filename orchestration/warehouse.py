"""The private warehouse: what a build has to do, and the sources it may see.

What belongs here: registering sealed, passed snapshots as dbt's sources, and remembering what
the warehouse was built from. The warehouse is a cache: when history, code or seeds are not
those it was built from, it is built anew from the raw snapshots. A build that was cut off is made
once more, with the days that come after it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from orchestration.database import GIB, connect, literal, literals, memory_limit
from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home
from orchestration.snapshots import reading, sealing, store
from orchestration.snapshots.contract import COLUMNS, OTHERS, Column
from orchestration.snapshots.store import Sealed

PROJECT = CHECKOUT / "dbt_project"
_CODE = ("dbt_project.yml", "models", "macros", "seeds", "tests")
# How a sealed day is read.
_READING = ("contract.py", "reading.py")

# Tables of one row: what the build was made from that finished, and the one before the build that
# has begun. There is never more than one of them.
FINISHED, BEGUN = "finished_build", "begun_build"

# What flows are computed from: kept narrow, because every day of the history can be asked for.
COUNTERS = ("_id", "id", "createdAt", "downloads", "downloadsAllTime")

SNAPSHOTS = {
    "snapshot_date": "date",
    "version": "integer",
    "source_kind": "varchar",
    "is_whole": "boolean",
    "rows_count": "bigint",
    "downloads": "bigint",
    "rows_quarantined": "bigint",
    "observed_from": "varchar",
    "observed_to": "varchar",
    "requests_count": "bigint",
    "content_sha256": "varchar",
}
QUALITY_CHECKS = {
    "snapshot_date": "date",
    "check_name": "varchar",
    "status": "varchar",
    "observed_value": "double",
    "threshold": "varchar",
    "rows_quarantined": "bigint",
}
AUTHORS = {"author": "varchar", "author_type": "varchar", "fullname": "varchar", "asked_on": "date"}
GENERATED_ORGANIZATIONS = {
    "organization": "varchar",
    "canonical_organization": "varchar",
    "country_code": "varchar",
    "is_international": "boolean",
    "alternative_country_code": "varchar",
    "organization_type": "varchar",
    "parent": "varchar",
    "confidence": "varchar",
    "evidence": "varchar",
    "valid_from": "date",
    "valid_to": "date",
}


# What a build computes at once with so much memory, in rows of models and of slices: a year of
# 20,000 models does not fit into 2.5 GiB. More is built in parts, the oldest days first.
ROWS_AT_ONCE, ROWS_MEASURED_WITH = 6_000_000, 2.5 * GIB
# Windows, attributions, cohorts and scopes; and how many organizations a slice names, about.
SLICES, NAMED = 48, 2_500

# A build settles what was provisional of the days before it, a few days back from the newest of
# them: a month is ample.
SETTLED_WITHIN = timedelta(days=31)
# A build that was cut off is made so often again before everything is built anew.
MADE_AGAIN = 1


Builds = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BuildPlan:
    """What a build computes: the days of its window, of all the `days` that count.

    With `is_rebuild` the window is all `days` and the tables are made anew. An empty window
    computes nothing by day. `days_left` are newer, and too many for this build: once it is
    finished, the next one goes on with them. `builds` are those of this warehouse since it was
    made anew, this one last: an id each, and the first day that it may have changed. `begun` is
    what the next build has to know if this one is cut off; None where all is then built anew.
    """

    days: tuple[Sealed, ...]
    window: tuple[Sealed, ...]
    is_rebuild: bool
    why: str
    code: str
    days_left: int = 0
    builds: Builds = field(default_factory=lambda: (_build_from(date.min),))
    begun: Mapping[str, Any] | None = None


def _build_from(day: date) -> tuple[str, str]:
    return uuid4().hex, day.isoformat()


def generated_organizations_file(home: Home) -> Path:
    """The owners of a generated world, as its own Hub told them to this home."""
    return home.raw / "hub_organizations_generated.csv"


def _authors_file(home: Home) -> Path:
    """What the Hub answered when asked who an owner is."""
    return home.raw / "hub_authors" / "authors.parquet"


def code_fingerprint(project: Path = PROJECT) -> str:
    """A hash over all that decides what the marts say, beside the snapshots."""
    models = fingerprint(project, _CODE, (".sql", ".yml", ".csv"))
    reading = fingerprint(CHECKOUT / "orchestration" / "snapshots", _READING, (".py",))
    return hashlib.sha256(f"{models} {reading}".encode()).hexdigest()


def fingerprint(root: Path, names: Iterable[str], suffixes: Sequence[str]) -> str:
    """A hash over the files and folders `names` below `root`: of files with these `suffixes`."""
    digest = hashlib.sha256()
    for name in names:
        path = root / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in suffixes:
                digest.update(str(file.relative_to(root)).encode() + b"\0")
                digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprints(home: Home, project: Path = PROJECT) -> dict[str, str]:
    """A hash over each part that decides what the marts say, beside the snapshots.

    `mapping` are the seeds but for the claims, `claims` these, `rules` the models and how a
    sealed day is read, `owners` what the Hub answered when asked who an owner is. A changed figure
    is explained by them.
    """
    seeds = set((project / "seeds").glob("*.csv"))
    claims = project / "seeds" / "claims.csv"
    rules = {file for name in ("models", "macros") for file in (project / name).rglob("*.sql")}
    rules |= {CHECKOUT / "orchestration" / "snapshots" / name for name in _READING}
    parts = {
        "mapping": (seeds - {claims}) | {generated_organizations_file(home)},
        "claims": {claims},
        "rules": rules | {project / "dbt_project.yml"},
        "owners": {_authors_file(home)},
    }
    return {
        part: hashlib.sha256(
            b"".join(
                file.name.encode() + hashlib.sha256(file.read_bytes()).digest()
                for file in sorted(files)
                if file.exists()
            )
        ).hexdigest()
        for part, files in parts.items()
    }


def plan(home: Home, days: Iterable[Sealed], code: str | None = None) -> BuildPlan:
    """Compare `days` (sealed and passed) with what the warehouse was built from.

    What is more than fits at once is planned in parts: ask again after each is finished.
    """
    code = code or code_fingerprint()
    ordered = tuple(sorted(days, key=lambda day: day.snapshot_date))

    def rebuild(why: str) -> BuildPlan:
        first = _that_fit(ordered)
        return BuildPlan(first, first, True, why, code, len(ordered) - len(first))

    if not home.warehouse.exists():
        return rebuild("there is no warehouse yet")
    built = _built_from(home)
    if built is None or built.cuts > MADE_AGAIN:
        return rebuild("the last build did not end")
    if built.code != code:
        return rebuild("models, seeds or how snapshots are read changed")
    if built.mapping != fingerprints(home)["mapping"]:
        return rebuild("the owners of the generated world changed")
    wanted = {day.snapshot_date: day.content_sha256 for day in ordered}
    if any(wanted.get(day) != content for day, content in (built.days | built.cut).items()):
        return rebuild("a day was corrected or withdrawn")
    newest = max(built.days, default=date.min)
    new = tuple(day for day in ordered if day.snapshot_date not in built.days)
    if any(day.snapshot_date < newest for day in new):
        return rebuild("a day came late")
    unchanged = BuildPlan(
        days=ordered,
        window=(),
        is_rebuild=False,
        why="nothing changed",
        code=code,
        builds=built.builds,
        begun=built.record,
    )
    if not new:
        return unchanged
    since = min([*built.again, new[0].snapshot_date])
    again = [day for day in ordered if since <= day.snapshot_date < new[0].snapshot_date]
    # The tables may hold something of each day of a build that was cut off.
    least = sum(day.snapshot_date <= max(built.cut, default=date.min) for day in new)
    first = _that_fit(new, beside=sum(map(_size, again)), least=least)
    window = (*again, *first)
    settled_from = max(min(since, newest), date.min + SETTLED_WITHIN) - SETTLED_WITHIN
    cut = {day.snapshot_date.isoformat(): day.content_sha256 for day in window}
    return replace(
        unchanged,
        days=ordered[: ordered.index(first[-1]) + 1],
        window=window,
        why="new days" if not built.cut else "the last build did not end, and is made once more",
        days_left=len(new) - len(first),
        builds=(*built.builds, _build_from(settled_from)),
        begun=built.record | {"cut": cut, "cuts": built.cuts + 1},
    )


def _that_fit(days: tuple[Sealed, ...], beside: int = 0, least: int = 1) -> tuple[Sealed, ...]:
    """The first of `days` that fit into one build `beside` other rows; `least` of them at least."""
    sizes = accumulate(map(_size, days), initial=beside)
    most = ROWS_AT_ONCE * memory_limit() / ROWS_MEASURED_WITH
    fitting = sum(size <= most for size in sizes) - 1
    return days[: max(fitting, least, 1)]


def _size(day: Sealed) -> int:
    return day.rows + SLICES * min(day.rows, NAMED)


@dataclass(frozen=True)
class _Built:
    """What the warehouse holds: the `record` of its last finished build.

    With days of one that was `cut` off after it, by their content; `cuts` of them in a row.
    """

    record: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.record["code"])

    @property
    def mapping(self) -> str:
        return str(self.record.get("parts", {}).get("mapping", ""))

    @property
    def builds(self) -> Builds:
        return tuple((name, day) for name, day in self.record.get("builds", ()))

    @property
    def days(self) -> dict[date, str]:
        return _by_date(self.record["days"])

    @property
    def cut(self) -> dict[date, str]:
        return _by_date(self.record.get("cut", {}))

    @property
    def cuts(self) -> int:
        return int(self.record.get("cuts", 0))

    @property
    def again(self) -> list[date]:
        """The days that the next build computes again."""
        return sorted({*map(date.fromisoformat, self.record.get("waiting", ())), *self.cut})


def _by_date(contents: Mapping[str, str]) -> dict[date, str]:
    return {date.fromisoformat(day): content for day, content in contents.items()}


def days_again(home: Home) -> list[date]:
    """The days that the next build computes again with the new ones; most often none.

    At most 16 wait for the next snapshot: their counters stand still, or are held back, so that it
    may change their figures. And those of a build that was cut off. Without a finished build there
    are none: all are built anew.
    """
    built = _built_from(home)
    return built.again if built else []


def used_and_free(home: Home) -> tuple[int, int]:
    """The bytes of the warehouse that hold something, and those that the next build may fill.

    Of one that cannot be read all is taken for used.
    """
    try:
        with connect(home.warehouse, read_only=True) as connection:
            found = connection.execute(
                "select used_blocks * block_size, free_blocks * block_size "
                "from pragma_database_size()"
            ).fetchall()
    except duckdb.Error:
        return home.warehouse.stat().st_size if home.warehouse.exists() else 0, 0
    return found[0][0], found[0][1]


def _built_from(home: Home) -> _Built | None:
    """What the warehouse holds; None where all has to be built anew."""
    try:
        with connect(home.warehouse, read_only=True) as connection:
            for table in (FINISHED, BEGUN):
                if connection.execute(
                    "select 1 from duckdb_tables() where schema_name = 'raw' and table_name = ?",
                    [table],
                ).fetchone():
                    found = connection.execute(f"select built_from from raw.{table}").fetchall()
                    return _Built(json.loads(found[0][0]))
    except duckdb.Error:
        pass
    return None


def register(home: Home, build: BuildPlan, quality: Sequence[Mapping[str, Any]]) -> None:
    """Open the warehouse for `build`: its sources, and no finished build until it ends.

    What was built before is noted, for the case that it is cut off.

    `quality` holds the rows of the first gate's checks of all days; of those that are left for a
    later build none are shown.
    """
    if build.days_left:
        quality = [row for row in quality if row["snapshot_date"] <= build.days[-1].snapshot_date]
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    # What a killed build had spilled stays in a folder, which DuckDB fills but does not empty.
    shutil.rmtree(home.warehouse.with_name(f"{home.warehouse.name}.tmp"), ignore_errors=True)
    if build.is_rebuild:
        for leftover in home.warehouse.parent.glob(f"{home.warehouse.name}*"):
            leftover.unlink()
    with connect(home.warehouse, folders=[home.root]) as connection:
        connection.execute("create schema if not exists raw")
        _note(connection, BEGUN, build.begun)
        _register_records(connection, "hub_models", home, build.window, COLUMNS)
        counters = [column for column in COLUMNS if column.name in COUNTERS]
        _register_records(connection, "hub_counters", home, build.days, counters)
        _register_others(connection, home)
        _register_set_aside(connection, home, build.days)
        connection.execute(
            "create or replace table raw.build_window as "
            "select ?::date as from_date, ?::date as to_date",
            [edge.snapshot_date for edge in (build.window[0], build.window[-1])]
            if build.window
            else (None, None),
        )
        _register_authors(connection, _authors_file(home))
        _register_generated(connection, home)
        _make(
            connection,
            "snapshots",
            SNAPSHOTS,
            (
                {
                    "snapshot_date": day.snapshot_date,
                    "version": day.version,
                    "source_kind": day.source["kind"],
                    "is_whole": day.whole,
                    "rows_count": day.rows,
                    "downloads": day.downloads,
                    "rows_quarantined": day.rows_quarantined,
                    "observed_from": day.observed_from,
                    "observed_to": day.observed_to,
                    "requests_count": day.requests,
                    "content_sha256": day.content_sha256,
                }
                for day in build.days
            ),
        )
        _make(connection, "quality_checks", QUALITY_CHECKS, quality)


def _make(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """The source `name` with the `columns` of `rows`, in one statement: one a row takes 1 ms."""
    declared = ", ".join(f"{column} {type_}" for column, type_ in columns.items())
    connection.execute(f"create or replace table raw.{name} ({declared})")
    told = [{column: row[column] for column in columns} for row in rows]
    if told:
        connection.execute(
            f"insert into raw.{name} by name select unnest(from_json(?, "
            f"{literal(json.dumps([columns]))}), recursive := true)",
            [json.dumps(told, default=str)],
        )


def register_others(home: Home) -> None:
    """Show the warehouse every sealed day of datasets and Spaces."""
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connect(home.warehouse, folders=[home.root]) as connection:
        connection.execute("create schema if not exists raw")
        _register_others(connection, home)


def _register_others(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    for kind in OTHERS:
        days = store.list_sealed(home, kind.table)
        _register_records(connection, kind.table, home, days, kind.columns)


def _register_records(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    home: Home,
    days: Sequence[Sealed],
    columns: Sequence[Column],
) -> None:
    """A view of the raw rows of `days`; only the files that a statement asks for are read."""
    if days:
        rows = f"from {reading.records(home, days, [column.name for column in columns])}"
    else:
        empty = ", ".join(f'null::{column.type} as "{column.name}"' for column in columns)
        rows = f"select null::date as snapshot_date, {empty} where false"
    connection.execute(f"create or replace view raw.{name} as {rows}")


def _register_set_aside(
    connection: duckdb.DuckDBPyConnection, home: Home, days: Sequence[Sealed]
) -> None:
    """The models of which `days` have no row because it was set aside."""
    files = [sealing.quarantine_file(home, day) for day in days if day.rows_quarantined]
    if files:
        source = (
            f"select distinct snapshot_date, id from read_parquet({literals(files)}, "
            "hive_partitioning = true, hive_types = {'snapshot_date': date}) where id is not null"
        )
    else:
        source = "select null::date as snapshot_date, null::varchar as id where false"
    connection.execute(f"create or replace table raw.rows_set_aside as {source}")


def _register_authors(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    if file.exists():
        source = f"select {', '.join(AUTHORS)} from read_parquet({literal(file)})"
    else:
        empty = ", ".join(f"null::{type_} as {name}" for name, type_ in AUTHORS.items())
        source = f"select {empty} where false"
    connection.execute(f"create or replace table raw.hub_authors as {source}")


def _register_generated(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    file, universe = generated_organizations_file(home), home.universe()
    if universe is not None and universe.is_generated and not file.exists():
        raise Refusal(
            f"the organizations of {universe} are missing: no country would have any",
            file=file,
            cure="put there what its Hub tells under /local-hub/organizations.csv",
        )
    is_known = file.exists() and (universe is None or universe.is_generated)
    rows = _generated_organizations(file) if is_known else ()
    _make(connection, "generated_organizations", GENERATED_ORGANIZATIONS, rows)


def _generated_organizations(file: Path) -> Iterator[dict[str, str | bool | date | None]]:
    """The rows of `file`. pandas writes `True` where the seed says `true`: both are true."""
    with file.open(encoding="utf-8", newline="") as opened:
        lines = csv.DictReader(opened)
        for row in lines:
            found: dict[str, str | bool | date | None] = {}
            for name, type_ in GENERATED_ORGANIZATIONS.items():
                try:
                    found[name] = _READ[type_](row[name] or "")
                except ValueError:
                    raise Refusal(
                        f"{row[name]!r} is no {type_}",
                        file=file,
                        row=lines.line_num,
                        field=name,
                        cure=f"write {_CURES[type_]}",
                    ) from None
            yield found


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


_READ: dict[str, Callable[[str], str | bool | date | None]] = {
    "varchar": str,
    "boolean": _boolean,
    "date": _date,
}
_CURES = {"boolean": "true or false", "date": "a day as YYYY-MM-DD, or nothing"}


def finish(home: Home, build: BuildPlan) -> None:
    """Mark `build` as ended well: without this mark nothing is published from it.

    The publication reads it, to know of which days it need not ask whether they changed.
    """
    with connect(home.warehouse) as connection:
        waiting = connection.execute(
            "select snapshot_date::varchar from intermediate.int_hub__counter_status where "
            "snapshot_date >= (select min(snapshot_date) "
            "from intermediate.int_hub__counter_status where not is_settled)"
        ).fetchall()
        record = {
            "code": build.code,
            "days": {day.snapshot_date.isoformat(): day.content_sha256 for day in build.days},
            "parts": fingerprints(home),
            "builds": build.builds,
            "waiting": [day for (day,) in waiting],
        }
        _note(connection, FINISHED, record)


def discard(home: Home) -> None:
    """Have the next build make everything anew, whatever the warehouse holds."""
    # Where it cannot even be opened that is so without a word.
    with suppress(duckdb.Error), connect(home.warehouse) as connection:
        _note(connection, BEGUN, None)


def _note(
    connection: duckdb.DuckDBPyConnection, table: str, record: Mapping[str, Any] | None
) -> None:
    """Write the `record` of a build into `table`, and no other one: at once, or not at all."""
    connection.execute("begin")
    for one in (FINISHED, BEGUN):
        connection.execute(f"drop table if exists raw.{one}")
    if record is not None:
        connection.execute(
            f"create table raw.{table} as select ? as built_from", [json.dumps(record)]
        )
    connection.execute("commit")
