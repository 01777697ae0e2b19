{{ config(materialized='view') }}

with final as (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        credit,
        is_main_root
    from {{ ref('int_hub__lineage_roots') }}

    union all

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        credit,
        is_main_root
    from {{ ref('int_hub__absent_roots') }}

)

select * from final
