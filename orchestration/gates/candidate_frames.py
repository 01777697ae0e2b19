"""What gate 3 measures on a candidate publication: one small frame for each kind of question.

What belongs here: SQL on the attached databases `candidate` (in use) and `published` (what
readers see now, if anything), condensed to rows that `candidate.py` has judged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.database import count_repeated, literals
from orchestration.gates import bounds
from orchestration.gates.agreements import AGREEMENTS
from orchestration.gates.bounds import Rule
from orchestration.gates.candidate_checks import A_POINT, DAY_CHECKS, SHARE_ROUNDING
from orchestration.gates.outcome import bounds_in_words
from orchestration.gates.raw_metrics import describe_columns
from orchestration.gates.tables import REQUIRED, SLICE, TABLES, Table

if TYPE_CHECKING:
    import pandas

WATCHED_COUNTRIES = 10
WATCHED_ORGANIZATIONS = 20
_SHARE_RULE = Rule(least=A_POINT, floor=0.002, logarithmic=False)


# Of so many of the newest days the learned bounds (28) need what was before.
LOOKED_BACK = 62


def show_from(connection: duckdb.DuckDBPyConnection, since: date, newest: int) -> None:
    """Let the tables that accumulate by day show days from `since` alone, and the `newest` ones.

    Views of their names stand before them; `candidate.main` has the whole tables.
    """
    found = [
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_columns() where database_name = 'candidate' "
            "and schema_name = 'main' and column_name = 'snapshot_date'"
        ).fetchall()
    ]
    if "fct_country_share_daily" not in found:
        return
    (before,) = connection.execute(
        "select min(snapshot_date) from (select distinct snapshot_date "
        f"from candidate.main.fct_country_share_daily order by all desc limit {newest})"
    ).fetchall()[0]
    for name in found:
        if name in TABLES and TABLES[name].grain[0] == "snapshot_date":
            connection.execute(
                f"create or replace temp view {name} as select * from candidate.main.{name} "
                f"where snapshot_date >= date '{min(since, before)}'"
            )


def tables(connection: duckdb.DuckDBPyConnection, published: Path | None) -> pandas.DataFrame:
    """One row a table; `published` is attached where it is given."""
    import pandas

    rows_before: dict[str, int] = {}
    if published is not None:
        rows_before = dict(
            connection.execute(
                "select table_name, estimated_size from duckdb_tables() "
                "where database_name = 'published'"
            ).fetchall()
        )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'candidate' and not internal order by table_name, column_index"
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    rows = []
    for table in TABLES.values():
        if table.name in found or table.name in REQUIRED:
            had_rows = rows_before.get(table.name, 0) > 0
            rows.append(_table_row(connection, table, found.get(table.name), had_rows))
    return pandas.DataFrame.from_records(rows)


def _table_row(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    found: dict[str, str] | None,
    had_rows: bool,
) -> dict[str, Any]:
    row = {
        "table_name": table.name,
        "detail": "",
        "is_missing": int(found is None),
        "columns_differ": 0,
        "repeated_rows": 0,
        "undeclared_nulls": 0,
        "is_emptied": 0,
    }
    if found is None:
        return row
    declared = {column.name: column.type for column in table.columns}
    if list(found.items()) != list(declared.items()):
        detail = describe_columns(declared, found) or "the columns stand in another order"
        return row | {"columns_differ": 1, "detail": detail}
    nulls = " + ".join(
        f'count(*) filter ("{column.name}" is null)'
        for column in table.columns
        if not column.nullable
    )
    grain = ", ".join(table.grain)
    repeated, undeclared = connection.execute(
        f"select count(*) - count(distinct hash({grain})), {nulls} from {table.name}"
    ).fetchall()[0]
    if repeated:
        repeated = count_repeated(connection, table.name, table.grain)
    # Of the whole table: a day without adjustments is none that lost them.
    has_rows = connection.execute(f"select 1 from candidate.main.{table.name} limit 1").fetchall()
    return row | {
        "repeated_rows": repeated,
        "undeclared_nulls": undeclared,
        "is_emptied": int(had_rows and not has_rows),
    }


def _beyond_rounding(error: str, share: str) -> str:
    """SQL of how far a sum of a slice's shares is off, beyond what their rounding explains."""
    return f"greatest(abs({error}) - {SHARE_ROUNDING} * count({share}), 0)"


