with answers as (

    select * from {{ source('raw', 'hub_authors') }}

),

final as (

    select
        author as organization,
        author_type,
        asked_on

    from answers

)

select * from final
