"""The hand-written script's look at the models: read, dated, traced to their roots.

What belongs here: the temporary tables that hold a row a model, or a row a model and root, each
as narrow as it can be. Keys are 128-bit hashes of the texts: `k` of the model's key, `m` of its
id, `o` of its organization, `g` of its release group. What is summed up from them is in
`lean_marts.py`.
"""

from __future__ import annotations

from benchmarks import lean_names
from benchmarks.lean_names import quoted, vocabulary

TASKS = (
    "text-generation", "text2text-generation", "image-text-to-text", "video-text-to-text",
    "audio-text-to-text", "any-to-any",
)  # fmt: skip

SEEDS = """
create temp table home as
select *, md5_number(organization) as o, alternative_country_key is not null or confidence = 'low'
    as is_contested
from (
    select organization, canonical_organization,
        case when is_international then 'international'
            else coalesce(country_code, 'unattributed_organization') end as country_key,
        alternative_country_code as alternative_country_key, organization_type,
        coalesce(ultimate_parent, parent) as parent, confidence, evidence,
        coalesce(valid_from, date '1900-01-01') as valid_from, valid_to
    from read_csv('{seeds}/hub_organizations.csv', header = true, quote = '"', types = {
        'is_international': 'boolean', 'valid_from': 'date', 'valid_to': 'date',
        'country_code': 'varchar', 'alternative_country_code': 'varchar'})
    union all
    select organization, canonical_organization,
        case when is_international::boolean then 'international'
            else coalesce(nullif(country_code, ''), 'unattributed_organization') end,
        nullif(alternative_country_code, ''), organization_type, nullif(parent, ''), confidence,
        evidence, coalesce(valid_from::date, date '1900-01-01'), valid_to::date
    from read_csv('{homes}', header = true, quote = '"', all_varchar = true)
);
create temp table person as
select organization, confidence, evidence
from read_csv('{seeds}/hub_individuals.csv', header = true, quote = '"', all_varchar = true);
create temp table legacy as
select model_id, split_part(new_model_id, '/', 1) as organization
from read_csv('{seeds}/legacy_model_ids.csv', header = true, all_varchar = true);
create temp table override as
select md5_number(model_id) as m, nullif(base_model_id, '') as base_model_id
from read_csv('{seeds}/lineage_overrides.csv', header = true, quote = '"', all_varchar = true);
create temp table correction as
select md5_number(model_id) as m, released_on::date as released_on
from read_csv('{seeds}/release_date_corrections.csv', header = true, quote = '"',
    all_varchar = true);
"""

# What the state knows of a model, beside its row in dim_models.
KNOWN_COLUMNS = """
    k uhugeint, m uhugeint, o uhugeint, created_at timestamp, first_seen_on date,
    last_seen_on date, absent_on date, release_type utinyint, release_group varchar,
    print ubigint, is_made boolean, is_language_model boolean, downloads_30d bigint,
    parameters_count bigint, counter bigint, counted_on date, floor bigint, moves ubigint
"""
FLOOR = """case when counter < counter_before or counted_on < date '{before}'
    then greatest(coalesce(floor, counter_before), counter_before) else floor end"""
KNOWN = f"""
select today.k, m, o, first_created_at as created_at, first_seen_on,
    date '{{day}}' as last_seen_on, absent_on,
    coalesce(classes.release_type, today.release_type) as release_type,
    coalesce(classes.release_group, today.release_group) as release_group, print, is_made,
    is_language_model, d30::bigint as downloads_30d, parameters_count,
    coalesce(counter, counter_before) as counter,
    case when counter is null then counted_on else date '{{day}}' end as counted_on,
    {FLOOR} as floor, moves
from today left join classes using (k)
union all
from known where k in (select k from release where not is_here)
"""

