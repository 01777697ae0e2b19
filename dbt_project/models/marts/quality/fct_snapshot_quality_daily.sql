with checks as (

    select * from {{ source('raw', 'quality_checks') }}

),

final as (

    select
        snapshot_date,
        check_name,
        status,
        observed_value,
        threshold,
        rows_quarantined

    from checks

)

select * from final
