with records as (

    select * from {{ source('raw', 'hub_counters') }}
    where "downloadsAllTime" is not null

),

names as (

    {{ names_with_keys(ref('stg_hub__renames')) }}

),

final as (

    select
        records.snapshot_date,
        {{ model_key('records', 'names') }} as model_key,
        case
            when not coalesce({{ is_default_date('records."createdAt"') }}, false)
                then records."createdAt"
        end as created_at,
        records.downloads as downloads_30d,
        records."downloadsAllTime" as counter

    from records
    left join names on {{ is_named('records', 'names') }}

)

select * from final
