{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='organization',
    on_schema_change='fail',
) }}

with seen as (

    select distinct organization, author_type as recorded_type
    from {{ ref('int_hub__model_days') }}

    union all

    select distinct root_organization as organization, null as recorded_type
    from {{ ref('int_hub__lineage') }}

    {% if is_incremental() %}
    union all

    select organization, recorded_type from {{ this }}
    {% endif %}

),

-- Whoever any day calls an organization is one.
final as (

    select
        organization,
        coalesce(
            max(recorded_type) filter (recorded_type = 'org'),
            max(recorded_type)
        ) as recorded_type
    from seen
    group by all

)

select * from final
