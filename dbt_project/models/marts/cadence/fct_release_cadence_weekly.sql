with releases as (

    select * from {{ ref('int_hub__releases') }} where released_on is not null

),

counted as (

    select
        date_trunc('week', released_on)::date as week_start_date,
        organization,
        release_type,
        1 as releases_count,
        0 as launches_count
    from releases

    union all

    -- A launch is dated by its first release and typed by its most basic.
    select
        date_trunc('week', launched_on)::date as week_start_date,
        organization,
        release_type,
        0 as releases_count,
        1 as launches_count
    from releases
    where is_launch

),

final as (

    select
        week_start_date,
        case
            when grouping(organization) = 1 then '(all)' else organization
        end as organization,
        case
            when grouping(release_type) = 1 then 'all' else release_type
        end as release_type,
        sum(releases_count)::bigint as releases_count,
        sum(launches_count)::bigint as launches_count

    from counted
    group by grouping sets (
        (week_start_date, organization, release_type),
        (week_start_date, organization),
        (week_start_date, release_type),
        (week_start_date)
    )

)

select * from final
