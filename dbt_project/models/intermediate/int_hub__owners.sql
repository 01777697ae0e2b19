{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='organization',
    on_schema_change='fail',
) }}

with seen as (

    select
        organization,
        author_type as recorded_type,
        min(snapshot_date) as first_seen_on
    from {{ ref('int_hub__model_days') }}
    group by all

    union all

    select
        root_organization as organization,
        null as recorded_type,
        min(snapshot_date) as first_seen_on
    from {{ ref('int_hub__lineage') }}
    group by all

    {% if is_incremental() %}
    union all

    select organization, recorded_type, first_seen_on from {{ this }}
    {% endif %}

),

-- Whoever any day calls an organization is one.
final as (

    select
        organization,
        coalesce(
            max(recorded_type) filter (recorded_type = 'org'),
            max(recorded_type)
        ) as recorded_type,
        min(first_seen_on) as first_seen_on
    from seen
    group by all

)

select * from final
