-- Upon whose models those are built that were created in the window, as each
-- day saw it.
select
    snapshot_date,
    family_line,
    sum(new_derivatives) as new_derivatives,
    sum(share_of_new_derivatives) as share_of_new_derivatives
from fct_family_share_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and attribution = 'base_model'
    and family_line in $lines
    and share_of_new_derivatives is not null
group by all
order by family_line, snapshot_date
