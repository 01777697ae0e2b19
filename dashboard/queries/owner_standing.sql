-- Namespaces summed under the organization that owns them.
select
    coalesce(parent, canonical_organization, organization) as owner,
    any_value(country_key) as country_key,
    count(*) as namespaces_count,
    string_agg(organization, ', ' order by share_of_all desc) as namespaces,
    sum(downloads) as downloads,
    sum(share_of_all) as share_of_all,
    sum(share_change_7d) as share_change_7d
from fct_organization_share_daily
where
    snapshot_date = $day
    and window_name = $window_name
    and attribution = 'publisher'
    and cohort = $cohort
    and scope = $scope
    and organization <> '(other)'
    and share_of_all is not null
group by owner
order by share_of_all desc, owner
limit 25
