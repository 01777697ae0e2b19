"""The floor: one hand-written DuckDB script from two Parquet snapshots to verified marts.

What belongs here: what a careful person would write who needs today's tables and no history,
corrections, repair, provenance or refusals. It shares no SQL with the dbt project.

It computes country and organization shares, coverage, concentration, weekly releases and the
models' dimension, in the slices of the published tables, for the windows that two days can tell
(1d, 30d, all_time), over both attributions; appends them to yesterday's tables; writes a DuckDB
file and Parquet twins; reads both again and compares them. It leaves out: counters that fall or
stand still, launches, overtakes, families, claims, bands, the gates' comparisons. So it does
less than a day of the observatory, and a ratio to it is an upper bound of what is lost.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import duckdb

WINDOWS = ("1d", "30d", "all_time")
TABLES = {
    "country_share": "snapshot_date, window_name, attribution, cohort, scope, country_key",
    "organization_share": "snapshot_date, window_name, attribution, cohort, scope, organization",
    "coverage": "snapshot_date, window_name, attribution, cohort, scope",
    "concentration": "snapshot_date, window_name, attribution, cohort, scope, level",
    "weekly_releases": "week_start_date, organization, release_type",
    "models": "model_key",
}
SLICE = "window_name, attribution, cohort, scope"
IN_CUT = "(cohort = 'all' or is_new) and (scope = 'all' or is_language_model)"

MODELS = """
create temp table today as
select
    coalesce(t._id, t.id) as model_key, t.id as model_id,
    split_part(t.id, '/', 1) as organization, t.createdAt as created_at,
    t.createdAt > timestamp '{day}' - interval 365 day as is_new,
    t.pipeline_tag in ('text-generation', 'text2text-generation', 'image-text-to-text',
        'video-text-to-text', 'audio-text-to-text', 'any-to-any')
        or (t.pipeline_tag is null and list_has_any(t.tags,
            ['conversational', 'text-generation-inference'])) as is_language_model,
    greatest(t.downloadsAllTime - y.downloadsAllTime, 0) as d_1d,
    t.downloads as d_30d, t.downloadsAllTime as d_all_time,
    list_distinct(list_transform(list_filter(t.tags, lambda tag: starts_with(tag, 'base_model:')),
        lambda tag: regexp_replace(tag, '^base_model:((finetune|quantized|adapter|merge):)?', '')))
        as parents,
    case
        when list_has_any(t.tags, ['gguf', 'mlx', 'onnx']) then 'conversion'
        when len(list_filter(t.tags, lambda tag: tag like 'base_model:quantized:%')) > 0
            then 'quantization'
        when len(list_filter(t.tags, lambda tag: tag like 'base_model:adapter:%')) > 0
            then 'adapter'
        when len(list_filter(t.tags, lambda tag: tag like 'base_model:merge:%')) > 0 then 'merge'
        when len(list_filter(t.tags, lambda tag: tag like 'base_model:%')) > 0 then 'finetune'
        else 'base' end as release_type,
    t.pipeline_tag, t.library_name, t.safetensors_total as parameters_count
from '{today}' as t
left join (select _id, id, downloadsAllTime from '{yesterday}') as y
    on coalesce(t._id, t.id) = coalesce(y._id, y.id)
"""
ROOTS = """
create temp table roots as
with recursive
edges as (
    select model_id, unnest(parents) as parent_id, 1.0 / len(parents) as credit
    from today where len(parents) > 0
),
walk as (
    select model_id, parent_id as node, credit, 1 as depth from edges
    union all
    select walk.model_id, edges.parent_id, walk.credit * edges.credit, depth + 1
    from walk join edges on walk.node = edges.model_id
    where depth < 12
)
select walk.model_id, node as root_id, split_part(node, '/', 1) as root_organization,
    sum(credit) as credit
from walk anti join edges on walk.node = edges.model_id
group by all
"""
OWNERS = """
create temp table owners as
select 'publisher' as attribution, organization, is_new, is_language_model, count(*) as models,
    sum(d_1d)::double as d_1d, sum(d_30d)::double as d_30d, sum(d_all_time)::double as d_all_time
