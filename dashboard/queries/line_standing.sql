-- All versions of a brand together, on the newest day and 30 days before, by
-- the root of the lineage: downloads, and the models built on it.
with lines as (

    select
        snapshot_date,
        family_line,
        sum(share_of_all) as share_of_all,
        sum(new_derivatives) as new_derivatives,
        sum(share_of_new_derivatives) as share_of_new_derivatives,
        max(null_reason) as null_reason,
        max(derivatives_null_reason) as derivatives_null_reason
    from fct_family_share_daily
    where
        snapshot_date in ($day, $day - 30)
        and window_name = $window_name
        and cohort = $cohort
        and scope = $scope
        and attribution = 'base_model'
    group by all

)

select
    today.*,
    today.share_of_all - month_ago.share_of_all as share_change_30d,
    today.share_of_new_derivatives - month_ago.share_of_new_derivatives
        as derivatives_change_30d
from lines as today
left join lines as month_ago
    on
        month_ago.family_line = today.family_line
        and month_ago.snapshot_date = today.snapshot_date - 30
where today.snapshot_date = $day
order by today.share_of_all desc nulls last, today.family_line
