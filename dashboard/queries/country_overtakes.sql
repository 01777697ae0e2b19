select
    overtaken_on,
    attribution,
    leader,
    follower,
    leader_share,
    follower_share,
    confirmed,
    is_certain
from fct_overtakes
where
    window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and overtaken_on > $first_day
    and entity_kind = 'country'
order by overtaken_on desc, attribution, leader_share desc
