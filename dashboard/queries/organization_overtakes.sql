select
    overtaken_on,
    attribution,
    leader,
    follower,
    leader_share,
    follower_share,
    confirmed
from fct_overtakes
where
    window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and overtaken_on > $first_day
    and leader not in (select country_key from dim_countries)
order by overtaken_on desc, attribution, leader_share desc
limit 12
