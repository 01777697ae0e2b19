with records as (

    select * from {{ source('raw', 'hub_spaces') }}

),

final as (

    select
        snapshot_date,
        coalesce("_id", id) as space_key,
        id as space_id,
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
        likes,
        sdk,
        tags

    from records

)

select * from final
