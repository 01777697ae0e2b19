"""A small home with sealed days, and a warehouse whose marts agree with them.

What belongs here: the cheapest world that the gates and the publisher accept. The real marts
are dbt's; these are computed in plain SQL so that the two cannot share a mistake.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb

from orchestration.gates.tables import TABLES
from orchestration.home import Home, Universe
from orchestration.publication import generation
from orchestration.snapshots import importing, store
from orchestration.snapshots.store import Source

FIRST_DAY = date(2026, 8, 1)
WORLD = Universe("world", "fixture")


def models_of(days: int, *, models: int = 400, first: date = FIRST_DAY, seed: int = 7) -> str:
    """SQL of clean records: `days` days of `models` models, some new every day."""
    return f"""
    select
        date '{first}' + d::integer as snapshot_date,
        format('{{:024x}}', i) as _id,
        format('owner-{{}}/model-{{}}', i % 29, i) as id,
        format('owner-{{}}', i % 29) as author,
        'org' as author_type,
        case when i < {models} then timestamp '2025-01-01' + interval (i) hour
            else date '{first}' + (i - {models})::integer + interval 5 hour end as createdAt,
        createdAt + interval (d + 1) hour as lastModified,
        (1e6 / (i + 1) * (1 + 0.002 * d)
            * (0.995 + 0.01 * (hash({seed}, i, d) % 1000) / 1000))::bigint as downloads,
        (2e7 / (i + 1) + 4e4 / (i + 1) * d)::bigint as downloadsAllTime,
        (1000 / (i + 1))::bigint as likes,
        'false' as gated,
        false as private,
        false as disabled,
        ['transformers', 'license:mit'] as tags,
        if(i % 9 = 0, null, 'text-generation') as pipeline_tag,
        'transformers' as library_name,
        1.5::double as trendingScore,
        i * 1000 as safetensors_total
    from range({days}) as days(d), range({models + days}) as models(i)
    where i < {models} + d
    """


def seal(
    home: Home,
    days: int = 3,
    *,
    models: int = 400,
    first: date = FIRST_DAY,
    change: str = "",
    whole: bool = True,
    universe: Universe = WORLD,
    seed: int = 7,
) -> list[date]:
    """Seal `days` days through the real importer; `change` is SQL run on the table `records`."""
    archive = home.root.parent / f"{home.root.name}-archive.parquet"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table records as {models_of(days, models=models, first=first, seed=seed)}"
        )
        if change:
            connection.execute(change)
        connection.execute(f"copy records to '{archive}' (format parquet)")
    imported = importing.import_archive(
        home, archive, Source("archive", universe, {"path": archive.name}, whole)
    )
    assert not imported.refused, imported.refused
    return imported.dates


def build_warehouse(
    home: Home,
    dates: Iterable[date] | None = None,
    *,
    change: str = "",
    moved: dict[str, str] | None = None,
    without: tuple[str, ...] = (),
    path: Path | None = None,
) -> Path:
    """Write a warehouse with the required marts of `dates` (all that are sealed).

    `change` is SQL run on them at the end; `moved` gives organizations another country, as a
    changed seed would; `without` leaves marts out.
    """
    sealed = {one.snapshot_date: one for one in store.list_sealed(home)}
    chosen = [sealed[day] for day in (sealed if dates is None else dates)]
    target = path or home.warehouse
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with duckdb.connect(str(target)) as connection:
        connection.execute(
            "create schema marts; create schema raw; "
            "create table raw.finished_build as select '{}' as built_from"
        )
        union = " union all ".join(
            f"select date '{one.snapshot_date}' as snapshot_date, * "
            f"from read_parquet('{store.parquet_of(home, one)}', hive_partitioning = false)"
            for one in chosen
        )
        connection.execute(f"create temp table raw as {union}")
        connection.execute(_MARTS.replace("$country", _country(moved or {})))
        for name in without:
            connection.execute(f"drop table marts.{name}")
        for table in TABLES.values():
            if table.name in without or table.name not in _tables(connection):
                continue
            columns = ", ".join(f'"{c.name}"::{c.type} as "{c.name}"' for c in table.columns)
            connection.execute(
                f"create or replace table marts.{table.name} as "
                f"select {columns} from marts.{table.name}"
            )
        if change:
            connection.execute(change)
    return target


def home_with_marts(root: Path, days: int = 3, **sealing: object) -> Home:
    """A home with sealed days and a warehouse that is built from them."""
    home = Home(root)
    seal(home, days, **sealing)  # type: ignore[arg-type]
    build_warehouse(home)
    return home


def copied(home: Home, folder: Path) -> Home:
    """A copy of `home` in `folder`, which a test may spoil."""
    shutil.copytree(home.root, folder / "home", symlinks=True)
    return Home(folder / "home")


def seen(home: Home) -> Path:
    """The generation that readers of `home` see."""
    folder = generation.current(home)
    assert folder is not None
    return folder


def _country(moved: dict[str, str]) -> str:
    """SQL of an organization's country. One owner in six has none."""
    cases = "".join(f"when organization = '{name}' then '{home}' " for name, home in moved.items())
    return (
        f"case {cases}when owner_number % 6 = 5 then 'unattributed_organization' "
        "else ['US', 'CN', 'FR', 'DE', 'KR'][owner_number % 6 + 1] end"
    )


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'")
    return {row[0] for row in found.fetchall()}


