select
    snapshot_date,
    attribution,
    level,
    hhi,
    gini,
    top_1_share,
    top_10_share,
    top_100_share,
    top_1000_share,
    top_1_percent_share
from fct_concentration_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
order by snapshot_date, attribution, level
