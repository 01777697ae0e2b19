{#-
    Written again is what changed: of 5 million models a quarter of a percent a day, where the day
    and the downloads of each change daily. So both are null as long as the newest snapshot has the
    model, and told by int_hub__model_history and int_hub__last_sights. What follows from the record
    alone, as the licence from the tags, is not compared and found for what is written only.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='model_key',
    on_schema_change='fail',
) }}

{% set described = [
    'model_id',
    'organization',
    'model_name',
    'created_at',
    'created_at_is_default',
    'tags',
    'pipeline_tag',
    'library_name',
    'parameters_count',
    'root_fingerprint',
] %}

with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

model_days as (

    select snapshot_date, model_key, created_at
    from {{ ref('int_hub__model_days') }}

),

build_window as (

    select * from {{ source('raw', 'build_window') }}

),

snapshots as (

    select * from {{ source('raw', 'snapshots') }}

),

rows_set_aside as (

    select snapshot_date, id from {{ source('raw', 'rows_set_aside') }}

),

last_sights as (

    select snapshot_date, model_key, downloads_30d
    from {{ ref('int_hub__last_sights') }}

),

-- The snapshot before each, and whether it was whole.
previous_days as (

    select
        snapshot_date,
        lag(snapshot_date) over (order by snapshot_date) as previous_date,
        coalesce(
            lag(is_whole) over (order by snapshot_date), false
        ) as is_previous_whole
    from snapshots

),

-- Who is there on a day and was set aside on the one before, by the name of that day: a model may
-- have another by now. Not from `model_days`: read often it is written out, then with its texts.
were_set_aside as (

    select days.snapshot_date, days.model_key
    from {{ ref('int_hub__model_days') }} as days
    inner join previous_days
        on days.snapshot_date = previous_days.snapshot_date
    inner join rows_set_aside
        on
            previous_days.previous_date = rows_set_aside.snapshot_date
            and days.model_id = rows_set_aside.id

),

-- What the days of this build before its last one have; a build of one day has none.
days_before as (

    select
        model_days.model_key,
        min(model_days.snapshot_date) as first_seen_on,
        max(model_days.snapshot_date) as last_seen_on,
        min(model_days.created_at) as created_at
    from model_days
    inner join build_window on model_days.snapshot_date < build_window.to_date
    group by model_days.model_key

),

current_keys as (

    select model_days.model_key
    from model_days
    inner join build_window on model_days.snapshot_date = build_window.to_date

),

gone_meanwhile as (

    select days_before.model_key, days_before.last_seen_on
    from days_before
    anti join current_keys on days_before.model_key = current_keys.model_key

),

seen as (

    select
        models.*,
        null::date as last_seen_on
    from models
    inner join build_window on models.snapshot_date = build_window.to_date

    union all

    select
        models.*,
        models.snapshot_date as last_seen_on
    from models
    inner join gone_meanwhile
        on
            models.snapshot_date = gone_meanwhile.last_seen_on
            and models.model_key = gone_meanwhile.model_key

),

roots as {{ read_anew() }} (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization
    from {{ ref('int_hub__lineage_roots') }}
    where is_main_root

),

-- Compared are numbers: the texts of millions of roots are not kept in memory.
root_fingerprints as (

    select
        snapshot_date,
        model_key,
        {{ fingerprint(['root_model_id', 'root_organization']) }}
            as root_fingerprint
    from roots

),

described as (

    select
        seen.snapshot_date,
        seen.model_key,
        seen.model_id,
        seen.organization,
        seen.model_name,
        coalesce(days_before.first_seen_on, seen.snapshot_date)
            as first_seen_on,
        -- An id that is deleted and made anew does not come out again.
        least(days_before.created_at, seen.created_at) as created_at,
        seen.created_at_is_default,
        seen.last_seen_on,
        seen.tags,
        seen.pipeline_tag,
        seen.library_name,
        seen.parameters_count,
        case when seen.last_seen_on is not null then seen.downloads_30d
        end as downloads_30d,
        root_fingerprints.root_fingerprint

    from seen
    left join days_before on seen.model_key = days_before.model_key
    left join root_fingerprints
        on
            seen.snapshot_date = root_fingerprints.snapshot_date
            and seen.model_key = root_fingerprints.model_key

),

-- Of who is gone there is none: who returns is written again, also as it was.
with_fingerprints as (

    select
        *,
        case when last_seen_on is null then {{ fingerprint(described) }}
        end as fingerprint
    from described

),

{% if is_incremental() %}
changed as (

    select with_fingerprints.*
    from with_fingerprints
    anti join {{ this }} as known
        on
            with_fingerprints.model_key = known.model_key
            and with_fingerprints.fingerprint = known.fingerprint

),

-- There until the build before, and on no day of this one. Keys first: a join keeps what it
-- compares in memory, and of these are few.
vanished_keys as (

    select known.model_key
    from {{ this }} as known
    anti join model_days on known.model_key = model_days.model_key
    where known.last_seen_on is null

),

vanished as (

    select known.*
    from {{ this }} as known
    semi join vanished_keys on known.model_key = vanished_keys.model_key

),
{% else %}
changed as (

    select * from with_fingerprints

),
{% endif %}

final as (

    select
        changed.model_key,
        changed.model_id,
        changed.organization,
        changed.model_name,
        least(
            {% if is_incremental() %}known.created_at,{% endif %}
            changed.created_at
        ) as created_at,
        changed.created_at_is_default,
        coalesce(
            {% if is_incremental() %}known.first_seen_on,{% endif %}
            changed.first_seen_on
        ) as first_seen_on,
        changed.last_seen_on,
        -- Whose row was set aside was there.
        coalesce(
            {% if is_incremental() %}
            known.was_absent_from_previous_whole_snapshot,
            {% endif %}
            previous_days.is_previous_whole
            and were_set_aside.model_key is null,
            false
        ) as was_absent_from_previous_whole_snapshot,
        changed.tags,
        changed.pipeline_tag,
        changed.library_name,
        {{ license_of('changed.tags') }} as license,
        changed.parameters_count,
        {{ is_language_model('changed.pipeline_tag', 'changed.tags') }}
            as is_language_model,
        changed.downloads_30d,
        coalesce(roots.root_model_id, changed.model_id) as root_base_model,
        coalesce(roots.root_organization, changed.organization)
            as root_organization,
        changed.fingerprint,
        {{ fingerprint([
            'changed.organization',
            'changed.model_name',
            'changed.tags',
            'changed.library_name',
        ]) }} as release_fingerprint

    from changed
    left join roots
        on
            changed.snapshot_date = roots.snapshot_date
            and changed.model_key = roots.model_key
    left join previous_days
        on changed.first_seen_on = previous_days.snapshot_date
    left join were_set_aside
        on
            changed.first_seen_on = were_set_aside.snapshot_date
            and changed.model_key = were_set_aside.model_key
    {% if is_incremental() %}
    left join {{ this }} as known on changed.model_key = known.model_key

    union all

    select
        vanished.* replace (
            previous_days.previous_date as last_seen_on,
            last_sights.downloads_30d as downloads_30d,
            null as fingerprint
        )
    from vanished
    cross join build_window
    inner join previous_days on build_window.from_date = previous_days.snapshot_date
    left join last_sights
        on
            previous_days.previous_date = last_sights.snapshot_date
            and vanished.model_key = last_sights.model_key
    {% endif %}

)

select * from final
