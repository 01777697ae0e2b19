"""Sealed snapshots condensed to one row of metrics a day, by one SQL statement.

What belongs here: what is measured on the rows of a raw snapshot, and sample rows for what
failed. What the figures have to be is `raw.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, count_repeated, literal, literals
from orchestration.home import Home
from orchestration.snapshots import reading, store
from orchestration.snapshots.contract import COLUMNS, ID_PATTERN, created_until
from orchestration.snapshots.store import Sealed

# Raise it when a metric is added or changes its meaning: stored ones are then measured anew.
METRICS_VERSION = 3

Metrics = dict[str, Any]

# The Hub's largest counters: 758 M in a month, some 10^10 ever. A hundred times that is absurd.
MOST_DOWNLOADS = 10**11
MOST_DOWNLOADS_ALL_TIME = 10**13
# The largest real growth in a day of a model with 1,000 downloads, over 721 recorded days: x63.
JUMP_FROM = 1_000
JUMP_FACTOR = 200

# Bounds the memory: the distinct ids and the owners of a part are held at once.
ROWS_AT_ONCE = 6_000_000

_OWNER = "if(contains(id, '/'), split_part(id, '/', 1), '(no namespace)')"

# Predicates of single rows, used for counting and for the sample alike.
ROW_TESTS: dict[str, str] = {
    "null_ids": "id is null",
    "unreadable_ids": f"not regexp_full_match(id, {literal(ID_PATTERN)})",
    "impossible_counts": (
        "downloads < 0 or downloadsAllTime < 0 or likes < 0 or safetensors_total < 0 "
        f"or downloads > {MOST_DOWNLOADS} or downloadsAllTime > {MOST_DOWNLOADS_ALL_TIME}"
    ),
    "future_dates": "createdAt > not_after",
    "other_authors": "lower(author) <> lower(split_part(id, '/', 1)) and contains(id, '/')",
    "unordered_dates": "lastModified < createdAt",
    "exceeding_counts": "downloads > downloadsAllTime",
}


@dataclass(frozen=True)
class Day:
    """A sealed day to measure, and the day it is compared with (None at the beginning)."""

    sealed: Sealed
    reference: Sealed | None

    @property
    def date(self) -> date:
        return self.sealed.snapshot_date

    @property
    def whole_reference(self) -> Sealed | None:
        """The reference, where both claim to be whole: only such records can miss a model."""
        both = self.reference is not None and self.sealed.whole and self.reference.whole
        return self.reference if both else None

    @property
    def reference_name(self) -> str | None:
        return self.reference.snapshot_date.isoformat() if self.reference else None

    @property
    def reference_content(self) -> str | None:
        return self.reference.content_sha256 if self.reference else None

    @property
    def compared_with(self) -> Metrics:
        """The reference as the metrics note it: a verdict holds for this one alone."""
        return {"reference": self.reference_name, "reference_content": self.reference_content}

    @property
    def not_after(self) -> datetime:
        """No model can have been created later."""
        observed_to = self.sealed.observed_to
        return created_until(
            self.date, datetime.fromisoformat(observed_to) if observed_to else None
        )


def file_faults(home: Home, days: Sequence[Sealed]) -> dict[date, tuple[str, str]]:
    """What is wrong with a day's file itself: (`file_as_sealed` or `columns_as_declared`, why)."""
    faults: dict[date, tuple[str, str]] = {}
    declared = {column.name: column.type for column in COLUMNS}
    hashed: dict[Path, str] = {}
    with connect(folders=[home.raw]) as connection:
        for sealed in days:
            if why := reading.damage(home, sealed, hashed):
                faults[sealed.snapshot_date] = ("file_as_sealed", why)
            elif reading.is_whole(home, sealed):
                found = _columns(connection, store.parquet_of(home, sealed))
                if found != declared:
                    faults[sealed.snapshot_date] = (
                        "columns_as_declared",
                        describe_columns(declared, found),
                    )
    return faults


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    try:
        rows = connection.execute(
            f"describe from read_parquet({literal(path)}, hive_partitioning = false)"
        ).fetchall()
    except duckdb.Error as error:
        return {"(unreadable)": str(error).splitlines()[0]}
    return {name: kind for name, kind, *_ in rows}


def describe_columns(declared: dict[str, str], found: dict[str, str]) -> str:
    """How the columns found differ from the declared ones, in words."""
    missing = [f"{name} is missing" for name in declared if name not in found]
    extra = [
        f"{name} {kind} is not declared" for name, kind in found.items() if name not in declared
    ]
    other = [
        f"{name} is {found[name]}, declared {kind}"
        for name, kind in declared.items()
        if found.get(name, kind) != kind
    ]
    return "; ".join([*missing, *extra, *other])


