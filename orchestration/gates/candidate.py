"""Gate 3: what a candidate publication must be like before anybody sees it.

What belongs here: the questions asked of the finished DuckDB file, against the declaration of
its tables, against itself, against the raw snapshots and against what is published now. The
publisher asks them itself, whatever was checked or skipped before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.gates import bounds, raw
from orchestration.gates.bounds import Rule
from orchestration.gates.outcome import Check, CheckOutcome, Status, bounds_in_words
from orchestration.gates.raw_metrics import describe_columns
from orchestration.gates.tables import REQUIRED, TABLES, Table
from orchestration.gates.validation import Answer, validate
from orchestration.home import Home
from orchestration.snapshots import store

if TYPE_CHECKING:
    import pandas

SHARE_TOLERANCE = 1e-9
# Credits split among several base models are decimals; their sum may miss by this share.
SUM_TOLERANCE = 1e-6
SAMPLE_ROWS = 5
WATCHED_COUNTRIES = 10
WATCHED_ORGANIZATIONS = 20
A_POINT = 0.01
_SHARE_RULE = Rule(least=A_POINT, floor=0.002, logarithmic=False)

_SLICE = "snapshot_date, window_name, attribution, cohort, scope"
_REBUILD = "rebuild the warehouse from the raw snapshots; it is only a cache"

Frame = "pandas.DataFrame"


def _none(name: str, description: str, metric: str, cure: str = _REBUILD) -> Check:
    return Check(name, description, cure, metric, most=0, required=True)


def _within(name: str, description: str, metric: str, most: float) -> Check:
    return Check(name, description, _REBUILD, metric, most=most)


_TABLE_CHECKS = (
    _none("tables_there", "Every required table is published.", "is_missing"),
    _none(
        "columns_published",
        "Each table has the declared columns and types, in their order.",
        "columns_differ",
        "bring the mart and its declaration together: orchestration/gates/tables.py",
    ),
    _none("grain_unique", "No two rows of a table share their grain.", "repeated_rows"),
    _none("nulls_declared", "Null stands only where it is declared.", "undeclared_nulls"),
)
_SLICE_CHECKS = (
    _within("shares_sum_to_one", "The shares of a slice sum to 1.", "sum_error", SHARE_TOLERANCE),
    _within(
        "shares_are_ratios",
        "Each share is its downloads divided by all downloads of the slice.",
        "ratio_error",
        SHARE_TOLERANCE,
    ),
    _none("shares_within_band", "0 <= low <= share <= high <= 1.", "rows_outside_band"),
    _none("nulls_have_reasons", "A share is null exactly where a reason is given.", "unexplained"),
    _within(
        "organizations_add_up_to_countries",
        "Downloads by organization sum to those by country.",
        "country_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "coverage_adds_up",
        "The attributed share of the coverage mart is the sum of the countries' shares.",
        "coverage_gap",
        SHARE_TOLERANCE,
    ),
)
_DAY_CHECKS = (
    _none(
        "days_published",
        "The days are those sealed days that passed gate 1, all of them and no other.",
        "day_differs",
        "build the missing days, or take the refused ones out: `observatory run` does both",
    ),
    _within(
        "downloads_reconcile",
        "30-day downloads sum to those of the raw snapshot, in both attributions.",
        "downloads_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "downloads_all_time_reconcile",
        "Cumulative downloads sum to those of the raw snapshot, in both attributions.",
        "downloads_all_time_gap",
        SUM_TOLERANCE,
    ),
    _none(
        "models_reconcile",
        "Every model of the raw snapshot is counted, once, and dim_models holds those of the "
        "newest day.",
        "models_gap",
    ),
)
_KEY_CHECKS = (_none("keys_resolve", "Every key of a fact is found in its dimension.", "orphans"),)
_GENERATION_CHECKS = (
    _none(
        "one_generation",
        "The file and its Parquet twins bear one and the same generation.",
        "other_generations",
        "publish again",
    ),
)
_HISTORY_CHECKS = (
    Check(
        "history_as_published",
        "No country's share of a day published before moves by a point, unless "
        "fct_revisions says why.",
        "review the change of the seed or of the rule; if it is meant, publish with "
        "this check accepted by name",
        "restatement",
        most=A_POINT,
    ),
)
_MOVE_CHECKS = (
    Check(
        "share_moves_usual",
        "On the new days, shares of the largest countries and organizations and the coverage "
        "lie in their learned ranges; moves of less than a point never count.",
        "look at the models behind the move before you quote it",
        "share",
        learned=True,
        blocking=False,
    ),
)
CHECKS: tuple[Check, ...] = (
    *_TABLE_CHECKS,
    *_SLICE_CHECKS,
    *_DAY_CHECKS,
    *_KEY_CHECKS,
    *_GENERATION_CHECKS,
    *_HISTORY_CHECKS,
    *_MOVE_CHECKS,
)


@dataclass(frozen=True)
class _Questions:
    """Checks that are asked of one frame; `keys` name its rows in samples."""

    checks: tuple[Check, ...]
    keys: tuple[str, ...]
    frame: Callable[[duckdb.DuckDBPyConnection], pandas.DataFrame]


def judge(candidate: Path, home: Home, *, published: Path | None = None) -> list[CheckOutcome]:
    """One outcome for each of `CHECKS` on the DuckDB file `candidate`.

    `published` is the DuckDB file that readers see now, if there is one. A check that could
    not be asked, as of a table that is not readable, crashed.
    """
    sealed = {day.snapshot_date: day for day in store.list_sealed(home)}
    verdicts = raw.verdicts(home, sealed) if sealed else {}
    passed = {day: given.metrics for day, given in verdicts.items() if given.passed}
    slice_keys = ("table_name", *_SLICE.split(", "))
    asked = (
        _Questions(_TABLE_CHECKS, ("table_name", "detail"), _tables),
        _Questions(_SLICE_CHECKS, slice_keys, _slices),
        _Questions(_DAY_CHECKS, ("snapshot_date", "detail"), lambda c: _days(c, passed, sealed)),
        _Questions(_KEY_CHECKS, ("key", "detail"), _foreign_keys),
        _Questions(
            _GENERATION_CHECKS, ("place", "generation"), lambda c: _generation(c, candidate)
        ),
        _Questions(
            _HISTORY_CHECKS,
            ("snapshot_date", "window_name", "country_key", "was", "now"),
            lambda c: _history(c, published, sealed),
        ),
        _Questions(
            _MOVE_CHECKS, ("snapshot_date", "entity", "usual"), lambda c: _moves(c, published)
        ),
    )
    folders = [candidate.parent, *([published.parent] if published else [])]
    outcomes: list[CheckOutcome] = []
    with connect(folders=folders, temporary=home.temporary / "gates") as connection:
        try:
            connection.execute(f"attach {literal(candidate)} as candidate (read_only)")
            connection.execute("use candidate")
            if published is not None:
                connection.execute(f"attach {literal(published)} as published (read_only)")
        except duckdb.Error as error:
            return [_crashed(check, f"the file cannot be opened: {error}") for check in CHECKS]
        for questions in asked:
            outcomes += _ask(connection, questions)
    return outcomes


def _ask(connection: duckdb.DuckDBPyConnection, questions: _Questions) -> list[CheckOutcome]:
    try:
        frame = questions.frame(connection)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        return [_crashed(check, why) for check in questions.checks]
    metrics = [column for column in frame.columns if column not in questions.keys]
    frame = frame.astype(dict.fromkeys(metrics, "float64"))
    answers = validate(frame[metrics], questions.checks)
    return [
        _outcome(check, frame, questions.keys, answers[check.name]) for check in questions.checks
    ]


def _outcome(
    check: Check, frame: pandas.DataFrame, keys: Sequence[str], answer: Answer
) -> CheckOutcome:
    if answer.crash is not None:
        return _crashed(check, answer.crash)
    status: Status = "passed"
    sample: list[dict[str, Any]] = []
    worst = frame[check.metric].max() if len(frame) else None
    observed: float | None = None if worst is None or worst != worst else float(worst)
    threshold = check.threshold
    if check.learned:
        observed, threshold = len(answer.failing), "none outside its learned range"
    if answer.failing:
        status = "failed" if check.blocking else "warned"
        failing = frame.iloc[sorted(answer.failing)]
        if not check.learned:
            failing = failing.sort_values(check.metric, ascending=False, kind="stable")
        sample = [
            {name: _plain(row[name]) for name in (*keys, check.metric) if row[name] is not None}
            for row in failing.head(SAMPLE_ROWS).to_dict("records")
        ]
    return CheckOutcome(
        name=check.name,
        description=check.description,
        status=status,
        snapshot_date=None,
        observed=observed,
        threshold=threshold,
        cure=check.cure,
        blocking=check.blocking,
        sample=sample,
    )


def _crashed(check: Check, why: str) -> CheckOutcome:
    return CheckOutcome(
        name=check.name,
        description=check.description,
        status="crashed",
        snapshot_date=None,
        observed=why[:500],
        threshold=check.threshold,
        cure=check.cure,
        blocking=check.blocking,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _tables(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    import pandas

    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'candidate' and not internal order by table_name, column_index"
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    rows = []
    for table in TABLES.values():
        if table.name in found or table.name in REQUIRED:
            rows.append(_table_row(connection, table, found.get(table.name)))
    return pandas.DataFrame.from_records(rows)


def _table_row(
    connection: duckdb.DuckDBPyConnection, table: Table, found: dict[str, str] | None
) -> dict[str, Any]:
    row = {
        "table_name": table.name,
        "detail": "",
        "is_missing": int(found is None),
        "columns_differ": 0,
        "repeated_rows": 0,
        "undeclared_nulls": 0,
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
    repeated, undeclared = connection.execute(
        f"select count(*) - count(distinct hash({', '.join(table.grain)})), {nulls} "
        f"from {table.name}"
    ).fetchall()[0]
    return row | {"repeated_rows": repeated, "undeclared_nulls": undeclared}


def _slices(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    def shares(table: str, outside: str) -> str:
        return f"""
        select
            '{table}' as table_name, {_SLICE},
            abs(sum(share_of_all) - 1) as sum_error,
            max(abs(share_of_all - downloads / nullif(total, 0))) as ratio_error,
            count(*) filter (share_of_all not between 0 and 1 or {outside}) as rows_outside_band,
            count(*) filter ((share_of_all is null) <> (null_reason is not null)) as unexplained
        from (select *, sum(downloads) over (partition by {_SLICE}) as total from {table})
        group by all"""

    return connection.execute(
        f"""
        with gaps as (
            select {_SLICE}, max(
                abs(coalesce(countries.downloads, 0) - coalesce(organizations.downloads, 0))
                / greatest(countries.downloads, organizations.downloads, 1)
            ) as country_gap
            from fct_country_share_daily as countries
            full join (
                select {_SLICE}, country_key, sum(downloads) as downloads
                from fct_organization_share_daily group by all
            ) as organizations using ({_SLICE}, country_key)
            group by all
        ),
        coverage as (
            select {_SLICE}, max(abs(
                downloads_attributed_share - coalesce(attributed, 0)
            )) as coverage_gap
            from fct_mapping_coverage_daily
            join (
                select {_SLICE}, sum(share_of_all) filter (country_code is not null) as attributed
                from fct_country_share_daily group by all
            ) using ({_SLICE})
            group by all
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
        )
        select shares.*, gaps.country_gap, coverage.coverage_gap
        from shares
        left join gaps using ({_SLICE})
        left join coverage using ({_SLICE})
        order by all
        """
    ).df()


def _days(
    connection: duckdb.DuckDBPyConnection,
    passed: Mapping[date, Mapping[str, Any]],
    sealed: Mapping[date, store.Sealed],
) -> pandas.DataFrame:
    """One row a day and attribution: the facts against the metrics of the raw snapshot.

    Days that were sealed after the publication was built say nothing about it: so an older
    generation can be verified at any time.
    """
    import pandas

    (built_at,) = connection.execute("select max(published_at) from publication").fetchall()[0]
    since = {
        day
        for day, one in sealed.items()
        if datetime.fromisoformat(one.sealed_at).replace(tzinfo=None) > built_at
    }
    found: dict[date, list[tuple[Any, ...]]] = {}
    for day, *figures in connection.execute(
        f"""
        select snapshot_date, attribution,
            sum(downloads) filter (window_name = '30d'),
            sum(downloads) filter (window_name = 'all_time'),
            sum(models_count) filter (window_name = '30d')
        from fct_country_share_daily
        where cohort = 'all' and scope = 'all' and window_name in ('30d', 'all_time')
            and attribution in ('publisher', 'base_model')
        group by {_SLICE.split(", ")[0]}, attribution order by all
        """
    ).fetchall():
        found.setdefault(day, []).append(tuple(figures))
    rows: list[dict[str, Any]] = []
    (newest_models,) = connection.execute(
        "select count(*) from dim_models where last_seen_on = (select max(last_seen_on) "
        "from dim_models)"
    ).fetchall()[0]
    newest = max(found, default=None)
    for day in sorted((found.keys() | passed.keys()) - since):
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
                    "models_gap": abs(models - metrics["rows"])
                    if attribution == "publisher"
                    else 0,
                }
            )
        if day == newest:
            gap = abs(newest_models - metrics["rows"])
            rows.append({"snapshot_date": day, "detail": "dim_models", "models_gap": gap})
    columns = ["snapshot_date", "detail", *(check.metric for check in _DAY_CHECKS)]
    frame = pandas.DataFrame.from_records(rows, columns=columns)
    return frame.fillna({"models_gap": 0, "day_differs": 0})


def _gap(published: float | None, raw_sum: float | None) -> float | None:
    """The share by which two sums differ; None where the source records no such counter."""
    if raw_sum is None and published is None:
        return None
    return abs((published or 0) - (raw_sum or 0)) / max(raw_sum or 0, 1)


def _foreign_keys(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    import pandas

    there = {
        name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
    }
    rows = []
    for table in TABLES.values():
        for key in table.foreign_keys:
            if table.name not in there or key.table not in there:
                continue
            orphans, example = connection.execute(
                f"select count(*), min({key.column}::varchar) from ("
                f"select distinct {key.column} from {table.name} "
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


def _generation(connection: duckdb.DuckDBPyConnection, candidate: Path) -> pandas.DataFrame:
    """The generation written in the file and in each Parquet file beside it."""
    import pandas

    named = connection.execute("select generation from publication").fetchall()
    expected = named[0][0] if len(named) == 1 else None
    found = [(candidate.name, generation) for (generation,) in named] or [(candidate.name, None)]
    twins = sorted(candidate.parent.glob("*.parquet"))
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


def _history(
    connection: duckdb.DuckDBPyConnection,
    published: Path | None,
    sealed: Mapping[date, store.Sealed],
) -> pandas.DataFrame:
    """Shares of days that are published already, then and now, by raw counters alone.

    Days that were sealed anew since may change; so may what `fct_revisions` accounts for.
    """
    empty = "select null::date as snapshot_date, '' as window_name, '' as country_key, "
    empty += "0.0 as was, 0.0 as now, 0.0 as restatement where false"
    if published is None:
        return connection.execute(empty).df()
    published_at = connection.execute(
        "select max(published_at) from published.main.publication"
    ).fetchall()[0][0]
    sealed_since = [
        day.isoformat()
        for day, one in sealed.items()
        if one.version > 1
        and datetime.fromisoformat(one.sealed_at).replace(tzinfo=None) >= published_at
    ]
    tables = {row[0] for row in connection.execute("show tables").fetchall()}
    revised = (
        "select snapshot_date from fct_revisions where table_name = 'fct_country_share_daily'"
        if "fct_revisions" in tables
        else "select null::date where false"
    )
    return connection.execute(
        f"""
        select snapshot_date, window_name, country_key, before.share_of_all as was,
            after.share_of_all as now,
            abs(coalesce(after.share_of_all, 0) - coalesce(before.share_of_all, 0))
                as restatement
        from fct_country_share_daily as after
        join published.main.fct_country_share_daily as before
            using ({_SLICE}, country_key)
        where attribution = 'publisher' and cohort = 'all' and scope = 'all'
            and window_name in ('30d', 'all_time') and after.country_code is not null
            and not list_contains({literals(sealed_since)}::date[], snapshot_date)
            and snapshot_date not in ({revised})
        order by restatement desc, snapshot_date desc limit 1000
        """
    ).df()


def _moves(connection: duckdb.DuckDBPyConnection, published: Path | None) -> pandas.DataFrame:
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
