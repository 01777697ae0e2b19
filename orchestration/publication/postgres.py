"""The served copy of a publication in PostgreSQL.

What belongs here: loading a generation into a schema of its own, verifying it against the
file, and putting it in the place of the one before in one transaction. What is published is
decided before, by the gates.

Rows go through CSV and COPY, from a connection that stays locked down; DuckDB's own scanner
is a third faster and would need the network opened and an extension loaded.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import duckdb
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orchestration.database import connect, literal
from orchestration.errors import Refusal
from orchestration.gates.tables import TABLES
from orchestration.home import Universe
from orchestration.publication.generation import (
    DATABASE,
    PUBLICATION,
    Manifest,
    columns_of,
    read_manifest,
)

URL = "OBSERVATORY_PUBLISH_POSTGRES_URL"
SCHEMA = "observatory"
PREVIOUS = f"{SCHEMA}_previous"
LOADING = f"{SCHEMA}_loading"
# What readers get: BI tools log in as members of this role.
READER = "observatory_reader"
TOLERANCE = 1e-9
CHUNK = 1 << 20

# A run holds the home while it waits for the server. What the address itself says goes first.
PATIENCE = {
    "connect_timeout": 20,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    # Of what was sent and is not acknowledged, in ms: keepalives are not sent meanwhile.
    "tcp_user_timeout": 90_000,
}
# Another publisher at work, or somebody's transaction at our tables.
LOCK_TIMEOUT = "10min"

# An `@` or `/` in a password that is not percent-encoded ends it: the rest of it would pass for
# host, port or database, which errors quote.
_URI = re.compile(r"postgres(?:ql)?://(?:[^@/]*@)?[^@]*")

_TYPES: dict[str, LiteralString] = {
    "VARCHAR": "text",
    "DOUBLE": "double precision",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
_NUMBERS = ("DOUBLE", "BIGINT", "INTEGER")

Connection = psycopg.Connection[tuple[Any, ...]]
Columns = list[tuple[str, str]]
Said = Callable[[str], None]


@dataclass(frozen=True)
class Served:
    """What PostgreSQL serves now. `kept` are older schemas that others' views depend on."""

    generation: str
    is_new: bool
    rows: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def url_from_environment() -> str | None:
    """The server to publish to, or None. It holds a password: never print it."""
    return os.environ.get(URL) or None


def serve_shown(folder: Path, *, again: str, said: Said = lambda _: None) -> Served | None:
    """Serve what readers of the files see now, where the variable names a server; else None.

    A Refusal says that they do see it, and that the command `again` makes up for it.
    """
    url = url_from_environment()
    if url is None:
        return None
    try:
        return serve(folder, url, said=said)
    except Refusal as refusal:
        raise Refusal(
            f"published/current is now {folder.name}, but {refusal.problem}",
            file=refusal.file,
            field=refusal.field,
            cure=f"{refusal.cure}; then `{again}` again",
        ) from refusal


def serve(folder: Path, url: str, *, said: Said = lambda _: None) -> Served:
    """Serve the generation in `folder` as schema `observatory` of the database at `url`.

    Readers see the old tables or the new ones, without an error in between; the old ones stay
    as `observatory_previous` until the next time, for queries under way. The same generation
    is not loaded twice. A Refusal where the server cannot be reached, lacks a right, serves
    another universe, or what it holds afterwards differs from the file; it then serves what it
    served before.
    """
    if not _is_address(url):
        raise Refusal(
            "the variable holds no address of PostgreSQL (not shown: a password may be in it)",
            field=URL,
            cure="write it as postgresql://user:password@host/database, with every character of "
            "the password but letters and digits percent-encoded (@ is %40)",
        )
    manifest = read_manifest(folder)
    generation = str(manifest["generation"])
    try:
        with _server(url) as server:
            if _served(server, manifest) == generation:
                return Served(generation, is_new=False)
            said(f"loading {generation} into PostgreSQL")
            try:
                rows = _load(server, folder, manifest)
                kept = _swap(server)
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    server.execute(_format("drop schema if exists {} cascade", LOADING))
                raise
            return Served(generation, is_new=True, rows=rows, kept=kept)
    except psycopg.errors.LockNotAvailable:
        raise Refusal(
            f"somebody else has held the served copy in PostgreSQL for {LOCK_TIMEOUT}",
            field=URL,
            cure="wait for the other publisher, or end the session that pg_locks tells of",
        ) from None
    except psycopg.OperationalError as error:
        raise Refusal(
            f"PostgreSQL cannot be reached, or broke off ({_first_line(error)})",
            field=URL,
            cure="start the server and check the address",
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refusal(
            f"the role that publishes lacks a right ({_first_line(error)})",
            field=URL,
            cure="grant it CREATE on the database, and create the role observatory_reader",
        ) from None
    except psycopg.Error as error:
        raise Refusal(
            f"PostgreSQL does not take it: {type(error).__name__} (SQLSTATE {error.sqlstate})",
            field=URL,
            cure="the server's log tells more",
        ) from None


def _is_address(url: str) -> bool:
    """Whether libpq finds in `url` what was meant; its own complaints quote the password."""
    if url.startswith(("postgresql://", "postgres://")) and not _URI.fullmatch(url):
        return False
    try:
        conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeError):
        return False
    return True