from today group by all
union all
select 'base_model', coalesce(root_organization, organization), is_new, is_language_model,
    count(*), sum(d_1d * coalesce(credit, 1)), sum(d_30d * coalesce(credit, 1)),
    sum(d_all_time * coalesce(credit, 1))
from today left join roots using (model_id) group by all
"""
SLICED = """
create temp table sliced as
select window_name, attribution, cohort, scope, organization,
    coalesce(home.country_key, 'unattributed_unknown') as country_key,
    home.organization is not null as is_curated,
    sum(models)::bigint as models_count, sum(case window_name when '1d' then d_1d
        when '30d' then d_30d else d_all_time end) as downloads
from owners
cross join (select unnest(['1d', '30d', 'all_time']) as window_name)
join (values ('all', 'all'), ('all', 'language_models'), ('new_365d', 'all'),
    ('new_365d', 'language_models')) as cuts (cohort, scope)
    on (cohort = 'all' or is_new) and (scope = 'all' or is_language_model)
left join home using (organization)
group by all
"""
# A model alone has the same downloads in every slice: its counts repeat and are grouped first.
COUNTS = f"""
create temp table counts as
with windows as (select unnest(['1d', '30d', 'all_time']) as window_name),
cuts as (
    from (values ('all', 'all'), ('all', 'language_models'), ('new_365d', 'all'),
        ('new_365d', 'language_models')) as cuts (cohort, scope)
),
alone as (
    select window_name, is_new, is_language_model, case window_name when '1d' then d_1d
        when '30d' then d_30d else d_all_time end::double as downloads, count(*) as entities
    from today cross join windows group by all
),
families as (
    select coalesce(root_id, model_id) as entity, is_new, is_language_model,
        sum(d_1d * coalesce(credit, 1)) as d_1d, sum(d_30d * coalesce(credit, 1)) as d_30d,
        sum(d_all_time * coalesce(credit, 1)) as d_all_time
    from today left join roots using (model_id) group by all
),
cut_families as (
    select cohort, scope, entity, sum(d_1d) as d_1d, sum(d_30d) as d_30d,
        sum(d_all_time) as d_all_time
    from families join cuts on {IN_CUT} group by all
)
select 'organization' as level, {SLICE}, downloads, count(*) as entities
from sliced where downloads >= 0 group by all
union all
select 'model', window_name, 'publisher', cohort, scope, downloads, sum(entities)::bigint
from alone join cuts on {IN_CUT} where downloads >= 0 group by all
union all
select 'model', window_name, 'base_model', cohort, scope, case window_name when '1d' then d_1d
    when '30d' then d_30d else d_all_time end as downloads, count(*)
