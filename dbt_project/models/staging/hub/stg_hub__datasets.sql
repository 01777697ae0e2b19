with records as (

    select * from {{ source('raw', 'hub_datasets') }}

),

final as (

    select
        snapshot_date,
        coalesce("_id", id) as dataset_key,
        id as dataset_id,
        coalesce(
            case when id like '%/%' then split_part(id, '/', 1) end,
            nullif(author, ''),
            '(no namespace)'
        ) as organization,
        case
            when not coalesce({{ is_default_date('"createdAt"') }}, false)
                then "createdAt"
        end as created_at,
        "lastModified" as last_modified_at,
        downloads as downloads_30d,
        "downloadsAllTime" as downloads_all_time,
        likes,
        gated,
        tags

    from records

)

select * from final
