"""From files and pages to staged rows: typed by the contract, each bad one with its reason.

What belongs here: reading records of others into the table `staged` of a locked-down database.
Which days may go on without their bad rows, and how they are sealed, is `importing.py`'s.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb

from orchestration.database import connect, identifier, literal, literals
from orchestration.errors import Refusal, disk_is_full
from orchestration.home import Home
from orchestration.snapshots import archives, contract
from orchestration.snapshots.contract import MODELS, Kind

# DuckDB's own. Sealing 5 M models takes 0.7 GiB and 114 s of CPU with it, within 1 GiB for all
# of the process; with 3 GiB they were 3.5 GiB and 98 s.
MEMORY = "384MiB"
_WORK = "import-"


@contextlib.contextmanager
def workspace(
    home: Home, folders: list[Path], kind: Kind = MODELS
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A locked-down database with the empty table `staged`, and a folder, for one import.

    `staged` has the columns of `kind`, and `downloads`, null where the Hub counts none.
    """
    with home.lock("importing records"):
        # Whoever made these held the lock: they were killed.
        for leftover in home.temporary.glob(f"{_WORK}*"):
            shutil.rmtree(leftover)
        home.temporary.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=home.temporary))
        try:
            connection = connect(
                work / "import.duckdb",
                folders=[home.root, *folders],
                temporary=work / "spill",
                memory=MEMORY,
            )
            try:
                columns = {"downloads": "BIGINT"} | {c.name: c.type for c in kind.columns}
                types = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
                connection.execute(
                    f"create table staged (snapshot_date date, source_file varchar, "
                    f"source_row bigint, {types}, reason varchar, field varchar, "
                    "content varchar, unknown_fields varchar[], blanked_values varchar[])"
                )
                yield connection, work
            finally:
                connection.close()
        finally:
            shutil.rmtree(work, ignore_errors=True)


def stage_file(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, work: Path
) -> None:
    """Add the models of `file` to `staged`; a Refusal where the file as a whole is bad.

    `work` is the path of a file that may be written meanwhile.
    """
    if file.is_parquet:
        records = _parquet_records(connection, file)
    else:
        with work.open("wb") as target:
            copied = archives.copy_lines(file, target)
        if copied.unreadable:
            _stage_unreadable(connection, file, work, copied)
        records = (
            "select json->'record' as record, (json->>'row')::bigint as source_row "
            f"from read_ndjson_objects({literal(work)}) where (json->'record') is not null"
        )
        if not copied.records:
            return
    day = _RECORDED_DATE if file.snapshot_date is None else _date(file.snapshot_date)
    with _refusing(file.path):
        _check_schema(connection, file, records)
        _check_dates(connection, file, records)
        connection.execute(
            "insert into staged by name select * from ("
            + _parsed(
                f"select {day} as snapshot_date, {literal(file.path.name)} as source_file, "
                f"source_row, record from ({records})",
                MODELS,
            )
            + ")"
        )
    work.unlink(missing_ok=True)


def stage_pages(
    connection: duckdb.DuckDBPyConnection,
    pages: Sequence[Path],
    snapshot_date: date,
    kind: Kind = MODELS,
) -> None:
    """Add the records of a crawl's pages, JSON arrays (zstd), to `staged`."""
    with _refusing(pages[0].parent):
        connection.execute(
            "insert into staged by name select * from ("
            + _parsed(
                f"select {_date(snapshot_date)} as snapshot_date, "
                "filename as source_file, 0::bigint as source_row, json as record "
                f"from read_json_objects({literals(pages)}, format = 'array', filename = true, "
                "compression = 'zstd')",
                kind,
            )
            + ")"
        )


def _stage_unreadable(
    connection: duckdb.DuckDBPyConnection,
    file: archives.ArchiveFile,
    work: Path,
    copied: archives.Copied,
) -> None:
    """Set aside the lines that no SQL engine stores, as `copy_lines` made them printable."""
    if file.snapshot_date is None:
        raise Refusal(
            contract.REASONS["unreadable_unicode"],
            file=file.path,
            row=copied.first_unreadable,
            cure="repair the line, or put the date in the file's name",
        )
    connection.execute(
        f"insert into staged by name select {_date(file.snapshot_date)} as snapshot_date, "
        f"{literal(file.path.name)} as source_file, (json->>'row')::bigint as source_row, "
        "'unreadable_unicode' as reason, json->>'content' as content, json->>'id' as id, "
        "(json->>'downloads')::bigint as downloads "
        f"from read_ndjson_objects({literal(work)}) where (json->'content') is not null"
    )