def measure(home: Home, days: Sequence[Day], owners: Iterable[str] = ()) -> dict[date, Metrics]:
    """Metrics of each day (oldest first), by one statement for some `ROWS_AT_ONCE` rows.

    `owners` are those whose presence matters beside the largest one of each of the `days`.
    Raises duckdb.Error where a file cannot be read.
    """
    measured: dict[date, Metrics] = {}
    watched = set(owners)
    with connect(folders=[home.raw], temporary=home.temporary / "gates") as connection:
        for part in _parts(days):
            found = _measure_part(connection, home, part, watched)
            watched |= {one["largest_owner"] for one in found.values() if one["largest_owner"]}
            measured |= found
    return measured


def _parts(days: Sequence[Day]) -> Iterator[list[Day]]:
    """The days in parts of `ROWS_AT_ONCE` rows: years of a panel at once, the Hub day by day."""
    part: list[Day] = []
    rows = 0
    for day in days:
        if part and rows + day.sealed.rows > ROWS_AT_ONCE:
            yield part
            part, rows = [], 0
        part.append(day)
        rows += day.sealed.rows
    if part:
        yield part


def _measure_part(
    connection: duckdb.DuckDBPyConnection, home: Home, days: Sequence[Day], owners: set[str]
) -> dict[date, Metrics]:
    cursor = connection.execute(_statement(home, days, owners))
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    measured = {row.pop("snapshot_date"): row for row in rows}
    for day in days:
        # A file without rows gives no row of metrics, and that is a finding.
        metrics = measured.setdefault(day.date, dict.fromkeys(names[1:]) | {"rows": 0})
        metrics |= day.compared_with
        for name, key in (("duplicate_ids", "id"), ("duplicate_keys", "_id")):
            if metrics[name]:
                relation = (
                    f"(from {reading.records(home, [day.sealed], [key])} where {key} is not null)"
                )
                metrics[name] = count_repeated(connection, relation, [key])
        newest = metrics["newest_created_at"]
        metrics["newest_created_at"] = newest.isoformat() if newest else None
        metrics["owners_present"] = sorted(metrics["owners_present"] or [])
    return measured


def _statement(home: Home, days: Sequence[Day], owners: Iterable[str]) -> str:
    listed = ",\n        ".join(
        f"(date '{day.date}', timestamp '{day.not_after}', {_date(day.whole_reference)})"
        for day in days
    )
    compared: dict[date, Sealed] = {}
    for day in days:
        if day.whole_reference is not None:
            compared[day.date] = day.sealed
            compared[day.whole_reference.snapshot_date] = day.whole_reference
    counted = ",\n            ".join(
        f"count(*) filter ({test}) as {name}" for name, test in ROW_TESTS.items()
    )
    nulls = ",\n            ".join(
        f'1 - count("{column.name}") / count(*) as "nulls_{column.name}"' for column in COLUMNS
    )
    # What is used twice is read twice: DuckDB would keep a whole day with its tags in memory, which
    # takes twice as long.
    return f"""
    with days (snapshot_date, not_after, reference_date) as (values
        {listed}
    ),
    rows as not materialized (
        select * from {reading.records(home, [day.sealed for day in days])}
        join days using (snapshot_date)
    ),
    counts as (
        select
            snapshot_date,
            count(*) as rows,
            count(id) - count(distinct hash(id)) as duplicate_ids,
            count(_id) - count(distinct hash(_id)) as duplicate_keys,
            {counted},
            {nulls},
            sum(downloads)::double as downloads,
            sum(downloadsAllTime)::double as downloads_all_time,
            count(downloads) as downloads_counted,
            count(downloadsAllTime) as downloads_all_time_counted,
            sum(likes)::double as likes,
            count(*) filter (downloads = 0) / nullif(count(downloads), 0) as zero_share,
            max(createdAt) as newest_created_at
        from rows group by all
    ),
    owners as (
        select snapshot_date, {_OWNER} as owner, sum(downloads) as downloads
        from rows group by all
    ),
    largest as (
        select
            snapshot_date,
            max_by(owner, coalesce(downloads, -1)) as largest_owner,
            max(downloads) / nullif(sum(downloads), 0) as largest_owner_share
        from owners group by all
    ),
    watched as (
        select largest_owner as owner from largest
        union
        select unnest({literals(sorted(set(owners)))}::varchar[])
    ),
    present as (
        select snapshot_date, list(owner) as owners_present
        from owners semi join watched using (owner) group by all
    ),
    {_comparison(home, list(compared.values()))}
    select counts.*, largest.* exclude (snapshot_date), present.* exclude (snapshot_date),
        compared.* exclude (snapshot_date)
    from counts
    left join largest using (snapshot_date)
    left join present using (snapshot_date)
    left join compared using (snapshot_date)
    """


