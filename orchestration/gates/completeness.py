"""What stands beside the countries on every day and in every slice, and what of it is missing.

What belongs here: which marts have rows on every day, and SQL that finds where one has none. A
mart without rows has nothing that could be wrong: whatever is asked of its rows, it passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from orchestration.gates.tables import SLICE

if TYPE_CHECKING:
    import pandas

# A launch counts for a year: half a year after such a day somebody who launched in the half year
# before it still has a rhythm. Of a panel whose last launches are older nobody need have one.
_HALF_A_YEAR = 180
_HAS_A_RHYTHM = f"""
    snapshot_date - previous_date <= {_HALF_A_YEAR} and previous_date in (
        select snapshot_date from candidate.main.fct_organization_cadence_daily
        where days_since_last_launch <= {_HALF_A_YEAR}
    )"""

# By table: SQL of which days of the countries it must have.
_DAYS = {
    "fct_organization_share_daily": "true",
    "fct_family_share_daily": "true",
    "fct_mapping_coverage_daily": "true",
    "fct_concentration_daily": "true",
    "fct_snapshot_quality_daily": "true",
    # Every day judges every claim; where there are no claims, none does.
    "fct_claims": "exists (from candidate.main.fct_claims)",
    "fct_organization_cadence_daily": _HAS_A_RHYTHM,
    "fct_country_gap_daily": "false",
}
# A day that gate 1 refused has its checks and no figures.
_MAY_HAVE_OTHERS = ("fct_snapshot_quality_daily",)

# By table: SQL of which slices of the countries it must have, and of those that it has.
_SLICES = {
    "fct_organization_share_daily": ("true", "true"),
    "fct_family_share_daily": ("true", "true"),
    "fct_mapping_coverage_daily": ("true", "true"),
    "fct_concentration_daily": ("true", "count(distinct level) = 2"),
    "fct_country_gap_daily": ("countries_count > 1", "true"),
}


def missing(connection: duckdb.DuckDBPyConnection) -> pandas.DataFrame:
    """One row a mart that is published: its days and slices that are not those of the countries.

    Days are asked of the whole tables, slices of the days that are shown.
    """
    import pandas

    there = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'candidate'"
        ).fetchall()
    }
    rows = []
    for name in _DAYS:
        if name not in there:
            continue
        days, day = connection.execute(_days(name)).fetchall()[0]
        slices, slice_ = 0, None
        if name in _SLICES:
            slices, slice_ = connection.execute(_slices(name)).fetchall()[0]
        rows.append(
            {
                "table_name": name,
                "day": day,
                "slice": slice_,
                "days_differ": days,
                "slices_missing": slices,
            }
        )
    columns = ["table_name", "day", "slice", "days_differ", "slices_missing"]
    return pandas.DataFrame.from_records(rows, columns=columns)


def _days(name: str) -> str:
    return f"""
        with days as (
            select snapshot_date, lag(snapshot_date) over (order by snapshot_date) as previous_date
            from (select distinct snapshot_date from candidate.main.fct_country_share_daily)
        ),
        found as (select distinct snapshot_date from candidate.main.{name}),
        wrong as (
            select snapshot_date from days anti join found using (snapshot_date)
            where {_DAYS[name]}
            union all
            select snapshot_date from found anti join days using (snapshot_date)
            where {"false" if name in _MAY_HAVE_OTHERS else "true"}
        )
        select count(*), min(snapshot_date)::varchar from wrong"""


def _slices(name: str) -> str:
    wanted, has_it = _SLICES[name]
    return f"""
        with slices as (
            select {SLICE}, count(*) filter (
                country_code is not null and downloads > 0
            ) as countries_count
            from fct_country_share_daily group by all
        ),
        found as (select {SLICE} from {name} group by all having {has_it})
        select count(*), min(concat_ws(' ', {SLICE}))
        from slices anti join found using ({SLICE}) where {wanted}"""
