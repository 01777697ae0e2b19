-- Share of downloads of the largest lines, day by day.
select
    snapshot_date,
    attribution,
    family_line,
    sum(share_of_all) as share_of_all,
    bool_or(is_provisional) as is_provisional
from fct_family_share_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and family_line in $lines
    and share_of_all is not null
group by all
order by attribution, family_line, snapshot_date