# The rows of today beside what the state knows of them. Tags are kept of those alone whose
# name, tags or library changed, or whose families a claim counts: these are classified anew.
# It is the one wide table. In a file it would be a fifth as large, for four times the processor
# time (1 million rows, DuckDB 1.5.5): what memory does not hold is spilled.
TODAY = f"""
create temp table today as
select
    md5_number(model_key) as k, md5_number(model_id) as m, md5_number(r.organization) as o,
    model_key, model_id,
    r.organization, author_type, r.created_at,
    least(r.created_at, known.created_at) as first_created_at,
    case when known.k is not null then known.first_seen_on else date '{{day}}' end
        as first_seen_on,
    case when known.k is not null then known.absent_on else {{absent_on}} end as absent_on,
    coalesce(r.created_at > timestamp '{{day}}' - interval 365 day, false) as is_new,
    coalesce(pipeline_tag in ({quoted(list(TASKS))}),
        list_has_any(tags, [{quoted(vocabulary("language_model_tags"))}]), false)
        as is_language_model,
    pipeline_tag, library_name, r.parameters_count,
    nullif(replace(list_filter(tags, lambda tag: starts_with(tag, 'license:'))[1],
        'license:', ''), '') as license,
    list_filter(tags, lambda tag: starts_with(tag, 'base_model:')) as parent_tags,
    len(parent_tags) > 0 or md5_number(model_id) in (select m from override) as is_lineage_known,
    hash(r.organization, name, tags, library_name) as print,
    case when known.print is distinct from hash(r.organization, name, tags, library_name)
            or md5_number(r.organization) in (select o from claimed_owner)
        then coalesce('|' || array_to_string(tags, '||') || '|', '') end as tag_text,
    tags is not null as has_tags, hash(r.downloads, r.counter, likes, changed_at) as moves,
    coalesce(known.last_seen_on = date '{{before}}', false) as was_there,
    was_there and known.moves = hash(r.downloads, r.counter, likes, changed_at) as is_unmoved,
    was_there and known.downloads_30d >= 1000 and r.downloads / 200 >= known.downloads_30d
        as is_jump,
    r.downloads::double as d30, r.counter, known.counter as counter_before, known.counted_on,
    known.floor, known.m as known_m, known.release_type, known.release_group,
    coalesce(case when known.m = md5_number(model_id) then known.is_made end,
        {lean_names.is_made_of_another("model_id", lean_names.NAME)}) as is_made
from (
    select
        coalesce(_id, id) as model_key, id as model_id,
        case when contains(id, '/') then split_part(id, '/', 1)
            else coalesce(nullif(author, ''), legacy.organization, '(no namespace)') end
            as organization,
        case when contains(id, '/') then split_part(id, '/', 2) else id end as name,
        author_type,
        case when createdAt < timestamp '2022-03-02 23:29:04'
            or createdAt >= timestamp '2022-03-02 23:29:06' then createdAt end as created_at,
        tags, pipeline_tag, library_name, safetensors_total as parameters_count, downloads,
        downloadsAllTime as counter, likes, lastModified as changed_at
    from read_parquet('{{today}}', hive_partitioning = false)
    left join legacy on id = legacy.model_id
) as r
left join known on md5_number(r.model_key) = known.k
"""
CHANGED = f"""(
    select k, organization, {lean_names.NAME} as name, coalesce(library_name, '') as library,
        tag_text
    from today where tag_text is not null)"""
CLASSES = f"""
create temp table classes as
select k, release_type, stem as release_group
from ({lean_names.READ})
""".replace("{rows}", CHANGED)

# How the counters of the day stand, against those of the day before.
STATUS = """
create temp table status as
select
    count(counter) as models,
    count(*) filter (is_common) as common,
    sum(greatest(counter - counter_before, 0)) filter (is_common)::double as rise,
    count(*) filter (is_common and counter < counter_before) as fallen,
    count(*) filter (is_common and d30 > 60000) as large,
    count(*) filter (is_common and d30 > 60000 and counter = counter_before) as frozen
from (
    select counter, counter_before, d30,
        coalesce(counter is not null and counted_on = date '{before}', false) as is_common
    from today
)
"""

# The parents that are declared, or told by an override, and the roots that they lead to. Who is
# in a cycle is his own root, as is who names a parent that nobody can read.
EDGES = """
create temp table edge as
with declared as (
    select m, unnest(parents) as parent, 1.0 / len(parents) as credit
    from (
        select m, list_distinct(list_transform(parent_tags, lambda tag: regexp_replace(tag,
            '^base_model:((finetune|quantized|adapter|merge):)?', ''))) as parents
        from today
        where len(parent_tags) > 0 and m not in (select m from override)
    )
    union all
    select m, base_model_id, 1.0
    from override
    where base_model_id is not null and m in (select m from today)
)
select m, md5_number(parent) as p, parent, credit,
    regexp_full_match(parent, '[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?') as is_readable,
    p in (select m from today) as is_present
from declared;
alter table today drop parent_tags;
"""
CYCLES = """
create temp table cycle as
with recursive inner_edge as (
    select m, p from edge where is_present and m in (select p from edge)
),
above as (
    select m, p from inner_edge
    union
    select above.m, inner_edge.p from above join inner_edge on above.p = inner_edge.m
)
select distinct m from above where m = p
"""
STEPS = """
create temp table step as
select m, case when is_readable then p else m end as p, credit,
    not is_readable or not is_present
    or p not in (select m from edge where m not in (select m from cycle)) as is_end
from edge where m not in (select m from cycle)
"""
ABSENT = """
create temp table absent as
select m, parent as model_id, md5_number(owner) as o, owner as organization
from (
    select distinct p as m, parent, coalesce(
        case when contains(parent, '/') then split_part(parent, '/', 1) end,
        legacy.organization, '(no namespace)') as owner
    from edge left join legacy on parent = legacy.model_id
    where is_readable and not is_present and m not in (select m from cycle)
)
"""
ROOTS = """
create temp table root as
with recursive walk as (
    select m, p, credit, is_end from step
    union all
    select walk.m, step.p, sum(walk.credit * step.credit), step.is_end
    from walk join step on walk.p = step.m
    where not walk.is_end
    group by all
),
reached as (
    select m, p as root, sum(credit) as credit from walk where is_end group by all
)
select reached.m, root, coalesce(today.o, absent.o) as root_o, credit
from reached
left join today on root = today.m
left join absent on root = absent.m
"""

