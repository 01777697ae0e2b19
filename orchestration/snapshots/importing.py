"""Records become rows of the contract: typed, checked, bad ones set aside, days sealed.

What belongs here: what can be wrong with a ROW, and the bounds within which a day goes on
without its bad rows. Archives and crawled pages take this one path, so that the same records
give the same snapshot whichever way they came.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.snapshots import archives, contract, sealing, store
from orchestration.snapshots.contract import COLUMNS
from orchestration.snapshots.store import Sealed, Source

Said = Callable[[str], None]


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
    """Seal every day of the archive at `path` that lies in [first, last].

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
    with _workspace(home, [folder.absolute()]) as (connection, work):
        refused: dict[date, Refusal] = {}
        for number, file in enumerate(files):
            said(f"reading {file.path.name}")
            try:
                _stage_file(connection, file, work / f"{number}.ndjson")
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
        imported = _seal_days(home, connection, source, keep_last_of_duplicates=False, said=said)
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
    said: Said = lambda _: None,
) -> Imported:
    """Seal a crawl: `pages` are JSON arrays (zstd) of `/api/models` items, in listing order.

    A model that came twice because its place moved during the crawl counts once, as seen last.
    """
    home.check_universe(source.universe)
    if not pages:
        raise Refusal("the crawl brought no page", cure="run it again; the Hub lists no model")
    with _workspace(home, [pages[0].parent]) as (connection, _):
        connection.execute(
            "insert into staged by name select * from ("
            + _parsed(
                f"select date {literal(snapshot_date.isoformat())} as snapshot_date, "
                "filename as source_file, 0::bigint as source_row, json as record "
                f"from read_json_objects({literals(pages)}, format = 'array', filename = true, "
                "compression = 'zstd')"
            )
            + ")"
        )
        return _seal_days(home, connection, source, keep_last_of_duplicates=True, said=said)


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)