from cut_families cross join windows where downloads >= 0 group by all
"""
MARTS = {
    "country_share": f"""
        select date '{{day}}' as snapshot_date, *,
            downloads / nullif(sum(downloads) over (partition by {SLICE}), 0) as share_of_all,
            rank() over (partition by {SLICE} order by downloads desc) as rank
        from (select {SLICE}, country_key, sum(models_count)::bigint as models_count,
            sum(downloads) as downloads, max(downloads) as largest from sliced group by all)
        order by all""",
    "organization_share": f"""
        select date '{{day}}' as snapshot_date, *,
            downloads / nullif(sum(downloads) over (partition by {SLICE}), 0) as share_of_all
        from (
            select {SLICE}, case when is_curated or place <= 500 then organization
                else '(other)' end as organization, country_key,
                sum(models_count)::bigint as models_count, sum(downloads) as downloads
            from (select *, row_number() over (partition by {SLICE} order by downloads desc)
                as place from sliced)
            group by all
        )
        order by all""",
    "coverage": f"""
        select date '{{day}}' as snapshot_date, {SLICE},
            sum(downloads) filter (country_key not like 'unattributed%') / nullif(sum(downloads), 0)
                as downloads_attributed_share,
            max_by(organization, downloads) filter (country_key like 'unattributed%')
                as unattributed_top_organization
        from sliced group by all order by all""",
    "concentration": f"""
        with placed as (
            select *, sum(entities) over (partition by level, {SLICE} order by downloads desc
                rows unbounded preceding) - entities as above,
                sum(downloads * entities) over (partition by level, {SLICE}) as total,
                sum(entities) over (partition by level, {SLICE}) as n
            from counts
        )
        select date '{{day}}' as snapshot_date, {SLICE}, level,
            10000 * sum(power(downloads / nullif(total, 0), 2) * entities) as hhi,
            (any_value(n) + 1 - sum(downloads * entities * (2 * above + entities + 1))
                / nullif(any_value(total), 0)) / any_value(n) as gini,
            sum(downloads * greatest(least(entities, 10 - above), 0)) / nullif(any_value(total), 0)
                as top_10_share,
            sum(downloads * greatest(least(entities, 1000 - above), 0))
                / nullif(any_value(total), 0) as top_1000_share
        from placed group by all order by all""",
    "weekly_releases": """
        select date_trunc('week', created_at)::date as week_start_date, organization,
            release_type, count(*) as releases_count
        from today where created_at is not null group by all order by all""",
    "models": """
        select model_key, model_id, organization, created_at, release_type,
            coalesce(root_id, model_id) as root_base_model, pipeline_tag, library_name,
            parameters_count, date '{day}' as last_seen_on
        from today left join (select model_id, max_by(root_id, credit) as root_id
            from roots group by all) using (model_id) order by model_key""",
}


def run(
    yesterday: Path, today: Path, day: str, homes: Path, state: Path | None, folder: Path
) -> dict[str, float]:
    """Compute, write and verify; gives seconds by step. `state` is yesterday's DuckDB file."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    begun = time.monotonic()

    def lap(name: str) -> None:
        nonlocal begun
        seconds[name] = time.monotonic() - begun
        begun = time.monotonic()

    connection = duckdb.connect()
    for setting in (
        "threads = 2",
        "memory_limit = '3GiB'",
        "enable_progress_bar = false",
        "preserve_insertion_order = false",
        f"temp_directory = '{folder / 'spill'}'",
    ):
        connection.execute(f"set {setting}")
    connection.execute(
        "create temp table home as select organization, any_value(country_code) as country_key "
        f"from read_csv('{homes}', all_varchar = true) group by all"
    )
    for name, statement in (
        ("read two days", MODELS),
        ("roots of lineage", ROOTS),
        ("owners", OWNERS),
        ("slices", SLICED),
        ("counts", COUNTS),
    ):
        connection.execute(statement.format(day=day, today=today, yesterday=yesterday))
        lap(name)
    database = folder / "lean.duckdb"
    database.unlink(missing_ok=True)
    connection.execute(f"attach '{database}' as out (storage_version 'v1.0.0')")
    if state is not None:
        connection.execute(f"attach '{state}' as state (read_only)")
    for name, query in MARTS.items():
        connection.execute(f"create table out.{name} as {query.format(day=day)}")
        if state is not None and "snapshot_date" in TABLES[name]:
            connection.execute(f"insert into out.{name} from state.{name}")
    lap("marts and the DuckDB file")
    for name in TABLES:
        connection.execute(f"copy out.{name} to '{folder / name}.parquet' (compression zstd)")
    lap("Parquet twins")
    for name in TABLES:
        counts = []
        for source in (f"out.{name}", f"'{folder / name}.parquet'"):
            columns = f"select count(*), sum(hash({name})) from {source} as {name}"
            counts.append(connection.execute(columns).fetchall())
        grain = f"select count(*) from (select 1 from out.{name} group by {TABLES[name]} "
        repeated = connection.execute(grain + "having count(*) > 1)").fetchall()
        if counts[0] != counts[1] or (repeated != [(0,)] and name != "organization_share"):
            raise SystemExit(f"{name} is not what was written: {counts}, {repeated}")
    off = connection.execute(
        f"select max(abs(share - 1)) from (select sum(share_of_all) as share "
        f"from out.country_share group by snapshot_date, {SLICE})"
    ).fetchall()[0][0]
    if off is None or off > 1e-9:
        raise SystemExit(f"shares do not add up: {off}")
    lap("verify")
    connection.close()
    return seconds


def main() -> None:
    """Run once and print the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("yesterday", "today", "homes", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("day")
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    seconds = run(given.yesterday, given.today, given.day, given.homes, given.state, given.folder)
    for name, taken in seconds.items():
        print(f"{name}: {taken:.1f} s")
    print(f"in all: {sum(seconds.values()):.1f} s")


if __name__ == "__main__":
    main()
