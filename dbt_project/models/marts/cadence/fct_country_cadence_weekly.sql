with counts as (

    select * from {{ ref('int_hub__release_counts') }}

),

curated as (

    select * from {{ ref('int_hub__curated_organizations') }}

),

owner_types as (

    select * from {{ ref('int_hub__owner_types') }}

),

-- The home that the organization had on that day.
with_home as (

    select
        date_trunc('week', counts.counted_on)::date as week_start_date,
        case
            when curated.organization is not null then curated.country_key
            else
                'unattributed_' || coalesce(owner_types.owner_type, 'unknown')
        end as country_key,
        counts.organization,
        counts.release_type,
        sum(counts.releases_count) as releases_count,
        sum(counts.launches_count) as launches_count

    from counts
    left join owner_types on counts.organization = owner_types.organization
    left join curated
        on
            counts.organization = curated.organization
            and counts.counted_on >= curated.valid_from
            and counts.counted_on <= coalesce(
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
