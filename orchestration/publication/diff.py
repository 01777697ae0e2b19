"""What a generation changes against the one before.

What belongs here: rows added, changed and removed by table, and the largest moves of shares.
Whether a change is allowed is gate 3's question.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.gates.tables import TABLES
from orchestration.home import write_text_durably
from orchestration.publication import weeks
from orchestration.publication.generation import (
    DATABASE,
    DIFF,
    Manifest,
    attached,
    columns_of,
    read_manifest,
)

MOVES = 10


@dataclass(frozen=True)
class TableDiff:
    """Rows by their grain: only in the new, in both with other values, only in the old."""

    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Diff:
    """One generation against the one before (`old` is None for the first).

    `moves` are the largest changes of 30-day publisher shares between the newest days of both,
    `restatements` the largest for days that both hold; shares are fractions of 1.
    """

    old: str | None
    new: str
    days_added: list[str] = field(default_factory=list)
    days_removed: list[str] = field(default_factory=list)
    tables: dict[str, TableDiff] = field(default_factory=dict)
    moves: list[dict[str, Any]] = field(default_factory=list)
    restatements: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        write_text_durably(folder / DIFF, json.dumps(asdict(self), indent=1) + "\n")


def diff(old: Path | None, new: Path) -> Diff:
    """Compare two generation folders; with no `old`, everything is added."""
    after = read_manifest(new)
    if old is None:
        return Diff(
            old=None,
            new=after["generation"],
            days_added=after["snapshot_dates"],
            tables={
                name: TableDiff(entry["rows"], 0, 0) for name, entry in after["tables"].items()
            },
        )
    before = read_manifest(old)
    days_before, days_after = set(before["snapshot_dates"]), set(after["snapshot_dates"])
    with connect(folders=[old, new]) as connection, attached(connection, before=old):
        connection.execute(f"attach {literal(new / DATABASE)} as after (read_only)")
        tables = {
            name: _table(connection, name, before, after)
            for name in TABLES
            if name in before["tables"] or name in after["tables"]
        }
        return Diff(
            old=before["generation"],
            new=after["generation"],
            days_added=sorted(days_after - days_before),
            days_removed=sorted(days_before - days_after),
            tables=tables,
            moves=_moves(connection, newest_only=True),
            restatements=_moves(connection, newest_only=False),
        )


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, before: Manifest, after: Manifest
) -> TableDiff:
    old, new = before["tables"].get(name), after["tables"].get(name)
    if old is None or new is None:
        return TableDiff(new["rows"] if new else 0, 0, old["rows"] if old else 0)
    if old["content_sha256"] == new["content_sha256"]:
        return TableDiff(0, 0, 0)
    grain = TABLES[name].grain
    shared = dict(columns_of(connection, "before", "main")[name]).keys()
    values = [
        column
        for column, _ in columns_of(connection, "after", "main")[name]
        if column in shared and column not in grain
    ]
    keyed = f"hash({', '.join(grain)}) as key, hash({', '.join([*values, '1'])}) as content"
    rows = f"select {keyed} from %s.main.{name}"
    if weeks.accumulates(name):
        days = literals(_changed_days(connection, name, values, before, after))
        rows += f" where {weeks.DAY} in (select unnest({days}::date[]))"
    added, changed, removed = connection.execute(
        f"""
        select
            count(*) filter (old.key is null),
            count(*) filter (old.content <> new.content),
            count(*) filter (new.key is null)
        from ({rows % "before"}) as old
        full join ({rows % "after"}) as new on old.key = new.key
        """
    ).fetchall()[0]
    return TableDiff(added, changed, removed)


def _changed_days(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    values: list[str],
    before: Manifest,
    after: Manifest,
) -> list[str]:
    """The days of `name` that differ, told apart by one number each and not row by row."""
    others = f"not {weeks.is_in(weeks.same(before, after, name))}"
    days = (
        f"select {weeks.DAY} as day, count(*) as rows, "
        f"sum(hash({', '.join([*TABLES[name].grain, *values])})) as content from"
    )
    found = connection.execute(
        "select coalesce(old.day, new.day) "
        f"from ({days} before.main.{name} where {others} group by all) as old "
        f"full join ({days} after.main.{name} where {others} group by all) as new "
        "on old.day = new.day "
        "where (old.rows, old.content) is distinct from (new.rows, new.content)"
    ).fetchall()
    return [str(day) for (day,) in found]


def _moves(connection: duckdb.DuckDBPyConnection, *, newest_only: bool) -> list[dict[str, Any]]:
    def shares(database: str) -> str:
        chosen = (
            f"where snapshot_date = (select max(snapshot_date) from {database}.main."
            "fct_country_share_daily)"
            if newest_only
            else "where true"
        )
        chosen += (
            " and window_name = '30d' and attribution = 'publisher' and cohort = 'all' "
            "and scope = 'all' and share_of_all is not null"
        )
        return f"""
        select 'country' as kind, country_key as entity, snapshot_date, share_of_all
        from {database}.main.fct_country_share_daily {chosen}
        union all
        select 'organization', organization, snapshot_date, share_of_all
        from {database}.main.fct_organization_share_daily {chosen} and organization <> '(other)'
        """

    keys = "kind, entity" if newest_only else "kind, entity, snapshot_date"
    cursor = connection.execute(
        f"""
        select kind, entity, new.snapshot_date::varchar as snapshot_date,
            old.share_of_all as was, new.share_of_all as now,
            new.share_of_all - old.share_of_all as change
        from ({shares("before")}) as old join ({shares("after")}) as new using ({keys})
        where abs(new.share_of_all - old.share_of_all) > 1e-12
        order by abs(new.share_of_all - old.share_of_all) desc, kind, entity, snapshot_date
        limit {MOVES}
        """
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
