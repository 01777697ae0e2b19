with records as (

    select * from {{ source('raw', 'hub_counters') }}
    where "downloadsAllTime" is not null

),

final as (

    select
        snapshot_date,
        coalesce("_id", id) as model_key,
        case
            when not coalesce({{ is_default_date('"createdAt"') }}, false)
                then "createdAt"
        end as created_at,
        downloads as downloads_30d,
        "downloadsAllTime" as counter

    from records

)

select * from final
