with records as (

    select * from {{ source('raw', 'hub_datasets') }}

),

final as (

    select
        {{ repository_columns('dataset') }},
        downloads as downloads_30d,
        "downloadsAllTime" as downloads_all_time,
        likes,
        gated,
        tags

    from records

)

select * from final