def _first_line(error: psycopg.Error) -> str:
    """The server's complaint. libpq names host and user in it, never the password."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _format(statement: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*(sql.Identifier(name) for name in names))


@contextlib.contextmanager
def _server(url: str) -> Iterator[Connection]:
    """A connection in autocommit that no other publisher shares the database with."""
    parameters: dict[str, Any] = PATIENCE | conninfo_to_dict(url)
    with psycopg.connect(autocommit=True, **parameters) as server:
        server.execute("select set_config('timezone', 'UTC', false)")
        server.execute("select set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        server.execute("select pg_advisory_lock(hashtext(%s))", [SCHEMA])
        yield server


def _served(server: Connection, manifest: Manifest) -> str | None:
    """The generation that is served; a Refusal where it is of another universe."""
    found = server.execute("select to_regclass(%s)", [f"{SCHEMA}.{PUBLICATION}"]).fetchone()
    if not found or found[0] is None:
        return None
    row = server.execute(
        _format("select generation, universe_kind, universe_name from {}.{}", SCHEMA, PUBLICATION)
    ).fetchone()
    if row is None:
        return None
    generation, kind, name = row
    universe = manifest["universe"]
    if (kind, name) != (universe["kind"], universe["name"]):
        raise Refusal(
            f"this database serves {Universe(kind, name)}; {manifest['generation']} is of "
            f"{universe['label']}, and would take its place",
            field=URL,
            cure="unset the variable, or name another database in it",
        )
    return str(generation)


def _load(server: Connection, folder: Path, manifest: Manifest) -> dict[str, int]:
    schema = LOADING
    server.execute(_format("drop schema if exists {} cascade", schema))
    server.execute(_format("create schema {}", schema))
    rows: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory(prefix="observatory-") as spool,
        connect(folders=[folder, Path(spool)], ordered=True) as file,
    ):
        file.execute(f"attach {literal(folder / DATABASE)} as candidate (read_only)")
        file.execute("use candidate")
        tables = columns_of(file, "candidate", "main")
        for name, columns in tables.items():
            _create(server, schema, name, columns)
            _copy(server, file, schema, name, Path(spool) / "rows.csv")
            rows[name] = _verify(server, file, schema, name, columns)
            _describe(server, file, schema, name)
        _constrain(server, schema, set(tables))
    listed = {name: entry["rows"] for name, entry in manifest["tables"].items()}
    if listed != {name: count for name, count in rows.items() if name != PUBLICATION}:
        raise Refusal(
            "the file does not hold the rows of its manifest",
            file=folder,
            cure="`observatory verify` says what is damaged",
        )
    _grant(server, schema)
    return rows


def _create(server: Connection, schema: str, name: str, columns: Columns) -> None:
    required = (
        {column.name for column in TABLES[name].columns if not column.nullable}
        if name in TABLES
        else set()
    )
    body = sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(column),
            sql.SQL(_TYPES[kind]),
            sql.SQL(" not null" if column in required else ""),
        )
        for column, kind in columns
    )
    server.execute(
        sql.SQL("create table {}.{} ({})").format(
            sql.Identifier(schema), sql.Identifier(name), body
        )
    )


def _copy(
    server: Connection, file: duckdb.DuckDBPyConnection, schema: str, name: str, spool: Path
) -> None:
    # Texts are quoted, so that an empty one is told from null, and `\.` is not the end.
    file.execute(
        f"copy {name} to {literal(spool)} (format csv, header false, force_quote *, nullstr '')"
    )
    statement = sql.SQL("copy {}.{} from stdin (format csv)").format(
        sql.Identifier(schema), sql.Identifier(name)
    )
    with server.cursor() as cursor, cursor.copy(statement) as copy, spool.open("rb") as rows:
        while chunk := rows.read(CHUNK):
            copy.write(chunk)
    spool.unlink()


def _verify(
    server: Connection,
    file: duckdb.DuckDBPyConnection,
    schema: str,
    name: str,
    columns: Columns,
) -> int:
    """Rows, values that are not null, sums and bytes of each column, here and there."""

    def aggregates(numbers: LiteralString, length: LiteralString) -> sql.Composed:
        found: list[sql.Composable] = [sql.SQL("count(*)")]
        for column, kind in columns:
            identifier = sql.Identifier(column)
            found.append(sql.SQL("count({})").format(identifier))
            if kind in _NUMBERS:
                found.append(sql.SQL(numbers).format(identifier))
            elif kind == "VARCHAR":
                found.append(sql.SQL(length).format(identifier))
        return sql.SQL(", ").join(found)

    table = _format("{}.{}", schema, name)
    there = server.execute(
        sql.SQL("select {} from {}").format(
            aggregates("sum({}::double precision)", "sum(octet_length({}))::bigint"), table
        )
    ).fetchone()
    here = file.execute(
        f"select {aggregates('sum({}::double)', 'sum(strlen({}))::bigint').as_string()} from {name}"
    ).fetchone()
    assert here is not None and there is not None
    for before, after in zip(here, there, strict=True):
        if before is None or after is None:
            equal = before is after
        else:
            equal = abs(float(before) - float(after)) <= TOLERANCE * max(abs(float(before)), 1)
        if not equal:
            raise Refusal(
                f"PostgreSQL holds other content in {name} than the file: {after}, not {before}",
                field=URL,
                cure="see the server's log: everything is loaded anew the next time",
            )
    return int(here[0])


def _describe(server: Connection, file: duckdb.DuckDBPyConnection, schema: str, name: str) -> None:
    """Take over the comments of the file."""
    table = _format("{}.{}", schema, name)
    for (comment,) in file.execute(
        "select comment from duckdb_tables() where database_name = 'candidate' "
        f"and table_name = {literal(name)} and comment is not null"
    ).fetchall():
        server.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(comment)))
    for column, comment in file.execute(
        "select column_name, comment from duckdb_columns() where database_name = 'candidate' "
        f"and table_name = {literal(name)} and comment is not null"
    ).fetchall():
        server.execute(
            sql.SQL("comment on column {}.{} is {}").format(
                table, sql.Identifier(column), sql.Literal(comment)
            )
        )


def _constrain(server: Connection, schema: str, tables: set[str]) -> None:
    """Primary keys, then foreign keys to the dimensions whose key is their whole grain."""
    declared = [TABLES[name] for name in sorted(tables) if name in TABLES]
    for table in declared:
        server.execute(
            sql.SQL("alter table {} add primary key ({})").format(
                _format("{}.{}", schema, table.name),
                sql.SQL(", ").join(map(sql.Identifier, table.grain)),
            )
        )
    for table in declared:
        for key in table.foreign_keys:
            whole = key.table in tables and TABLES[key.table].grain == (key.key,)
            if whole and not key.exempt:
                server.execute(
                    _format(
                        "alter table {}.{} add foreign key ({}) references {}.{} ({})",
                        schema,
                        table.name,
                        key.column,
                        schema,
                        key.table,
                        key.key,
                    )
                )
        server.execute(_format("analyze {}.{}", schema, table.name))


def _grant(server: Connection, schema: str) -> None:
    """Let the members of the reading role read, and nothing else."""
    known = server.execute("select from pg_roles where rolname = %s", [READER]).fetchone()
    if known is None:
        server.execute(_format("create role {} nologin", READER))
    server.execute(_format("grant usage on schema {} to {}", schema, READER))
    server.execute(_format("grant select on all tables in schema {} to {}", schema, READER))


def _swap(server: Connection) -> list[str]:
    """Put the loaded schema in the place of the served one; give the old ones that must stay."""
    kept = [name for name in _kept(server) if not _drop(server, name)]
    if _exists(server, PREVIOUS) and not _drop(server, PREVIOUS):
        aside = next(name for n in itertools.count(1) if not _exists(server, name := _aside(n)))
        server.execute(_format("alter schema {} rename to {}", PREVIOUS, aside))
        kept.append(aside)
    with server.transaction():
        if _exists(server, SCHEMA):
            server.execute(_format("alter schema {} rename to {}", SCHEMA, PREVIOUS))
        server.execute(_format("alter schema {} rename to {}", LOADING, SCHEMA))
    return kept


def _aside(number: int) -> str:
    """The name of an old schema that cannot be dropped."""
    return f"{SCHEMA}_kept_{number}"


def _exists(server: Connection, schema: str) -> bool:
    found = server.execute("select from pg_namespace where nspname = %s", [schema]).fetchone()
    return found is not None


def _kept(server: Connection) -> list[str]:
    """Old schemas that others' views or queries kept alive."""
    found = server.execute(
        "select nspname from pg_namespace where nspname ~ %s order by 1",
        [f"^{SCHEMA}_kept_[0-9]+$"],
    ).fetchall()
    return [str(row[0]) for row in found]


def _drop(server: Connection, schema: str) -> bool:
    """Drop an old schema, unless views of others depend on it or somebody reads from it."""
    tables = server.execute(
        "select tablename from pg_tables where schemaname = %s", [schema]
    ).fetchall()
    try:
        with server.transaction():
            server.execute("set local lock_timeout = '2s'")
            if tables:
                listed = sql.SQL(", ").join(_format("{}.{}", schema, row[0]) for row in tables)
                server.execute(sql.SQL("drop table {}").format(listed))
            server.execute(_format("drop schema {}", schema))
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.LockNotAvailable):
        return False
    return True
