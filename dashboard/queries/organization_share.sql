-- The shares of chosen organizations, day by day, by both attributions.
select
    snapshot_date,
    organization,
    attribution,
    share_of_all,
    downloads,
    is_provisional
from fct_organization_share_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and organization in $organizations
    and share_of_all is not null
order by organization, attribution desc, snapshot_date
