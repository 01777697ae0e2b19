"""Rows that were set aside: looking at them, letting them in, dropping them for good.

What belongs here: what an operator decides about bad rows of a sealed day. Either decision
seals a new version of the day; the old version, its quarantine and the decision with the
original rows stay on disk, so that nothing is lost. Which rows are bad is `snapshots`'.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, literal
from orchestration.errors import Refusal
from orchestration.home import Home, Universe, write_text_durably
from orchestration.snapshots import importing, reading, sealing, staging, store
from orchestration.snapshots.archives import ArchiveFile
from orchestration.snapshots.contract import REASONS
from orchestration.snapshots.store import Sealed, Source

DECISIONS = "decisions.json"
# Without an id a row is of no model, and what is not Unicode cannot be stored.
_UNRELEASABLE = ("unreadable_id", "unreadable_unicode")


@dataclass(frozen=True)
class Held:
    """A row that was set aside. `number` names it for a decision, within its day's version.

    `downloads` are those that the day goes without; they may be fewer than `content` tells.
    """

    number: int
    source_file: str
    source_row: int
    reason: str
    field: str | None
    id: str | None
    downloads: int | None
    content: str

    @property
    def why(self) -> str:
        """The reason in words."""
        return REASONS[self.reason]


def held(home: Home, snapshot_date: date) -> list[Held]:
    """The rows that are set aside from the newest version of a sealed day."""
    sealed = _sealed(home, snapshot_date)
    path = sealing.quarantine_file(home, sealed)
    if not sealed.rows_quarantined:
        return []
    with connect(folders=[home.quarantine]) as connection:
        rows = connection.execute(
            "select source_file, source_row, reason, field, id, downloads, content "
            f"from read_parquet({literal(path)}, hive_partitioning = false) "
            "order by source_file, source_row, content"
        ).fetchall()
    return [Held(number, *row) for number, row in enumerate(rows, start=1)]


def release(home: Home, snapshot_date: date, numbers: Collection[int], note: str) -> Sealed:
    """Let rows in: they join a new version of the day, the value that was bad being null.

    Of rows with one id or key only one can be let in. A Refusal where a row has no id to be let in
    under, is named by no row, or its id is there already; nothing is changed then.
    """
    return _settle(home, snapshot_date, "release", numbers, note)


def drop(home: Home, snapshot_date: date, numbers: Collection[int], note: str) -> Sealed:
    """Take rows out of quarantine for good: a new version of the day no longer counts them."""
    return _settle(home, snapshot_date, "drop", numbers, note)


def decisions(home: Home, snapshot_date: date) -> list[dict[str, Any]]:
    """What was decided about a day so far, oldest first, each with the rows as they were."""
    path = _decisions_file(home, snapshot_date)
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _settle(
    home: Home, snapshot_date: date, decision: str, numbers: Collection[int], note: str
) -> Sealed:
    with home.lock(f"settling the quarantine of {snapshot_date}"):
        sealed = _sealed(home, snapshot_date)
        rows = held(home, snapshot_date)
        chosen = [row for row in rows if row.number in set(numbers)]
        path = sealing.quarantine_file(home, sealed)
        if len(chosen) != len(set(numbers)) or not chosen or not note.strip():
            raise Refusal(
                "a decision needs rows of this quarantine, and a note that says why",
                file=path,
                cure=f"{len(rows)} rows are set aside there, numbered from 1",
            )
        released = chosen if decision == "release" else []
        for row in released:
            if row.reason in _UNRELEASABLE:
                raise Refusal(
                    f"the row cannot be let in: {row.why}",
                    file=path,
                    row=row.number,
                    field=row.field,
                    cure="drop it, or repair it at the source and import the day again",
                )
        rest = [row for row in rows if row not in chosen]
        settled = _seal_again(home, sealed, released, rest)
        record = {
            "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "decision": decision,
            "note": note.strip(),
            "version": settled.version,
            "rows": [asdict(row) for row in chosen],
        }
        known = [*decisions(home, snapshot_date), record]
        write_text_durably(_decisions_file(home, snapshot_date), json.dumps(known, indent=1) + "\n")
        return settled


def _seal_again(
    home: Home, sealed: Sealed, released: Sequence[Held], rest: Sequence[Held]
) -> Sealed:
    """Seal the good rows with the released ones, by the one path that all rows take."""
    with staging.workspace(home, []) as (connection, work):
        day = literal(sealed.snapshot_date.isoformat())
        connection.execute(
            "insert into staged by name select '' as source_file, 0 as source_row, * "
            f"from {reading.records(home, [sealed])}"
        )
        if released:
            _stage(connection, sealed, released, work)
        connection.executemany(
            "insert into staged by name select date " + day + " as snapshot_date, "
            "? as source_file, ? as source_row, ? as reason, ? as field, ? as id, "
            "? as downloads, ? as content",
            [
                (r.source_file, r.source_row, r.reason, r.field, r.id, r.downloads, r.content)
                for r in rest
            ]
            or [(None,) * 7],
        )
        connection.execute("delete from staged where source_file is null")
        imported = importing.seal_staged(
            home, connection, _source(sealed), keep_last_of_duplicates=False, said=lambda _: None
        )
    for refusal in imported.refused.values():
        raise refusal
    return imported.sealed[0]


def _stage(
    connection: duckdb.DuckDBPyConnection, sealed: Sealed, released: Sequence[Held], work: Path
) -> None:
    file = work / "released.ndjson"
    file.write_text("".join(_record(row) + "\n" for row in released), encoding="utf-8")
    staging.stage_file(connection, ArchiveFile(file, sealed.snapshot_date), work / "released.lines")
    wrong = connection.execute(
        """
        select id, case
            when reason is not null then reason
            when count(*) over (partition by id) > 1 then 'duplicate_id'
            when "_id" is not null and count(*) over (partition by "_id") > 1 then 'duplicate_key'
        end as wrong
        from staged where reason is null or source_file = $1
        qualify source_file = $1 and wrong is not null order by source_row
        """,
        [file.name],
    ).fetchall()
    for model, reason in wrong:
        raise Refusal(
            f"{model} cannot be let in: {REASONS[reason]}",
            field={"duplicate_id": "id", "duplicate_key": "_id"}.get(reason),
            cure="let in one row of each id and key at most, and drop the others",
        )


def _record(row: Held) -> str:
    """The original record with the value that was bad made null: unknown, and not 0."""
    record = json.loads(row.content)
    if row.reason not in ("duplicate_id", "duplicate_key") and row.field:
        record[row.field.split(".")[0]] = None
    if "safetensors_total" in record:
        record["safetensors"] = {"total": record.pop("safetensors_total")}
    return json.dumps(record)


def _source(sealed: Sealed) -> Source:
    """Where the day came from, as its manifest tells it."""

    def moment(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    detail = {name: value for name, value in sealed.source.items() if name != "kind"}
    kind: Any = sealed.universe["kind"]
    return Source(
        kind=sealed.source["kind"],
        universe=Universe(kind, sealed.universe["name"]),
        detail=detail,
        whole=sealed.whole,
        observed_from=moment(sealed.observed_from),
        observed_to=moment(sealed.observed_to),
        requests=sealed.requests,
    )


def _sealed(home: Home, snapshot_date: date) -> Sealed:
    sealed = store.find(home, snapshot_date)
    if sealed is None:
        raise Refusal(
            f"there is no sealed snapshot of {snapshot_date}",
            file=store.folder_of(home, snapshot_date),
            cure="fetch or import the day first; bad rows of a refused day stay at the source",
        )
    return sealed


def _decisions_file(home: Home, snapshot_date: date) -> Path:
    return home.quarantine / store.MODELS / f"snapshot_date={snapshot_date}" / DECISIONS