def _date(sealed: Sealed | None) -> str:
    return f"date '{sealed.snapshot_date}'" if sealed else "null::date"


def _comparison(home: Home, files: Sequence[Sealed]) -> str:
    """CTEs that give `compared`: each whole day against the models of its reference."""
    columns = "reference_models, lost_models_share, lost_downloads_share, recased_ids, jumps, "
    columns += "unmoved_models"
    if not files:
        empty = ", ".join(f"null::double as {name}" for name in columns.split(", "))
        return f"compared as (select null::date as snapshot_date, {empty} where false)"
    read = ("_id", "id", "downloads", "downloadsAllTime", "likes", "lastModified")
    return f"""
    models as not materialized (
        select snapshot_date as model_date, hash(coalesce(_id, id)) as model, id, downloads,
            hash(downloads, downloadsAllTime, likes, lastModified) as state
        from {reading.records(home, files, read)}
    ),
    compared as (
        select
            days.snapshot_date,
            count(*) as reference_models,
            count(*) filter (now.model is null) / count(*)
                / any_value(days.snapshot_date - days.reference_date) as lost_models_share,
            coalesce(sum(before.downloads) filter (now.model is null), 0)
                / nullif(sum(before.downloads), 0) as lost_downloads_share,
            count(*) filter (now.id <> before.id and lower(now.id) = lower(before.id))
                as recased_ids,
            count(*) filter (
                before.downloads >= {JUMP_FROM}
                and now.downloads / {JUMP_FACTOR} >= before.downloads
            ) as jumps,
            count(*) filter (now.state = before.state) as unmoved_models
        from days
        join models as before on before.model_date = days.reference_date
        left join models as now
            on now.model_date = days.snapshot_date and now.model = before.model
        group by all
    )"""


# Shares and the counts that they are made of have the same rows to show.
_SAMPLED_AS = {
    "exceeding_share": "exceeding_counts",
    "other_authors_share": "other_authors",
    "unordered_share": "unordered_dates",
    "lost_models_share": "lost_downloads_share",
    "unasked_lost_share": "lost_downloads_share",
}


def sample(home: Home, day: Day, metric: str, limit: int = 5) -> list[dict[str, Any]]:
    """A few rows of `day` that break the test of `metric`; none where it is of another kind."""
    metric = _SAMPLED_AS.get(metric, metric)
    rows = reading.records(home, [day.sealed])
    shown = "id, author, createdAt, lastModified, downloads, downloadsAllTime, likes"
    if metric in ROW_TESTS:
        query = (
            f"select {shown} from (select *, timestamp '{day.not_after}' as not_after "
            f"from {rows}) where {ROW_TESTS[metric]} "
            f"order by downloads desc nulls last, id limit {limit}"
        )
    elif metric in ("duplicate_ids", "duplicate_keys"):
        key = "id" if metric == "duplicate_ids" else "_id"
        query = (
            f"select {key}, count(*) as rows, min(downloads) as least_downloads, "
            f"max(downloads) as most_downloads from {rows} where {key} is not null "
            f"group by 1 having count(*) > 1 order by 2 desc, 1 limit {limit}"
        )
    elif metric == "lost_downloads_share" and day.reference is not None:
        before = reading.records(home, [day.reference])
        query = (
            f"select id, downloads from {before} as before where not exists ("
            f"from {rows} as now "
            "where coalesce(now._id, now.id) = coalesce(before._id, before.id)) "
            f"order by downloads desc nulls last limit {limit}"
        )
    elif metric == "jumps" and day.reference is not None:
        before = reading.records(home, [day.reference])
        query = (
            f"select now.id, before.downloads as downloads_before, now.downloads "
            f"from {rows} as now join {before} as before "
            "on coalesce(now._id, now.id) = coalesce(before._id, before.id) "
            f"where before.downloads >= {JUMP_FROM} "
            f"and now.downloads / {JUMP_FACTOR} >= before.downloads "
            f"order by now.downloads desc limit {limit}"
        )
    else:
        return []
    with connect(folders=[home.raw], temporary=home.temporary / "gates") as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [
            {name: _plain(value) for name, value in zip(names, row, strict=True)}
            for row in cursor.fetchall()
        ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
