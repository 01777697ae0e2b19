with records as (

    select * from {{ source('raw', 'hub_spaces') }}

),

final as (

    select
        {{ repository_columns('space') }},
        likes,
        sdk,
        tags

    from records

)

select * from final
