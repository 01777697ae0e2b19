with roots as (

    select * from {{ ref('int_hub__lineage_roots') }}

),

absent as (

    select * from {{ ref('int_hub__absent_models') }}

),

sighted as (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        credit,
        is_main_root
    from roots

    union all

    select
        last_roots.snapshot_date,
        last_roots.model_key,
        last_roots.root_model_id,
        last_roots.root_organization,
        last_roots.credit,
        last_roots.is_main_root
    from {{ ref('int_hub__last_roots') }} as last_roots
    inner join {{ source('raw', 'build_window') }} as build_window
        on last_roots.snapshot_date < build_window.from_date

),

final as (

    select
        absent.snapshot_date,
        absent.model_key,
        sighted.root_model_id,
        sighted.root_organization,
        sighted.credit,
        sighted.is_main_root
    from absent
    inner join sighted
        on
            absent.sighted_on = sighted.snapshot_date
            and absent.model_key = sighted.model_key

)

select * from final
