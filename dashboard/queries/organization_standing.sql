-- The largest organizations of the newest day of one slice, with their share
-- by origin of the base model beside it.
with day as (

    select *
    from fct_organization_share_daily
    where
        snapshot_date = $day
        and window_name = $window_name
        and cohort = $cohort
        and scope = $scope
        and organization <> '(other)'

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
    origin.share_of_all as origin_share,
    publisher.null_reason
from day as publisher
left join day as origin
    on publisher.organization = origin.organization
    and origin.attribution = 'base_model'
where publisher.attribution = 'publisher'
order by publisher.share_of_all desc nulls last, publisher.organization
limit 100
