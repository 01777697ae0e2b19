-- The largest organizations of the newest day of one slice, with their share
-- by origin of the base model beside it. By origin, who has no row is in the
-- '(other)' of its country, or nothing is made of its models where there is none.
with day as (

    select *
    from fct_organization_share_daily
    where
        snapshot_date = $day
        and window_name = $window_name
        and cohort = $cohort
        and scope = $scope

),

origin as (

    select *
    from day
    where attribution = 'base_model'

),

origin_of_all as (

    select
        bool_or(share_of_all is not null) as is_measured,
        any_value(null_reason) as null_reason
    from origin

)

select
    publisher.rank,
    publisher.organization,
    coalesce(publisher.parent, publisher.canonical_organization) as owner,
    publisher.country_key,
    publisher.downloads,
    publisher.models_count,
    publisher.share_of_all,
    publisher.share_change_7d,
    publisher.share_change_30d,
    publisher.share_of_all_without_largest_model,
    if(
        origin.organization is null and rest.organization is null and origin_of_all.is_measured,
        0,
        origin.share_of_all
    ) as origin_share,
    origin.organization is null
    and rest.organization is not null
    and origin_of_all.is_measured as origin_is_unnamed,
    coalesce(origin.null_reason, origin_of_all.null_reason) as origin_null_reason,
    publisher.null_reason
from day as publisher
cross join origin_of_all
left join origin
    on publisher.organization = origin.organization
left join origin as rest
    on
        rest.organization = '(other)'
        and publisher.country_key = rest.country_key
where
    publisher.attribution = 'publisher'
    and publisher.organization <> '(other)'
order by publisher.share_of_all desc nulls last, publisher.organization
limit 100