@contextlib.contextmanager
def _workspace(home: Home, folders: list[Path]) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A locked-down database with the empty table `staged`, and a folder, for one import."""
    home.temporary.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="import-", dir=home.temporary))
    try:
        connection = connect(
            work / "import.duckdb", folders=[home.root, *folders], temporary=work / "spill"
        )
        try:
            types = ", ".join(f'"{column.name}" {column.type}' for column in COLUMNS)
            connection.execute(
                f"create table staged (snapshot_date date, source_file varchar, "
                f"source_row bigint, {types}, reason varchar, field varchar, content varchar, "
                "unknown_fields varchar[], blanked_values varchar[])"
            )
            yield connection, work
        finally:
            connection.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _stage_file(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, work: Path
) -> None:
    if file.is_parquet:
        records = _parquet_records(connection, file)
    else:
        with work.open("wb") as target:
            _, bad_lines = archives.copy_lines(file, target)
        records = (
            "select json->'record' as record, (json->>'row')::bigint as source_row "
            f"from read_ndjson_objects({literal(work)})"
        )
        for line in bad_lines:
            if file.snapshot_date is None:
                raise Refusal(
                    contract.REASONS[line.reason],
                    file=file.path,
                    row=line.row,
                    cure="repair the line, or put the date in the file's name",
                )
            connection.execute(
                "insert into staged by name select ?::date as snapshot_date, ? as source_file, "
                "? as source_row, ? as reason, ? as content",
                [file.snapshot_date, file.path.name, line.row, line.reason, line.content],
            )
    _check_schema(connection, file, records)
    recorded = "try_cast(record->>'snapshot_date' as date)"
    day = recorded if file.snapshot_date is None else f"date '{file.snapshot_date}'"
    _check_dates(connection, file, records)
    connection.execute(
        "insert into staged by name select * from ("
        + _parsed(
            f"select {day} as snapshot_date, {literal(file.path.name)} as source_file, "
            f"source_row, record from ({records})"
        )
        + ")"
    )
    work.unlink(missing_ok=True)


def _parquet_records(connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile) -> str:
    """SQL that gives the rows of a Parquet file as JSON records with their row numbers."""
    try:
        described = connection.execute(
            f"describe from read_parquet({literal(file.path)})"
        ).fetchall()
    except duckdb.Error as error:
        raise Refusal(
            f"the file cannot be read as Parquet ({str(error).splitlines()[0]})",
            file=file.path,
            cure="it is cut or of another format: record or fetch it again",
        ) from error
    # JSON has no NaN; pandas writes a missing number of a float column as one.
    fields = ", ".join(
        f'"{name}" := ' + (f'if(isnan("{name}"), null, "{name}")' if is_float else f'"{name}"')
        for name, is_float in ((row[0], row[1] in ("DOUBLE", "FLOAT")) for row in described)
    )
    return (
        f"select to_json(struct_pack({fields})) as record, file_row_number + 1 as source_row "
        f"from read_parquet({literal(file.path)}, file_row_number = true)"
    )


def _check_schema(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, records: str
) -> None:
    try:
        row = connection.execute(
            "select count(*), count(record->>'id') + count(record->>'modelId'), "
            f"count(record->'downloads') + count(record->'downloadsAllTime') from ({records})"
        ).fetchone()
    except duckdb.Error as error:
        raise Refusal(
            f"the file cannot be read ({str(error).splitlines()[0]})",
            file=file.path,
            cure="it is cut or damaged: record or fetch it again",
        ) from error
    rows, ids, counts = row or (0, 0, 0)
    if not rows:
        raise Refusal("the file is empty", file=file.path, cure="remove it or record it again")
    for name, found in (("id", ids), ("downloads", counts)):
        if not found:
            raise Refusal(
                "no record has this field: the file is not of the Hub's models",
                file=file.path,
                field=name,
                cure="records in the Hub's own field names: id, author, createdAt, downloads ...",
            )


def _check_dates(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, records: str
) -> None:
    wrong = "try_cast(record->>'snapshot_date' as date) is null"
    if file.snapshot_date is not None:
        wrong = (
            "record->>'snapshot_date' is not null and (" + wrong + " or "
            f"try_cast(record->>'snapshot_date' as date) <> date '{file.snapshot_date}')"
        )
    found = connection.execute(
        f"select source_row, record->>'snapshot_date' from ({records}) where {wrong} "
        "order by source_row limit 1"
    ).fetchone()
    if found is None:
        return
    row, text = found
    if text is None:
        raise Refusal(
            "neither the file's name nor the row tells the date of the snapshot",
            file=file.path,
            row=row,
            field="snapshot_date",
            cure="name the file YYYY-MM-DD.*, or add a snapshot_date column",
        )
    told = archives.parse_date(str(text), file.path, row)
    raise Refusal(
        f"the row is of {told}, the file's name says {file.snapshot_date}",
        file=file.path,
        row=row,
        field="snapshot_date",
        cure="one of them is wrong: rename the file or repair the rows",
    )


def _parsed(records: str) -> str:
    """SQL that turns JSON records into typed columns, each row with why it is bad, if it is.

    `records` gives snapshot_date, source_file, source_row, record.
    """
    structure = (
        "{"
        + ", ".join(
            f'"{name}": {kind}'
            for name, kind in [
                *((c.path, '"VARCHAR"') for c in COLUMNS if "." not in c.path and c.name != "tags"),
                ("tags", '"JSON"'),
                ("modelId", '"VARCHAR"'),
                ("safetensors", '{"total": "VARCHAR"}'),
            ]
        )
        + "}"
    )
    known = literals(sorted(contract.KNOWN_FIELDS))
    values: list[str] = []
    tests: list[tuple[str, str, str]] = []
    blanks: list[str] = []
    for column in COLUMNS:
        text = f'r."{column.path}"' if "." not in column.path else "r.safetensors.total"
        if column.name == "id":
            text = "coalesce(r.id, r.modelId)"
            test = f"coalesce(not regexp_full_match({text}, {literal(contract.ID_PATTERN)}), true)"
            value = text
        elif column.type == "BIGINT":
            test = f"not regexp_full_match({text}, {literal(contract.COUNT_PATTERN)})"
            value = f"if({test}, null, try_cast({text} as bigint))"
        elif column.name == "tags":
            value = f"try_cast({text} as varchar[])"
            test = f"{text} is not null and {text}::varchar <> 'null' and {value} is null"
        elif column.type == "VARCHAR":
            value = text
            test = f"contains(record::varchar, '\\u0000') and contains({text}, chr(0))"
        else:
            value = f"try_cast({text} as {column.type})"
            test = f"{text} is not null and {value} is null"
        values.append(f'{value} as "{column.name}"')
        if column.reason:
            tests.append((test, column.reason, column.name))
        else:
            blanks.append(f"if({test}, {literal(column.name)}, null)")
    tests.append(
        (
            "contains(record::varchar, '\\u0000') and "
            "contains(array_to_string(try_cast(r.tags as varchar[]), ' '), chr(0))",
            "unreadable_text",
            "tags",
        )
    )
    verdict = " ".join(f"when {test} then {literal(f'{why}:{name}')}" for test, why, name in tests)
    return f"""
        select * exclude (verdict, record),
            split_part(verdict, ':', 1) as reason,
            split_part(verdict, ':', 2) as field,
            case when verdict is not null then record::varchar end as content
        from (
            select snapshot_date, source_file, source_row, record, {", ".join(values)},
                case {verdict} end as verdict,
                nullif(list_filter(json_keys(record),
                    lambda name: not list_contains({known}, name)), []) as unknown_fields,
                nullif(list_filter([{", ".join(blanks)}], lambda name: name is not null), [])
                    as blanked_values
            from (
                select *, json_transform(record, {literal(structure)}) as r from ({records})
            )
        )
    """


def _seal_days(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    keep_last_of_duplicates: bool,
    said: Said,
) -> Imported:
    dropped = _resolve_duplicates(connection, keep_last=keep_last_of_duplicates)
    imported = Imported()
    unknown = _counted(connection, "unknown_fields")
    blanked = _counted(connection, "blanked_values")
    names = ", ".join(f'"{column.name}"' for column in COLUMNS)
    texts = ", chr(31), ".join(f"coalesce({_as_text(column)}, chr(30))" for column in COLUMNS)
    days = connection.execute(
        f"""
        select snapshot_date,
            count(*) filter (reason is null),
            coalesce(sum(downloads) filter (reason is null), 0)::bigint,
            count(*) filter (reason is not null),
            coalesce(sum(greatest(downloads, 0)) filter (reason is not null), 0)::bigint,
            sum(md5_number_lower(key)) filter (reason is null),
            sum(md5_number_upper(key)) filter (reason is null)
        from (select *, concat({texts}) as key from staged)
        group by snapshot_date order by snapshot_date
        """
    ).fetchall()
    for day, rows, downloads, bad_rows, bad_downloads, low, high in days:
        refusal = _bounds(connection, day, rows, downloads, bad_rows, bad_downloads)
        if refusal is not None:
            imported.refused[day] = refusal
            continue
        content = hashlib.sha256(f"{rows}:{low}:{high}".encode()).hexdigest()
        before = store.find(home, day)
        if before is not None and before.content_sha256 == content:
            imported.unchanged.append(before)
            continue
        version = sealing.next_version(home, before)
        reasons = connection.execute(
            "select reason, count(*) from staged "
            "where snapshot_date = ? and reason is not null group by all order by all",
            [day],
        ).fetchall()
        draft = Sealed(
            table=store.MODELS,
            snapshot_date=day,
            version=version,
            file=f"models.v{version}.parquet",
            rows=rows,
            downloads=downloads,
            rows_quarantined=bad_rows,
            downloads_quarantined=bad_downloads,
            quarantined=dict(reasons),
            duplicates_dropped=dropped.get(day, 0),
            source={"kind": source.kind, **source.detail},
            universe={"kind": source.universe.kind, "name": source.universe.name},
            whole=source.whole,
            observed_from=_iso(source.observed_from),
            observed_to=_iso(source.observed_to),
            requests=source.requests,
            sha256="",
            content_sha256=content,
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
        said(f"sealed {day}: {rows:,} models, {downloads:,} downloads")
    return imported


def _writer(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        connection.execute(f"copy ({query}) to {literal(path)} (format parquet, compression zstd)")

    return write


def _as_text(column: contract.Column) -> str:
    name = f'"{column.name}"'
    return f"to_json({name})::varchar" if column.type.endswith("[]") else f"{name}::varchar"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _resolve_duplicates(
    connection: duckdb.DuckDBPyConnection, *, keep_last: bool
) -> dict[date, int]:
    """Keep one of several equal rows of an id, and say how many went, by day.

    Rows that differ are all set aside: which one is right cannot be known. With `keep_last`
    (a crawl) the row of the latest page stays.
    """
    columns = ", ".join(f'"{column.name}"' for column in COLUMNS)
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


def _counted(connection: duckdb.DuckDBPyConnection, lists: str) -> dict[date, dict[str, int]]:
    """How often each name stands in the column `lists` of names, by day."""
    counted: dict[date, dict[str, int]] = {}
    for day, name, count in connection.execute(
        "select snapshot_date, name, count(*) from ("
        f"select snapshot_date, unnest({lists}) as name from staged) "
        "group by all order by all"
    ).fetchall():
        counted.setdefault(day, {})[name] = count
    return counted


def _bounds(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    rows: int,
    downloads: int,
    bad_rows: int,
    bad_downloads: int,
) -> Refusal | None:
    """Why the day must stop for its bad rows, or None."""
    rows_share = bad_rows / max(rows + bad_rows, 1)
    downloads_share = bad_downloads / max(downloads + bad_downloads, 1)
    if (
        rows
        and rows_share <= contract.MAX_BAD_ROWS_SHARE
        and downloads_share <= contract.MAX_BAD_DOWNLOADS_SHARE
    ):
        return None
    worst = connection.execute(
        "select source_file, nullif(source_row, 0), field, reason, left(content, 120) from staged "
        "where snapshot_date = ? and reason is not null "
        "order by downloads desc nulls last, source_file, source_row limit 1",
        [day],
    ).fetchone()
    file, row, name, reason, content = worst or (None, None, None, "unreadable_id", "")
    return Refusal(
        f"{bad_rows:,} of {rows + bad_rows:,} rows of {day} ({rows_share:.2%}, with "
        f"{downloads_share:.2%} of the downloads) are bad; the first: "
        f"{contract.REASONS[reason]}: {content!r}",
        file=file,
        row=row,
        field=name,
        cure=f"repair the source; a day goes on without at most "
        f"{contract.MAX_BAD_ROWS_SHARE:.1%} of its rows and "
        f"{contract.MAX_BAD_DOWNLOADS_SHARE:.1%} of its downloads",
    )
