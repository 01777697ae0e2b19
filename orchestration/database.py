"""DuckDB connections that read what others wrote, locked down.

What belongs here: how a connection is opened and what it may touch. SQL belongs to the module
whose question it answers; the warehouse's own connection during a build is dbt's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from orchestration.errors import Refusal

# A run needs room beside DuckDB for dbt, Dagster and Great Expectations: 2.5 of the 4 GiB that a
# day may take. Larger machines raise it.
MEMORY_LIMIT = os.environ.get("OBSERVATORY_MEMORY_LIMIT", "2.5GiB")
TEMPORARY_LIMIT = os.environ.get("OBSERVATORY_TEMPORARY_LIMIT", "50GiB")

MIB, GIB = 2**20, 2**30
_UNITS = {
    "B": 1,
    **{f"{p}B": 1000**n for n, p in enumerate("KMGT", start=1)},
    **{f"{p}IB": 1024**n for n, p in enumerate("KMGT", start=1)},
}


def bytes_of(setting: str, name: str) -> int:
    """`3GiB` as bytes, with DuckDB's units."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", setting)
    if found is None or found[2].upper() not in _UNITS:
        raise Refusal(
            f"a limit cannot be read ({setting!r})",
            field=name,
            cure="write it as a number with a unit: 3GiB",
        )
    return int(float(found[1]) * _UNITS[found[2].upper()])


def memory_limit() -> int:
    """Bytes that DuckDB may take."""
    return bytes_of(MEMORY_LIMIT, "OBSERVATORY_MEMORY_LIMIT")


def temporary_limit() -> int:
    """Bytes that DuckDB may spill to disk."""
    return bytes_of(TEMPORARY_LIMIT, "OBSERVATORY_TEMPORARY_LIMIT")


def literal(text: str | Path) -> str:
    """`text` as an SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literals(items: Iterable[str | Path]) -> str:
    """`items` as an SQL list of string literals."""
    return "[" + ", ".join(literal(item) for item in items) + "]"


def count_repeated(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> int:
    """How many rows of `relation` repeat an earlier row's `columns` (names, or SQL expressions).

    Hashes raise the suspicion, the values decide: DuckDB gives ids that differ in two letters
    one hash (14 pairs of a generated world's 4.6 M ids), and holding every value costs memory.
    """
    listed = ", ".join(columns)
    suspects = f"select hash({listed}) from {relation} group by all having count(*) > 1"
    return int(
        connection.execute(
            f"select coalesce(sum(copies - 1), 0) from (select count(*) as copies "
            f"from {relation} where hash({listed}) in ({suspects}) group by {listed})"
        ).fetchall()[0][0]
    )


def connect(
    path: str | Path = ":memory:",
    *,
    folders: Iterable[Path] = (),
    temporary: Path | None = None,
    read_only: bool = False,
    ordered: bool = False,
    memory: str | None = None,
    threads: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection that can reach `path` and the `folders`, and nothing else.

    No file outside them, no network, no extension; the configuration is locked, so that no
    statement hidden in the data can open it again. Spills go to `temporary`. `ordered` keeps
    rows in the order in which they were inserted, at the price of memory. `memory` is the
    limit in place of the general one, for work that is no slower with less; `threads` likewise
    in place of all cores.
    """
    connection = duckdb.connect(str(path), read_only=read_only)
    allowed = [folder.absolute() for folder in folders]
    settings = [
        "set autoinstall_known_extensions = false",
        "set autoload_known_extensions = false",
        "set allow_community_extensions = false",
        "set enable_progress_bar = false",
        "set TimeZone = 'UTC'",
        f"set preserve_insertion_order = {str(ordered).lower()}",
        f"set memory_limit = {literal(memory or MEMORY_LIMIT)}",
        f"set max_temp_directory_size = {literal(TEMPORARY_LIMIT)}",
    ]
    if threads is not None:
        settings.append(f"set threads = {threads}")
    if temporary is not None:
        temporary.mkdir(parents=True, exist_ok=True)
        settings.append(f"set temp_directory = {literal(temporary.absolute())}")
    settings += [
        f"set allowed_directories = {literals(f'{folder}/' for folder in allowed)}",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ]
    try:
        for setting in settings:
            connection.execute(setting)
    except duckdb.ParserException as error:
        connection.close()
        raise Refusal(
            f"a limit cannot be read ({str(error).splitlines()[0]})",
            field="OBSERVATORY_MEMORY_LIMIT or OBSERVATORY_TEMPORARY_LIMIT",
            cure="write it as a number with a unit: 3GiB",
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection
