-- Roots of every model of a day, and of those that are gone as they were when last seen.
with roots as (

    select * from {{ ref('int_hub__lineage_roots') }}

),

absent as (

    select * from {{ ref('int_hub__absent_models') }}

),

sighted as (

    select * from roots

    union all

    select last_roots.*
    from {{ ref('int_hub__last_roots') }} as last_roots
    inner join {{ source('raw', 'build_window') }} as build_window
        on last_roots.snapshot_date < build_window.from_date

),

final as (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        credit
    from roots

    union all

    select
        absent.snapshot_date,
        absent.model_key,
        sighted.root_model_id,
        sighted.root_organization,
        sighted.credit
    from absent
    inner join sighted
        on
            absent.sighted_on = sighted.snapshot_date
            and absent.model_key = sighted.model_key

)

select * from final
