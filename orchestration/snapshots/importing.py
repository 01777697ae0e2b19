"""Staged rows become sealed days: duplicates settled, bad rows set aside, bounds kept.

What belongs here: what can be wrong with a DAY, and the bounds within which it goes on without
its bad rows. Archives and crawled pages take this one path, so that the same records give the
same snapshot whichever way they came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.database import literal
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.snapshots import (
    archives,
    content,
    contract,
    reading,
    sealing,
    staging,
    store,
)
from orchestration.snapshots.contract import MODELS, Kind
from orchestration.snapshots.store import Sealed, Source

Said = Callable[[str], None]

# The Hub's rolling and cumulative counts: an archive records one of them, or both.
_COUNTS = ("downloads", "downloadsAllTime")


@dataclass
class Imported:
    """What became of each day: sealed anew, known already, or refused with the reason."""

    sealed: list[Sealed] = field(default_factory=list)
    unchanged: list[Sealed] = field(default_factory=list)
    refused: dict[date, Refusal] = field(default_factory=dict)

    @property
    def dates(self) -> list[date]:
        """The days that are now sealed with the content that was given, in order."""
        return sorted(day.snapshot_date for day in [*self.sealed, *self.unchanged])


def import_archive(
    home: Home,
    path: Path,
    source: Source,
    *,
    first: date | None = None,
    last: date | None = None,
    said: Said = lambda _: None,
) -> Imported:
    """Seal every day of the archive of models at `path` that lies in [first, last].

    A bad file refuses its day; where the file's day is not known, the whole archive.
    """
    files = [
        file
        for file in archives.find_files(path)
        if file.snapshot_date is None or _within(file.snapshot_date, first, last)
    ]
    if not files:
        raise Refusal(
            "no file of the archive is of the days asked for",
            file=path,
            cure="check --date, or --from and --to, against the dates in the file names",
        )
    home.check_universe(source.universe)
    folder = path if path.is_dir() else path.parent
    with staging.workspace(home, [folder.absolute()]) as (connection, work):
        refused: dict[date, Refusal] = {}
        for number, file in enumerate(files):
            said(f"reading {file.path.name}")
            try:
                staging.stage_file(connection, file, work / f"{number}.ndjson")
            except Refusal as refusal:
                if file.snapshot_date is None:
                    raise
                refused[file.snapshot_date] = refusal
        for day in refused:
            connection.execute("delete from staged where snapshot_date = ?", [day])
        if first is not None or last is not None:
            connection.execute(
                "delete from staged where snapshot_date < coalesce(?, snapshot_date) "
                "or snapshot_date > coalesce(?, snapshot_date)",
                [first, last],
            )
        imported = seal_staged(home, connection, source, keep_last_of_duplicates=False, said=said)
        imported.refused.update(refused)
    if not imported.dates and not imported.refused:
        raise Refusal(
            "the archive holds no row of the days asked for",
            file=path,
            field="snapshot_date",
            cure="check --date, or --from and --to, against the archive's dates",
        )
    return imported


def import_pages(
    home: Home,
    pages: Sequence[Path],
    snapshot_date: date,
    source: Source,
    *,
    kind: Kind = MODELS,
    said: Said = lambda _: None,
) -> Imported:
    """Seal a crawl: `pages` are JSON arrays (zstd) of the items of a listing, in its order.

    One that came twice because its place moved during the crawl counts once, as seen last.
    """
    home.check_universe(source.universe)
    if not pages:
        raise Refusal("the crawl brought no page", cure="run it again; the Hub lists nothing")
    with staging.workspace(home, [pages[0].parent], kind) as (connection, _):
        staging.stage_pages(connection, pages, snapshot_date, kind)
        return seal_staged(
            home, connection, source, kind=kind, keep_last_of_duplicates=True, said=said
        )


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)


def seal_staged(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    kind: Kind = MODELS,
    keep_last_of_duplicates: bool,
    said: Said,
) -> Imported:
    """Seal each day of the table `staged`, or say why not; the connection is a workspace's."""
    imported = Imported()
    _refuse_impossible_days(connection, imported)
    _set_aside_future(connection, kind, source.observed_to)
    dropped = _resolve_duplicates(connection, kind, keep_last=keep_last_of_duplicates)
    _resolve_renamed(connection, kind, keep_last=keep_last_of_duplicates)
    unknown = _counted(connection, "unknown_fields")
    blanked = _counted(connection, "blanked_values")
    names = ", ".join(f'"{column.name}"' for column in kind.columns)
    days = connection.execute(
        f"""
        select snapshot_date,
            count(*) filter (reason is null),
            coalesce(sum(downloads) filter (reason is null), 0)::bigint,
            count(*) filter (reason is not null),
            sum(md5_number_lower(key)) filter (reason is null),
            sum(md5_number_upper(key)) filter (reason is null)
        from (select *, {content.as_text(columns=kind.columns)} as key from staged)
        group by snapshot_date order by snapshot_date
        """
    ).fetchall()
    for day, rows, downloads, bad_rows, low, high in days:
        lost = _lost(connection, home, kind, day) if bad_rows else _Lost()
        refusal = _bounds(connection, day, rows, bad_rows, lost)
        if refusal is not None:
            imported.refused[day] = refusal
            continue
        reasons = connection.execute(
            "select reason, count(*) from staged "
            "where snapshot_date = ? and reason is not null group by all order by all",
            [day],
        ).fetchall()
        sha256 = content.sha256_of(rows, low, high, reasons)
        before = store.find(home, day, kind.table)
        if before is not None and before.content_sha256 == sha256:
            imported.unchanged.append(before)
            continue
        version = sealing.next_version(home, before)
        draft = Sealed(
            table=kind.table,
            snapshot_date=day,
            version=version,
            file=f"{kind.name}.v{version}.parquet",
            rows=rows,
            downloads=downloads,
            rows_quarantined=bad_rows,
            downloads_quarantined=lost.bad if lost.count == "downloads" else 0,
            quarantined=dict(reasons),
            duplicates_dropped=dropped.get(day, 0),
            source={"kind": source.kind, **source.detail},
            universe={"kind": source.universe.kind, "name": source.universe.name},
            whole=source.whole,
            observed_from=_iso(source.observed_from),
            observed_to=_iso(source.observed_to),
            requests=source.requests,
            sha256="",
            content_sha256=sha256,
            unknown_fields=unknown.get(day, {}),
            blanked_values=blanked.get(day, {}),
            sealed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        home.claim_universe(source.universe)
        good = (
            f"select {names} from staged where snapshot_date = date '{day}' and reason is null "
            "order by id"
        )
        aside = (
            "select snapshot_date, source_file, source_row, reason, field, id, downloads, content "
            f"from staged where snapshot_date = date '{day}' and reason is not null "
            "order by source_file, source_row"
        )
        sealed = sealing.seal(
            home,
            draft,
            _writer(connection, good),
            _writer(connection, aside) if bad_rows else None,
        )
        imported.sealed.append(sealed)
        counted = f", {downloads:,} downloads" if downloads else ""
        said(f"sealed {day}: {rows:,} {kind.name}{counted}")
    return imported


def _set_aside_future(
    connection: duckdb.DuckDBPyConnection, kind: Kind, observed_to: datetime | None
) -> None:
    """Set aside what was created after its snapshot was taken."""
    days = connection.execute(
        "select snapshot_date from staged where reason is null group by all "
        'having max("createdAt") > snapshot_date + interval 25 hour'
    ).fetchall()
    columns = ", ".join(f'"{column.name}"' for column in kind.columns)
    for (day,) in days:
        connection.execute(
            "update staged set reason = 'future_date', field = 'createdAt', "
            f"content = to_json(struct_pack({columns}))::varchar "
            'where reason is null and snapshot_date = $1 and "createdAt" > $2',
            [day, contract.created_until(day, observed_to)],
        )


def _refuse_impossible_days(connection: duckdb.DuckDBPyConnection, imported: Imported) -> None:
    first, last = contract.FIRST_DAY, contract.LAST_DAY
    for day, file, row in connection.execute(
        "select snapshot_date, min_by(source_file, source_row), nullif(min(source_row), 0) "
        "from staged where snapshot_date not between ? and ? group by snapshot_date",
        [first, last],
    ).fetchall():
        imported.refused[day] = Refusal(
            f"no snapshot can be of {day}",
            file=file,
            row=row,
            field="snapshot_date",
            cure=f"correct the date; days from {first} to {last} are taken",
        )
    connection.execute("delete from staged where snapshot_date not between ? and ?", [first, last])


def _writer(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        connection.execute(f"copy ({query}) to {literal(path)} (format parquet, compression zstd)")

    return write


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _resolve_duplicates(
    connection: duckdb.DuckDBPyConnection, kind: Kind, *, keep_last: bool
) -> dict[date, int]:
    """Keep one of several equal rows of an id, and say how many went, by day.

    Rows that differ are all set aside: which one is right cannot be known. With `keep_last`
    (a crawl) the row of the latest page stays.
    """
    columns = ", ".join(f'"{column.name}"' for column in kind.columns)
    connection.execute(
        """
        create temp table doubled as
        select snapshot_date, id from staged where reason is null
        group by all having count(*) > 1
        """
    )
    found = connection.execute("select count(*) from doubled").fetchone()
    if not found or not found[0]:
        return {}
    order = "source_file desc, rid desc" if keep_last else "source_file, source_row, rid"
    connection.execute(
        f"""
        create temp table verdicts as
        select rid, snapshot_date,
            row_number() over (partition by snapshot_date, id order by {order}) as place,
            min(content_key) over (partition by snapshot_date, id)
                <> max(content_key) over (partition by snapshot_date, id) as differs
        from (
            select staged.rowid as rid, snapshot_date, id, source_file, source_row,
                md5(to_json(struct_pack({columns}))::varchar) as content_key
            from staged semi join doubled using (snapshot_date, id)
            where reason is null
        )
        """
    )
    if not keep_last:
        connection.execute(
            f"""
            update staged set reason = 'duplicate_id', field = 'id',
                content = to_json(struct_pack({columns}))::varchar
            from verdicts where staged.rowid = verdicts.rid and verdicts.differs
            """
        )
    goes = "place > 1" if keep_last else "place > 1 and not differs"
    counted = connection.execute(
        f"select snapshot_date, count(*) from verdicts where {goes} group by all"
    ).fetchall()
    connection.execute(f"delete from staged where rowid in (select rid from verdicts where {goes})")
    return dict(counted)


def _resolve_renamed(connection: duckdb.DuckDBPyConnection, kind: Kind, *, keep_last: bool) -> None:
    """Keep one row of each `_id`, and set aside what it is called beside.

    A model that is renamed while it is read comes under both names. The row that was changed
    last stays, in a crawl (`keep_last`) that of the latest page; then the one with more
    downloads, then the first by id. The model is not lost with the other name, so that row's
    counts become those that the day goes without.
    """
    connection.execute(
        """
        create or replace temp table renamed as
        select snapshot_date, "_id" from staged where reason is null and "_id" is not null
        group by all having count(*) > 1
        """
    )
    found = connection.execute("select count(*) from renamed").fetchone()
    if not found or not found[0]:
        return
    names = [column.name for column in kind.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    counts = [name for name in _COUNTS if name in names]
    newest = (name for name in ("lastModified", "downloadsAllTime", "downloads") if name in names)
    order = ", ".join([*(f'"{name}" desc nulls last' for name in newest), "id"])
    if keep_last:
        order = f"source_file desc, {order}"
    goes_without = "".join(
        f""", "{name}" = greatest(staged."{name}" - coalesce(places."kept_{name}", 0), 0)"""
        for name in counts
    )
    kept = "".join(
        f""", first_value("{name}") over (
            partition by snapshot_date, "_id" order by {order}
        ) as "kept_{name}\""""
        for name in counts
    )
    connection.execute(
        f"""
        update staged set reason = 'duplicate_key', field = '_id',
            content = to_json(struct_pack({columns}))::varchar {goes_without}
        from (
            select staged.rowid as rid,
                row_number() over (partition by snapshot_date, "_id" order by {order}) as place
                {kept}
            from staged semi join renamed using (snapshot_date, "_id")
            where reason is null
        ) as places
        where staged.rowid = places.rid and places.place > 1
        """
    )


def _counted(connection: duckdb.DuckDBPyConnection, lists: str) -> dict[date, dict[str, int]]:
    """How often each name stands in the column `lists` of names, by day; the rarest together."""
    counted: dict[date, dict[str, int]] = {}
    for day, name, count in connection.execute(
        f"""
        select snapshot_date, if(place > {contract.MOST_UNKNOWN_FIELDS}, '(other)', name) as name,
            sum(occurrences)::bigint
        from (
            select snapshot_date, name, count(*) as occurrences,
                row_number() over (partition by snapshot_date order by count(*) desc, name)
                    as place
            from (select snapshot_date, unnest({lists}) as name from staged)
            group by snapshot_date, name
        )
        group by all order by snapshot_date, name
        """
    ).fetchall():
        counted.setdefault(day, {})[name] = count
    return counted


@dataclass(frozen=True)
class _Lost:
    """What bad rows take with them: how much of a day's `count`, of how much in all."""

    count: str = "downloads"
    bad: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        return self.bad / max(self.total, 1)


def _lost(connection: duckdb.DuckDBPyConnection, home: Home, kind: Kind, day: date) -> _Lost:
    """What the bad rows of `day` take with them: of the rolling count, or, where the day records
    none, of the cumulative one.
    """
    recorded = [column.name for column in kind.columns if column.name in _COUNTS]
    for count in recorded:
        counted = (
            f'select coalesce(sum("{count}") filter (reason is not null), 0)::bigint, '
            f'coalesce(sum("{count}"), 0)::bigint, count("{count}") filter (reason is null), '
            f'count(*) filter (reason is not null and "{count}" is null) '
            "from staged where snapshot_date = ?"
        )
        bad, total, told, untold = connection.execute(counted, [day]).fetchall()[0]
        if told and untold:
            _weigh(connection, home, kind, day, count, recorded[-1])
            bad, total, *_ = connection.execute(counted, [day]).fetchall()[0]
        if told:
            return _Lost(count, bad, total)
    return _Lost()


def _weigh(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    kind: Kind,
    day: date,
    count: str,
    other: str,
) -> None:
    """Give bad rows that tell no `count` that of the sealed day nearest to theirs.

    One that cannot be read is not 0: a row set aside for it would weigh nothing, however many
    downloads the day goes without. A model that this day does not know has as large a part of
    `count` as of the `other` count, where it tells that.
    """
    days = [one for one in store.list_readable(home, kind.table) if one.snapshot_date != day]
    days.sort(key=lambda one: abs(one.snapshot_date - day))
    nearest = reading.first_as_sealed(home, days, f"weighing rows of {day} that tell no {count}")
    known = "select null::varchar as id, null::bigint as told where false"
    if nearest is not None:
        rows = reading.records(home, [nearest], ["id", count])
        known = f'select id, "{count}" as told from {rows}'
    connection.execute(
        f"""
        update staged set "{count}" = weighed.told
        from (
            select staged.rowid as rid, coalesce(known.told, round(staged."{other}" * (
                select sum("{count}") / sum("{other}") from staged
                where snapshot_date = $1 and reason is null
            ))::bigint) as told
            from staged left join ({known}) as known using (id)
            where staged.snapshot_date = $1
                and staged.reason is not null and staged."{count}" is null
        ) as weighed
        where staged.rowid = weighed.rid
        """,
        [day],
    )


def _bounds(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    rows: int,
    bad_rows: int,
    lost: _Lost,
) -> Refusal | None:
    """Why the day must stop for its bad rows, or None."""
    rows_share = bad_rows / max(rows + bad_rows, 1)
    if (
        rows
        and rows_share <= contract.MAX_BAD_ROWS_SHARE
        and lost.share <= contract.MAX_BAD_DOWNLOADS_SHARE
    ):
        return None
    worst = connection.execute(
        "select source_file, nullif(source_row, 0), field, reason, left(content, 120) from staged "
        "where snapshot_date = ? and reason is not null "
        f'order by "{lost.count}" desc nulls last, source_file, source_row limit 1',
        [day],
    ).fetchone()
    file, row, name, reason, content = worst or (None, None, None, "unreadable_id", "")
    return Refusal(
        f"{bad_rows:,} of {rows + bad_rows:,} rows of {day} ({rows_share:.2%}, with "
        f"{lost.share:.2%} of the downloads) are bad; the first: "
        f"{contract.REASONS[reason]}: {content!r}",
        file=file,
        row=row,
        field=name,
        cure=f"repair the source; a day goes on without at most "
        f"{contract.MAX_BAD_ROWS_SHARE:.1%} of its rows and "
        f"{contract.MAX_BAD_DOWNLOADS_SHARE:.1%} of its downloads",
    )