def slices(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    def shares(table: str, outside: str) -> str:
        return f"""
        select
            '{table}' as table_name, {SLICE},
            {_beyond_rounding("sum(share_of_all) - 1", "share_of_all")} as sum_error,
            max(abs(share_of_all - downloads / nullif(total, 0))) as ratio_error,
            count(*) filter (share_of_all not between 0 and 1 or {outside}) as rows_outside_band,
            count(*) filter (
                (share_of_all is null) <> (null_reason is not null)
                or (models_count is null and null_reason is null)
            ) as unexplained
        from (select *, sum(downloads) over (partition by {SLICE}) as total from {table})
        group by all"""

    return connection.execute(
        f"""
        with gaps as (
            select {SLICE}, max(
                abs(coalesce(countries.downloads, 0) - coalesce(organizations.downloads, 0))
                / greatest(countries.downloads, organizations.downloads, 1)
            ) as country_gap
            from fct_country_share_daily as countries
            full join (
                select {SLICE}, country_key, sum(downloads) as downloads
                from fct_organization_share_daily group by all
            ) as organizations using ({SLICE}, country_key)
            group by all
        ),
        coverage as (
            select {SLICE}, {
            _beyond_rounding(
                "any_value(downloads_attributed_share)"
                " - coalesce(sum(share_of_all) filter (country_code is not null), 0)",
                "share_of_all",
            )
        } as coverage_gap
            from fct_mapping_coverage_daily
            join fct_country_share_daily using ({SLICE})
            group by all
        ),
        families as (
            select {SLICE}, abs(sum(downloads) - whole) / greatest(whole, 1) as family_gap,
                {
            _beyond_rounding("sum(share_of_new_derivatives) - 1", "share_of_new_derivatives")
        } as derivatives_error
            from fct_family_share_daily
            join (
                select {SLICE}, sum(downloads) as whole
                from fct_country_share_daily group by all
            ) using ({SLICE})
            group by {SLICE}, whole
        ),
        shares as (
            {
            shares(
                "fct_country_share_daily",
                "share_of_all_low < -1e-12 or share_of_all_high > 1 + 1e-12 or "
                "share_of_all_low > share_of_all + 1e-12 or "
                "share_of_all_high < share_of_all - 1e-12",
            )
        }
            union all
            {shares("fct_organization_share_daily", "false")}
            union all
            {shares("fct_family_share_daily", "false")}
        )
        select shares.*, gaps.country_gap, coverage.coverage_gap, families.family_gap,
            families.derivatives_error
        from shares
        left join gaps using ({SLICE})
        left join coverage using ({SLICE})
        left join families using ({SLICE})
        order by all
        """
    ).df()


def days(
    connection: duckdb.DuckDBPyConnection,
    passed: Mapping[date, Mapping[str, Any]],
    sealed_later: Collection[date],
) -> pandas.DataFrame:
    """One row a day and attribution: the facts against the metrics of the raw snapshot.

    Of all days, also of those that nobody touched: a snapshot can have been corrected since.
    Days that were `sealed_later` than the publication was built say nothing about it.
    """
    import pandas

    found: dict[date, list[tuple[Any, ...]]] = {}
    for day, *figures in connection.execute(
        """
        select snapshot_date, attribution,
            sum(downloads) filter (window_name = '30d'),
            sum(downloads) filter (window_name = 'all_time'),
            sum(models_count) filter (window_name = '30d')
        from candidate.main.fct_country_share_daily
        where cohort = 'all' and scope = 'all' and window_name in ('30d', 'all_time')
            and attribution in ('publisher', 'base_model')
        group by snapshot_date, attribution order by all
        """
    ).fetchall():
        found.setdefault(day, []).append(tuple(figures))
    adjusted = dict(
        connection.execute(
            """
            select snapshot_date,
                abs(coalesce(amount, 0) - coalesce(downloads - uncorrected, 0))
                / greatest(downloads, abs(uncorrected), 1)
            from (
                select snapshot_date, sum(downloads) as downloads,
                    sum(downloads_uncorrected) as uncorrected
                from candidate.main.fct_country_share_daily
                where window_name = '1d' and attribution = 'publisher'
                    and cohort = 'all' and scope = 'all'
                group by snapshot_date
            )
            full join (
                select snapshot_date, sum(amount) as amount
                from candidate.main.fct_flow_adjustments group by snapshot_date
            ) using (snapshot_date)
            """
        ).fetchall()
    )
    rows: list[dict[str, Any]] = []
    (newest_models,) = connection.execute(
        "select count(*) from dim_models where last_seen_on = (select max(last_seen_on) "
        "from dim_models)"
    ).fetchall()[0]
    newest = max(found, default=None)
    for day in sorted((found.keys() | passed.keys()) - set(sealed_later)):
        metrics = passed.get(day)
        if metrics is None or day not in found:
            detail = "not built" if day not in found else "not sealed, or refused by gate 1"
            rows.append({"snapshot_date": day, "detail": detail, "day_differs": 1})
            continue
        for attribution, month, ever, models in found[day]:
            # Without tags nobody's lineage is known: base_model is null there, with the reason.
            is_unknown = attribution == "base_model" and metrics.get("nulls_tags") == 1
            rows.append(
                {
                    "snapshot_date": day,
                    "detail": attribution,
                    "day_differs": 0,
                    "downloads_gap": _gap(month, None if is_unknown else metrics["downloads"]),
                    "downloads_all_time_gap": _gap(
                        ever, None if is_unknown else metrics["downloads_all_time"]
                    ),
                    "adjustments_gap": adjusted.get(day) if attribution == "publisher" else None,
                    "models_gap": abs(models - metrics["rows"])
                    if attribution == "publisher"
                    else 0,
                }
            )
        if day == newest:
            gap = abs(newest_models - metrics["rows"])
            rows.append({"snapshot_date": day, "detail": "dim_models", "models_gap": gap})
    columns = ["snapshot_date", "detail", *(check.metric for check in DAY_CHECKS)]
    frame = pandas.DataFrame.from_records(rows, columns=columns)
    return frame.fillna({"models_gap": 0, "day_differs": 0})


def _gap(published: float | None, raw_sum: float | None) -> float | None:
    """The share by which two sums differ; None where the source records no such counter."""
    if raw_sum is None and published is None:
        return None
    return abs((published or 0) - (raw_sum or 0)) / max(raw_sum or 0, 1)


def marts(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    """One row for each pair of tellings of the marts that are published: their largest gap."""
    import pandas

    there = {
        name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
    }
    rows = []
    for what, (needed, gaps) in AGREEMENTS.items():
        if there.issuperset(needed):
            place, gap = connection.execute(
                f"select max_by(place, gap), max(gap)::double from ({gaps})"
            ).fetchall()[0]
            rows.append({"what": what, "place": place, "mart_gap": gap})
    return pandas.DataFrame.from_records(rows, columns=["what", "place", "mart_gap"])


def foreign_keys(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    """One row a foreign key: how many of its values have no row in the dimension.

    Of days that were judged before it is asked only where the dimension has lost a key since.
    """
    import pandas

    there, before = (
        dict(
            connection.execute(
                "select table_name, estimated_size from duckdb_tables() where database_name = ?",
                [database],
            ).fetchall()
        )
        for database in ("candidate", "published")
    )

    @cache
    def has_lost_keys(dimension: str, key: str) -> bool:
        return dimension not in before or bool(
            connection.execute(
                f"select 1 from published.main.{dimension} as before anti join "
                f"candidate.main.{dimension} as after using ({key}) limit 1"
            ).fetchall()
        )

    rows = []
    for table in TABLES.values():
        for key in table.foreign_keys:
            if table.name not in there or key.table not in there:
                continue
            # Of a few rows it is cheaper to ask at once.
            asks_all = there[table.name] < there[key.table] or has_lost_keys(key.table, key.key)
            database = "candidate.main." if asks_all else ""
            orphans, example = connection.execute(
                f"select count(*), min({key.column}::varchar) from ("
                f"select distinct {key.column} from {database}{table.name} "
                f"where {key.column} is not null "
                f"and not list_contains({literals(key.exempt)}::varchar[], "
                f"{key.column}::varchar)) as facts anti join {key.table} as dimension "
                f"on facts.{key.column} = dimension.{key.key}"
            ).fetchall()[0]
            rows.append(
                {
                    "key": f"{table.name}.{key.column} in {key.table}.{key.key}",
                    "detail": example,
                    "orphans": orphans,
                }
            )
    return pandas.DataFrame.from_records(rows)


def generation(connection: duckdb.DuckDBPyConnection, candidate: Path) -> pandas.DataFrame:
    """The generation written in the file and in each Parquet file beside it.

    Not in the weeks of a table that is divided: they bear the generation that wrote them, and
    are told by their hashes.
    """
    import pandas

    named = connection.execute("select generation from publication").fetchall()
    expected = named[0][0] if len(named) == 1 else None
    found = [(candidate.name, generation) for (generation,) in named] or [(candidate.name, None)]
    twins = sorted(path for path in candidate.parent.glob("*.parquet") if path.is_file())
    written = dict(
        connection.execute(
            "select file_name, value::varchar from parquet_kv_metadata("
            f"{literals(twins)}) where key::varchar = 'generation'"
        ).fetchall()
        if twins
        else []
    )
    found += [(twin.name, written.get(str(twin))) for twin in twins]
    return pandas.DataFrame(
        {
            "place": [place for place, _ in found],
            "generation": [generation or "none" for _, generation in found],
            "other_generations": [
                int(expected is None or generation != expected) for _, generation in found
            ],
        }
    )


def history(
    connection: duckdb.DuckDBPyConnection,
    published: Path | None,
    sealed_anew: Collection[date],
) -> pandas.DataFrame:
    """Shares of days that are published already, then and now, by raw counters alone.

    Days that were `sealed_anew` since may change. That `fct_revisions` tells of a change excuses
    nothing: a seed row that is wrong would be told there as well. A country that is on one side
    alone had, or has, no share: whose only organization lost its country leaves no row.
    """
    empty = "select null::date as snapshot_date, '' as window_name, '' as country_key, "
    empty += "0.0 as was, 0.0 as now, 0.0 as restatement where false"
    if published is None:
        return connection.execute(empty).df()
    excused = literals(day.isoformat() for day in sealed_anew)

    def shares(table: str) -> str:
        return f"""
            select snapshot_date, window_name, country_key, country_code, share_of_all
            from {table} semi join days using (snapshot_date)
            where attribution = 'publisher' and cohort = 'all' and scope = 'all'
                and window_name in ('30d', 'all_time')"""

    return connection.execute(
        f"""
        with days as (
            select snapshot_date from fct_country_share_daily
            where not list_contains({excused}::date[], snapshot_date)
            intersect
            select snapshot_date from published.main.fct_country_share_daily
        )
        select snapshot_date, window_name, country_key,
            coalesce(before.share_of_all, 0) as was, coalesce(after.share_of_all, 0) as now,
            abs(now - was) as restatement
        from ({shares("fct_country_share_daily")}) as after
        full join ({shares("published.main.fct_country_share_daily")}) as before
            using (snapshot_date, window_name, country_key)
        where coalesce(after.country_code, before.country_code) is not null
        order by restatement desc, snapshot_date desc limit 1000
        """
    ).df()


def revisions(connection: duckdb.DuckDBPyConnection, published: Path | None) -> pandas.DataFrame:
    """What this publication changes without a known cause, one row a table and column.

    Asked against what readers see: an older generation need not have the log.
    """
    import pandas

    if published is None:
        return pandas.DataFrame({"table_name": [], "unexplained": []})
    return connection.execute(
        """
        select table_name, column_name, min(snapshot_date) as snapshot_date, min(key) as key,
            sum(changes_count)::double as unexplained
        from fct_revisions
        where reason = 'unexplained'
            and recorded_at > (select max(published_at) from published.main.publication)
        group by all order by all
        """
    ).df()


def moves(connection: duckdb.DuckDBPyConnection, published: Path | None) -> pandas.DataFrame:
    """Each watched share on each new day, with its range learned from the days before."""
    import pandas

    series = connection.execute(
        f"""
        with slice as (
            select 'country ' || country_key as entity, snapshot_date, share_of_all as share,
                country_code is not null as is_named, {WATCHED_COUNTRIES} as watched
            from fct_country_share_daily
            where window_name = '30d' and attribution = 'publisher' and cohort = 'all'
                and scope = 'all'
            union all
            select 'organization ' || organization, snapshot_date, share_of_all,
                organization <> '(other)', {WATCHED_ORGANIZATIONS}
            from fct_organization_share_daily
            where window_name = '30d' and attribution = 'publisher' and cohort = 'all'
                and scope = 'all'
        ),
        largest as (
            select entity from slice where is_named and share is not null
            qualify row_number() over (
                partition by watched order by snapshot_date desc, share desc, entity
            ) <= watched
        )
        select entity, snapshot_date, share from slice semi join largest using (entity)
        union all
        select 'coverage', snapshot_date, downloads_attributed_share
        from fct_mapping_coverage_daily
        where window_name = '30d' and attribution = 'publisher' and cohort = 'all'
            and scope = 'all'
        order by entity, snapshot_date
        """
    ).fetchall()
    newest = None
    if published is not None:
        newest = connection.execute(
            "select max(snapshot_date) from published.main.fct_country_share_daily"
        ).fetchall()[0][0]
    rows: list[dict[str, Any]] = []
    history: dict[str, list[float | None]] = {}
    questions = WATCHED_COUNTRIES + WATCHED_ORGANIZATIONS + 1
    for entity, day, share in series:
        before = history.setdefault(entity, [])
        if newest is None or day > newest:
            last = next((value for value in reversed(before) if value is not None), None)
            usual = bounds.learned(before, last, _SHARE_RULE, questions=questions)
            rows.append(
                {
                    "snapshot_date": day,
                    "entity": entity,
                    "usual": bounds_in_words(usual.least, usual.most) if usual else "",
                    "share": share,
                    "share_moves_usual__least": usual.least if usual else None,
                    "share_moves_usual__most": usual.most if usual else None,
                }
            )
        before.append(share)
    columns = ["snapshot_date", "entity", "usual", "share"]
    columns += ["share_moves_usual__least", "share_moves_usual__most"]
    return pandas.DataFrame.from_records(rows, columns=columns)
