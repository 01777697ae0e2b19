-- The largest families of the newest day, by the root of the lineage.
select
    family,
    family_line,
    downloads,
    models_count,
    share_of_all,
    share_change_7d,
    share_change_30d,
    share_of_all_without_largest_model,
    new_derivatives,
    share_of_new_derivatives,
    null_reason
from fct_family_share_daily
where
    snapshot_date = $day
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and attribution = 'base_model'
order by share_of_all desc nulls last, family
limit 40
