{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='model_key',
    on_schema_change='fail',
) }}

with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

roots as (

    -- Of several roots the one with the largest credit, then the first by name.
    select
        snapshot_date,
        model_key,
        root_model_id as root_base_model,
        root_organization
    from {{ ref('int_hub__lineage') }}
    qualify row_number() over (
        partition by snapshot_date, model_key
        order by credit desc, root_model_id
    ) = 1

),

snapshots as (

    select * from {{ source('raw', 'snapshots') }}

),

-- The snapshot before each, and whether it was whole.
previous_days as (

    select
        snapshot_date,
        coalesce(
            lag(is_whole) over (order by snapshot_date), false
        ) as is_previous_whole
    from snapshots

),

seen as (

    select
        model_key,
        min(snapshot_date) as first_seen_on,
        max(snapshot_date) as last_seen_on,
        -- An id that is deleted and made anew does not come out again.
        min(created_at) as created_at
    from models
    group by all

),

current_build as (

    select
        seen.model_key,
        newest.model_id,
        newest.organization,
        newest.model_name,
        seen.created_at,
        newest.created_at_is_default,
        seen.first_seen_on,
        seen.last_seen_on,
        coalesce(previous_days.is_previous_whole, false)
            as was_absent_from_previous_whole_snapshot,
        newest.tags,
        newest.pipeline_tag,
        newest.library_name,
        newest.license,
        newest.parameters_count,
        newest.is_language_model,
        newest.downloads_30d,
        coalesce(roots.root_base_model, newest.model_id) as root_base_model,
        coalesce(roots.root_organization, newest.organization)
            as root_organization

    from models as newest
    inner join seen
        on
            newest.model_key = seen.model_key
            and newest.snapshot_date = seen.last_seen_on
    left join previous_days on seen.first_seen_on = previous_days.snapshot_date
    left join roots
        on
            newest.snapshot_date = roots.snapshot_date
            and newest.model_key = roots.model_key

),

final as (

    {% if is_incremental() %}
    select
        current_build.* replace (
            coalesce(earlier.first_seen_on, current_build.first_seen_on)
                as first_seen_on,
            least(earlier.created_at, current_build.created_at) as created_at,
            coalesce(
                earlier.was_absent_from_previous_whole_snapshot,
                current_build.was_absent_from_previous_whole_snapshot
            ) as was_absent_from_previous_whole_snapshot
        )
    from current_build
    left join {{ this }} as earlier on current_build.model_key = earlier.model_key
    {% else %}
    select * from current_build
    {% endif %}

)

select * from final
