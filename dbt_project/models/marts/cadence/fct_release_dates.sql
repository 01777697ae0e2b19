with releases as (

    select * from {{ ref('int_hub__launched_releases') }}

),

final as (

    select
        release_date_source,
        case
            when grouping(release_type) = 1 then 'all' else release_type
        end as release_type,
        count(*) as releases_count,
        min(released_on) as first_released_on,
        max(released_on) as last_released_on

    from releases
    group by grouping sets (
        (release_date_source, release_type),
        (release_date_source)
    )

)

select * from final