@contextlib.contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """What DuckDB cannot read of `file` is the file's fault; want of memory or disk is not."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        if disk_is_full(str(error)):
            raise
        raise Refusal(
            f"the file cannot be read ({str(error).splitlines()[0]})",
            file=file,
            cure="it is cut, damaged or of another format: record or fetch it again",
        ) from error


def _date(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _parquet_records(connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile) -> str:
    """SQL that gives the rows of a Parquet file as JSON records with their row numbers."""
    # A folder called id=5 above the file is no column of it.
    columns = f"read_parquet({literal(file.path)}, hive_partitioning = false"
    with _refusing(file.path):
        described = connection.execute(f"describe from {columns})").fetchall()
    # JSON has no NaN; pandas writes a missing number of a float column as one.
    fields = ", ".join(
        f"{name} := " + (f"if(isnan({name}), null, {name})" if is_float else name)
        for name, is_float in ((identifier(row[0]), row[1] in _FLOATS) for row in described)
    )
    return (
        f"select to_json(struct_pack({fields})) as record, file_row_number + 1 as source_row "
        f"from {columns}, file_row_number = true)"
    )


_FLOATS = ("DOUBLE", "FLOAT")


def _check_schema(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, records: str
) -> None:
    row = connection.execute(
        "select count(*), count(record->>'id') + count(record->>'modelId'), "
        f"count(record->'downloads') + count(record->'downloadsAllTime') from ({records})"
    ).fetchone()
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


# As people write dates; DuckDB alone would take 2026-1-1 and 20260101 for one as well. A time
# with an offset is of its date in UTC, as all days here are; a cast to date drops the offset.
_RECORDED_DATE = """
    case
        when not regexp_matches(record->>'snapshot_date', '^\\d{4}-\\d{2}-\\d{2}($|[T ])') then null
        when regexp_matches(record->>'snapshot_date', '[T ].*[+-]\\d{2}(:?\\d{2})?$')
            then try_cast(record->>'snapshot_date' as timestamptz)::timestamp::date
        else try_cast(record->>'snapshot_date' as date)
    end
"""


def _check_dates(
    connection: duckdb.DuckDBPyConnection, file: archives.ArchiveFile, records: str
) -> None:
    wrong = f"({_RECORDED_DATE}) is null"
    if file.snapshot_date is not None:
        wrong = (
            f"record->>'snapshot_date' is not null and ({wrong} or "
            f"({_RECORDED_DATE}) <> {_date(file.snapshot_date)})"
        )
    found = connection.execute(
        f"select source_row, record->>'snapshot_date', {_RECORDED_DATE} from ({records}) "
        f"where {wrong} order by source_row limit 1"
    ).fetchone()
    if found is None:
        return
    row, text, told = found
    if text is None:
        raise Refusal(
            "neither the file's name nor the row tells the date of the snapshot",
            file=file.path,
            row=row,
            field="snapshot_date",
            cure="name the file YYYY-MM-DD.*, or add a snapshot_date column",
        )
    if told is None:
        raise archives.unreadable_date(str(text), file.path, row)
    raise Refusal(
        f"the row is of {told}, the file's name says {file.snapshot_date}",
        file=file.path,
        row=row,
        field="snapshot_date",
        cure="one of them is wrong: rename the file or repair the rows",
    )


def _parsed(records: str, kind: Kind) -> str:
    """SQL that turns JSON records into typed columns, each row with why it is bad, if it is.

    `records` gives snapshot_date, source_file, source_row, record.
    """
    structure = (
        "{"
        + ", ".join(
            f'"{name}": {type_}'
            for name, type_ in [
                *(
                    (column.path, '"VARCHAR"')
                    for column in kind.columns
                    if "." not in column.path and column.name != "tags"
                ),
                ("tags", '"JSON"'),
                ("modelId", '"VARCHAR"'),
                ("safetensors", '{"total": "VARCHAR"}'),
            ]
        )
        + "}"
    )
    known = literals(sorted(kind.known_fields))
    values: list[str] = []
    tests: list[tuple[str, str, str]] = []
    blanks: list[str] = []
    for column in kind.columns:
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
            test = (
                f"(contains(record::varchar, '\\u0000') and contains({text}, chr(0))) or "
                f"(left({text}, 1) in ('{{', '[') "
                f"and json_type(record, {literal(column.path)}) in ('OBJECT', 'ARRAY'))"
            )
        elif column.type == "TIMESTAMP":
            # A cast to timestamp drops an offset; one that heeds it costs six times as much, and
            # the Hub writes Z. DuckDB reads the word infinity as a time.
            value = (
                f"if({text} like '%Z', try_cast({text} as timestamp), "
                f"try_cast({text} as timestamptz)::timestamp)"
            )
            test = f"{text} is not null and ({value} is null or not isfinite({value}))"
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