# What the sums are made of. `d_1d` is corrected: a fall is nothing, and nothing counts until the
# counter passes its old maximum; after an absence the rise is spread evenly.
FACTS = """
create temp table fact as
select
    today.m, o, is_new, is_language_model, created_at,
    is_lineage_known,
    heir.m is not null as is_heir, ancestor.m is not null as is_ancestor,
    is_made and today.m not in (select m from override where base_model_id is null) as is_made,
    {corrected} as d_1d, {uncorrected} as u_1d, d30, counter::double as d_all
from today
left join (select distinct m from root) as heir on today.m = heir.m
left join (select distinct root as m from root) as ancestor on today.m = ancestor.m
"""
# Null where the counter tells of no part of the day.
CORRECTED = """case
    when counter is null then null
    when counter_before is null
        then case when created_at::date >= date '{before}' then counter end
    else greatest(counter - greatest(coalesce(floor, counter_before), counter_before), 0)
        / (date '{day}' - counted_on) end::double"""
UNCORRECTED = """case
    when counter is null then null
    when counter_before is null
        then case when created_at::date >= date '{before}' then counter end
    else (counter - counter_before) / (date '{day}' - counted_on) end::double"""

# All releases that are known: those of today, and of models that are gone.
RELEASES = """
create temp table release as
with dated as (
    select k, m, o, first_created_at as created_at, first_seen_on, absent_on,
        coalesce(classes.release_type, today.release_type) as release_type,
        xor(o, md5_number('/' || coalesce(classes.release_group, today.release_group))) as g,
        true as is_here
    from today left join classes using (k)
    union all
    select k, m, o, created_at, first_seen_on, absent_on, release_type,
        xor(o, md5_number('/' || release_group)), false
    from known anti join today using (k)
),
told as (
    select *, absent_on is not null and coalesce(created_at::date < absent_on, true)
        as was_private
    from dated
)
select told.* exclude (was_private),
    case when correction.m is not null then correction.released_on
        when was_private then first_seen_on else created_at::date end as released_on,
    case when correction.m is not null then 1 when was_private then 2
        when created_at is not null then 3 else 4 end::utinyint as source
from told left join correction using (m)
"""
SOURCES = ("correction", "first_seen", "created_at", "unknown")
# A launch is what a group released within 7 days of its first; then the next begins. Its type is
# that of its most basic member.
LAUNCHES = """
create temp table launch as
with span as (
    select g, any_value(o) as o, min(released_on) as first_on, max(released_on) as last_on,
        min(release_type) as release_type
    from release where released_on is not null group by g
),
long_day as (
    select g, list(released_on order by released_on) as days
    from (
        select distinct g, released_on
        from release semi join (select g from span where last_on > first_on + 7) using (g)
        where released_on is not null
    )
    group by g
),
begun as (
    select g, unnest(list_reduce(list_transform(days, lambda day: [day]),
        lambda kept, day: case when day[1] > kept[-1] + 7 then list_concat(kept, day)
            else kept end)) as launched_on
    from long_day
)
select g, o, first_on as launched_on, release_type from span where last_on <= first_on + 7
union all
select release.g, any_value(o), launched_on, min(release_type)
from (
    -- DuckDB 1.5.5 joins what has no date to the last launch.
    select * from release semi join begun using (g) where released_on is not null
) as release asof join begun
    on release.g = begun.g and release.released_on >= begun.launched_on
group by release.g, launched_on
"""