_MARTS = """
create temp table models as
select
    snapshot_date, id as model_id, coalesce(_id, id) as model_key, author as organization,
    coalesce(try_cast(split_part(author, '-', 2) as integer), 0) as owner_number,
    $country as country_key, createdAt as created_at,
    downloads as d30, downloadsAllTime as dall,
    coalesce(createdAt > snapshot_date - interval 365 day, false) as is_new
from raw;

create temp table sliced as
select
    snapshot_date, window_name, attribution, cohort, 'all' as scope, organization, country_key,
    sum(if(window_name = '30d', d30, dall))::double as downloads, count(*) as models_count,
    max(if(window_name = '30d', d30, dall))::double as largest
from models, (values ('30d'), ('all_time')) as w(window_name),
    (values ('publisher'), ('base_model')) as a(attribution),
    (values ('all'), ('new_365d')) as c(cohort)
where cohort = 'all' or is_new
group by all;

create table marts.fct_country_share_daily as
with countries as (
    select * exclude (organization, downloads, models_count, largest),
        sum(downloads) as downloads, sum(models_count)::bigint as models_count,
        max(largest) as largest
    from sliced group by all
),
totals as (
    select *, sum(downloads) over slice as total,
        sum(downloads) filter (length(country_key) = 2) over slice as attributed,
        sum(downloads) filter (length(country_key) > 2) over slice as homeless
    from countries
    window slice as (partition by snapshot_date, window_name, attribution, cohort, scope)
)
select * exclude (largest, total, attributed, homeless),
    if(length(country_key) = 2, country_key, null) as country_code,
    if(total > 0, downloads / total, null) as share_of_all,
    if(length(country_key) = 2, downloads / nullif(attributed, 0), null) as share_of_attributed,
    if(length(country_key) = 2, share_of_all, null) as share_of_all_low,
    if(length(country_key) = 2, least((downloads + coalesce(homeless, 0)) / total, 1), null)
        as share_of_all_high,
    (downloads - largest) / nullif(total - largest, 0) as share_of_all_without_largest_model,
    1 as rank, null as share_change_7d, null as share_change_30d,
    downloads as downloads_uncorrected, false as is_provisional,
    if(downloads is null, 'not recorded', if(total > 0, null, 'no downloads')) as null_reason
from totals;

create table marts.fct_organization_share_daily as
select * exclude (largest, total),
    if(length(country_key) = 2, country_key, null) as country_code,
    organization as canonical_organization, null as parent,
    if(total > 0, downloads / total, null) as share_of_all, null as share_of_attributed,
    null as share_of_all_without_largest_model, 1 as rank, null as share_change_7d,
    null as share_change_30d, downloads as downloads_uncorrected, false as is_provisional,
    if(downloads is null, 'not recorded', if(total > 0, null, 'no downloads')) as null_reason
from (
    select *, sum(downloads) over (
        partition by snapshot_date, window_name, attribution, cohort, scope
    ) as total
    from sliced
);

create table marts.fct_family_share_daily as
select snapshot_date, window_name, attribution, cohort, scope,
    organization || '/' || organization as family, family as family_line, organization,
    downloads, models_count, share_of_all, null as share_of_all_without_largest_model, rank,
    null as share_change_7d, null as share_change_30d, downloads_uncorrected,
    if(attribution = 'publisher', models_count, 0)::double as new_derivatives,
    if(attribution = 'publisher', models_count / sum(models_count) over (
        partition by snapshot_date, window_name, attribution, cohort, scope
    ), null) as share_of_new_derivatives, is_provisional, null_reason,
    if(attribution = 'publisher', null, 'nothing is made of another') as derivatives_null_reason
from marts.fct_organization_share_daily;

create table marts.fct_mapping_coverage_daily as
select snapshot_date, window_name, attribution, cohort, scope,
    sum(downloads) filter (country_code is not null) / nullif(sum(downloads), 0)
        as downloads_attributed_share,
    downloads_attributed_share as downloads_accounted_share,
    1.0 as downloads_with_known_lineage_share,
    count(distinct organization) as organizations_mapped_count,
    null as unattributed_top_organization, null as null_reason
from marts.fct_organization_share_daily group by all;

create table marts.fct_release_cadence_weekly as
select date_trunc('week', created_at)::date as week_start_date,
    if(is_all, '(all)', models.organization) as organization, release_type,
    count(distinct model_key) as releases_count, count(distinct model_key) as launches_count
from models, (values ('all'), ('base')) as t(release_type), (values (true), (false)) as a(is_all)
where created_at is not null group by all;

-- No window of a day is measured here, so nothing was corrected.
create table marts.fct_flow_adjustments as
select snapshot_date, model_key, 'fall' as kind, 1.0 as amount, 1 as models_count,
    1 as counter_before, 0 as counter_after, 'it fell' as why
from models where false;

create table marts.fct_snapshot_quality_daily as
select distinct snapshot_date, 'rows_exist' as check_name, 'passed' as status,
    count(*) over (partition by snapshot_date)::double as observed_value,
    'at least 1' as threshold, 0 as rows_quarantined
from models;

create table marts.dim_organizations as
select distinct organization, date '1900-01-01' as valid_from,
    organization as canonical_organization, country_key, null as alternative_country_key,
    'company' as organization_type, null as parent, 'high' as confidence,
    'invented' as evidence, null as valid_to, true as is_current
from models;

create table marts.dim_models as
select model_key, max_by(model_id, snapshot_date) as model_id,
    max_by(organization, snapshot_date) as organization, min(created_at) as created_at,
    'base' as release_type, null as release_group, max(model_id) as root_base_model,
    max(organization) as root_organization, null as library_name, null as pipeline_tag,
    null as license,
    null as parameters_count, min(snapshot_date) as first_seen_on,
    max(snapshot_date) as last_seen_on
from models group by model_key;

create table marts.dim_countries as
select * from (values ('US', 'US', 'United States'), ('CN', 'CN', 'China'), ('FR', 'FR', 'France'),
    ('DE', 'DE', 'Germany'), ('KR', 'KR', 'South Korea'),
    ('unattributed_organization', null, 'Organizations not yet mapped'))
    as t(country_key, country_code, country_name),
    (select null as region, null as sub_region, false as is_eu);

create table marts.dim_dates as
select d::date as date_day, date_trunc('week', d)::date as week_start_date,
    isoyear(d) as iso_year, weekofyear(d) as iso_week,
    date_trunc('month', d)::date as month_start_date,
    d::date in (select snapshot_date from models) as has_snapshot
from range(timestamp '2024-12-30', (select max(snapshot_date) from models) + interval 1 day,
    interval 1 day) as t(d);
"""
