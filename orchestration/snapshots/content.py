"""The content of a day: a hash that tells its rows whatever file, order or form they lie in.

What belongs here: which hash that is. An import asks whether a day is known by it, compaction
whether the compacted form is the day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from orchestration.snapshots.contract import COLUMNS, Column


@dataclass(frozen=True)
class Content:
    """Rows of a day, the sum of their 30-day counts, and the hash over every column."""

    rows: int
    downloads: int
    sha256: str


def _as_text(column: Column) -> str:
    name = f'"{column.name}"'
    return f"to_json({name})::varchar" if column.type.endswith("[]") else f"{name}::varchar"


def as_text(names: Iterable[str] | None = None, columns: Iterable[Column] = COLUMNS) -> str:
    """SQL that gives a row as one text: `columns`, or those of them that `names` names.

    Nulls differ from empty texts.
    Texts are told apart by MD5, which is the same in every version of DuckDB. DuckDB's own hash
    is faster, but takes an empty list for null and gives ids that differ in two letters one hash.
    """
    wanted = columns if names is None else [one for one in columns if one.name in set(names)]
    texts = (f"coalesce({_as_text(one)}, chr(30))" for one in wanted)
    return f"concat({', chr(31), '.join(texts)})"


def sha256_of(rows: int, low: int | None, high: int | None, reasons: Iterable[object]) -> str:
    """The hash of a day from the sums of its rows' MD5 halves, and what was set aside of it.

    Sums do not depend on the order of the rows.
    `reasons` are (reason, rows) in the order of the reasons.
    """
    listed = list(reasons)
    aside_too = f":{listed}" if listed else ""
    return hashlib.sha256(f"{rows}:{low}:{high}{aside_too}".encode()).hexdigest()


def measure(
    connection: duckdb.DuckDBPyConnection, relation: str, quarantined: dict[str, int]
) -> Content:
    """The content of `relation`, SQL that gives a day's rows in the contract's columns."""
    rows, downloads, low, high = connection.execute(
        f"""
        select count(*), coalesce(sum(downloads), 0)::bigint,
            sum(md5_number_lower(key)), sum(md5_number_upper(key))
        from (select downloads, {as_text()} as key from {relation})
        """
    ).fetchall()[0]
    return Content(rows, downloads, sha256_of(rows, low, high, sorted(quarantined.items())))
