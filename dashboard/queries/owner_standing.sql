-- Namespaces summed under the organization that owns them. Its change is that
-- of the sum: a namespace that is new had nothing a week before, and where one
-- was not measured nobody knows it.
with owners as (

    select
        snapshot_date,
        coalesce(parent, canonical_organization, organization) as owner,
        any_value(country_key) as country_key,
        count(*) as namespaces_count,
        string_agg(organization, ', ' order by share_of_all desc) as namespaces,
        sum(downloads) as downloads,
        sum(share_of_all) as share_of_all,
        bool_and(share_of_all is not null) as is_measured
    from fct_organization_share_daily
    where
        snapshot_date in ($day, $day - 7)
        and window_name = $window_name
        and attribution = 'publisher'
        and cohort = $cohort
        and scope = $scope
        and organization <> '(other)'
    group by all

)

select
    today.owner,
    today.country_key,
    today.namespaces_count,
    today.namespaces,
    today.downloads,
    today.share_of_all,
    today.share_of_all - week_before.share_of_all as share_change_7d
from owners as today
left join owners as week_before
    on
        week_before.owner = today.owner
        and week_before.snapshot_date = today.snapshot_date - 7
        and today.is_measured
        and week_before.is_measured
where
    today.snapshot_date = $day
    and today.share_of_all is not null
order by today.share_of_all desc, today.owner
limit 25
