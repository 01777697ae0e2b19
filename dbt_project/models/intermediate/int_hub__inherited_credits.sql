with lineage as (

    select * from {{ ref('int_hub__lineage') }}

),

model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

by_root_organization as (

    select
        snapshot_date,
        model_key,
        root_organization as organization,
        sum(credit)::decimal(18, 12) as credit
    from lineage
    group by all

),

final as (

    select
        shares.snapshot_date,
        shares.model_key,
        shares.organization,
        model_days.is_new_365d,
        model_days.is_language_model,
        shares.credit >= 0.999999999 as is_whole
        {% for window in download_windows() %},
        case when shares.credit >= 0.999999999
            then model_days.downloads_{{ window }}::decimal(38, 6)
            else (
                model_days.downloads_{{ window }}::decimal(18, 0)
                * shares.credit
            )::decimal(38, 6)
        end as downloads_{{ window }}
        {% endfor %}

    from by_root_organization as shares
    inner join model_days
        on
            shares.snapshot_date = model_days.snapshot_date
            and shares.model_key = model_days.model_key

)

select * from final
