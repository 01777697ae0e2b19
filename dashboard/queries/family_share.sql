select
    snapshot_date,
    family,
    share_of_all
from fct_family_share_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and attribution = 'base_model'
    and family in $families
    and share_of_all is not null
order by family, snapshot_date
