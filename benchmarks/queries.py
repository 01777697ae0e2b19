"""How fast the published file answers after a year: the dashboard's queries, and ten of BI tools.

What belongs here: a file of many days, drawn from the published one of a few, and the questions.
The newest day is repeated with other figures into the past, in the order in which a publication
lies; names, slices, rows a day and the models are those of the newest day.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import duckdb

from dashboard import build, publication
from orchestration.database import literal
from orchestration.gates.tables import TABLES
from orchestration.publication.build import order_of
from orchestration.publication.generation import DATABASE, columns_of, read_manifest
from orchestration.publication.weeks import accumulates

SLICE = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
NEWEST = "snapshot_date = (select max(snapshot_date) from fct_country_share_daily)"
LARGEST = (
    "(select organization from fct_organization_share_daily "
    f"where {SLICE} and {NEWEST} and rank = 1)"
)
# As a BI tool writes them.
QUERIES = {
    "countries of the newest day": "select country_key, share_of_all, share_of_all_low, "
    f"share_of_all_high from fct_country_share_daily where {SLICE} and {NEWEST} order by 2 desc",
    "two countries over a year": "select snapshot_date, country_key, share_of_all "
    f"from fct_country_share_daily where {SLICE} and country_key in ('US', 'CN') order by 1",
    "twenty largest organizations": "select organization, share_of_all, rank from "
    f"fct_organization_share_daily where {SLICE} and {NEWEST} and rank <= 20 order by rank",
    "one organization over a year": "select snapshot_date, share_of_all from "
    f"fct_organization_share_daily where {SLICE} and organization = {LARGEST} order by 1",
    "organizations of a country by week": "select date_trunc('week', snapshot_date), organization, "
    f"avg(share_of_all) from fct_organization_share_daily where {SLICE} and country_key = 'FR' "
    "group by all",
    "every slice of the newest day": "select window_name, attribution, cohort, scope, country_key, "
    f"share_of_all from fct_country_share_daily where {NEWEST}",
    "a family line over a year": "select snapshot_date, sum(share_of_all) from "
    f"fct_family_share_daily where {SLICE} and family_line = (select any_value(family_line) from "
    f"fct_family_share_daily where {SLICE} and {NEWEST} and rank = 1) group by 1",
    "coverage over a year": "select snapshot_date, downloads_attributed_share "
    f"from fct_mapping_coverage_daily where {SLICE} order by 1",
    "launches by country and month": "select date_trunc('month', week_start_date), country_key, "
    "sum(launches_count) from fct_country_cadence_weekly where release_type = 'all' group by all",
    "models by licence": "select license, count(*) from dim_models group by 1 order by 2 desc "
    "limit 20",
}
REPEATS = 10


def measure(published: Path, days: int, work: Path) -> None:
    """Print size and times of a file of `days` days drawn from the generation `published`."""
    database = work / DATABASE
    rows = draw(published / DATABASE, days, database)
    with _timed() as asked:
        build.write(database, work / "dashboard", read_manifest(published))
    told = []
    with duckdb.connect(str(database), read_only=True) as connection:
        for name, query in QUERIES.items():
            for _ in range(REPEATS):
                begun = time.monotonic()
                connection.execute(query).fetchall()
                told.append((time.monotonic() - begun, name))
    print(
        "| days | rows of organizations | file | dashboard: queries | p95 | BI: queries | p95 "
        "| slowest |\n|---:|---:|---:|---:|---:|---:|---:|---|"
    )
    print(
        f"| {days} | {rows:,} | {database.stat().st_size / 2**20:,.0f} MiB | {len(asked)} "
        f"| {_p95(asked) * 1000:.0f} ms | {len(told)} | {_p95(told) * 1000:.0f} ms "
        f"| {max(told)[1]}, {max(told)[0] * 1000:.0f} ms |",
        flush=True,
    )
    for seconds, query in sorted(asked, reverse=True)[:5]:
        print(f"  dashboard: {seconds * 1000:.0f} ms {' '.join(query.split())[:100]}", flush=True)


def draw(source: Path, days: int, target: Path) -> int:
    """Write a file of `days` days; the rows of organizations in it."""
    with duckdb.connect() as connection, tempfile.TemporaryDirectory(dir=target.parent) as spill:
        connection.execute("set memory_limit = '3GiB'")
        connection.execute(f"set temp_directory = {literal(spill)}")
        connection.execute(f"attach {literal(source)} as source (read_only)")
        connection.execute(f"attach {literal(target)} as target (storage_version 'v1.0.0')")
        for name, columns in columns_of(connection, "source", "main").items():
            relation = f"source.main.{name}"
            if name in TABLES and accumulates(name):
                drawn = ", ".join(_drawn(*column, days) for column in columns)
                # Ordered by what is drawn, not by what it is drawn from.
                relation = (
                    f"(select {drawn} from {relation}, range({days}) as past(n) "
                    f"where snapshot_date = (select max(snapshot_date) from {relation})) "
                    f"order by {order_of(name)}"
                )
            connection.execute(f"create table target.main.{name} as from {relation}")
        found = connection.execute(
            "select count(*) from target.main.fct_organization_share_daily"
        ).fetchall()
    return int(found[0][0])


# What moves each day; the cadence of an organization stays for days.
_MOVING = ("share_of_", "downloads", "gap")
_CHANGE = re.compile(r"share_change_(\d+)d")


def _drawn(name: str, kind: str, days: int) -> str:
    if name == "snapshot_date":
        return "(snapshot_date - n::integer)::date as snapshot_date"
    if change := _CHANGE.fullmatch(name):
        # Of few days the source has none; a year has one of each day but the first ones.
        before = int(change[1])
        value = f"round({_moved('share_of_all')} - {_moved('share_of_all', before)}, 10)"
        return f'case when n + {before} < {days} then {value} end as "{name}"'
    if kind == "DOUBLE" and name.startswith(_MOVING) and "weeks" not in name:
        # With as many digits as a measured figure has: shares have ten, whole downloads stay
        # whole, and what is divided by credit has nine.
        digits = "10"
        if name.startswith("downloads"):
            digits = f'case when "{name}" = round("{name}") then 0 else 9 end'
        return f'round({_moved(name)}, {digits}) as "{name}"'
    return f'"{name}"'


def _moved(name: str, days_before: int = 0) -> str:
    """Up to 1 % less than on the newest day."""
    n = f"n + {days_before}"
    return f'"{name}" * (1 - (hash({n}, "{name}") % 1000) / 1e5 * ({n} > 0)::integer)'


@contextmanager
def _timed() -> Iterator[list[tuple[float, str]]]:
    asked: list[tuple[float, str]] = []
    run = publication.Publication.run

    def timed(self: publication.Publication, sql: str) -> publication.Answer:
        begun = time.monotonic()
        answer = run(self, sql)
        asked.append((time.monotonic() - begun, sql))
        return answer

    with patch.object(publication.Publication, "run", timed):
        yield asked


def _p95(times: list[tuple[float, str]]) -> float:
    ordered = sorted(seconds for seconds, _ in times)
    return ordered[int(len(ordered) * 0.95)]
