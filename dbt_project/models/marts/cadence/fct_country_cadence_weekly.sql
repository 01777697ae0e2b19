with releases as (

    select * from {{ ref('int_hub__releases') }} where released_on is not null

),

curated as (

    select * from {{ ref('int_hub__curated_organizations') }}

),

owner_types as (

    select * from {{ ref('int_hub__owner_types') }}

),

counted as (

    select
        released_on as counted_on,
        organization,
        release_type,
        count(*) as releases_count,
        0 as launches_count
    from releases
    group by all

    union all

    select
        launched_on as counted_on,
        organization,
        release_type,
        0 as releases_count,
        count(*) as launches_count
    from releases
    where is_launch
    group by all

),

-- The home that the organization had on that day.
with_home as (

    select
        date_trunc('week', counted.counted_on)::date as week_start_date,
        case
            when curated.organization is not null then curated.country_key
            else
                'unattributed_' || coalesce(owner_types.owner_type, 'unknown')
        end as country_key,
        counted.organization,
        counted.release_type,
        sum(counted.releases_count) as releases_count,
        sum(counted.launches_count) as launches_count

    from counted
    left join owner_types on counted.organization = owner_types.organization
    left join curated
        on
            counted.organization = curated.organization
            and counted.counted_on >= curated.valid_from
            and counted.counted_on <= coalesce(
                curated.valid_to, date '2999-12-31'
            )
    group by all

),

final as (

    select
        week_start_date,
        country_key,
        case
            when grouping(release_type) = 1 then 'all' else release_type
        end as release_type,
        sum(releases_count)::bigint as releases_count,
        sum(launches_count)::bigint as launches_count,
        count(
            distinct case when releases_count > 0 then organization end
        ) as organizations_count

    from with_home
    group by grouping sets (
        (week_start_date, country_key, release_type),
        (week_start_date, country_key)
    )

)

select * from final
