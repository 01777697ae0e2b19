with counts as (

    select * from {{ ref('int_hub__release_counts') }}

),

curated as (

    select distinct organization
    from {{ ref('int_hub__curated_organizations') }}

),

-- Everybody in a small universe; of the whole Hub those we know and those who
-- release often.
listed as (

    select owners.organization
    from (
        select
            organization,
            sum(releases_count) as releases_count
        from counts
        group by organization
    ) as owners
    left join curated on owners.organization = curated.organization
    qualify
        count(*) over () <= {{ small_universe_organizations() }}
        or curated.organization is not null
        or owners.releases_count >= 20

),

by_type as (

    select
        date_trunc('week', counts.counted_on)::date as week_start_date,
        coalesce(listed.organization, '(other)') as organization,
        counts.release_type,
        sum(counts.releases_count)::bigint as releases_count,
        sum(counts.launches_count)::bigint as launches_count

    from counts
    left join listed on counts.organization = listed.organization
    group by all

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

    from by_type
    group by grouping sets (
        (week_start_date, organization, release_type),
        (week_start_date, organization),
        (week_start_date, release_type),
        (week_start_date)
    )

)

select * from final
