-- Every country on the newest day of one slice, by both attributions.
select
    attribution,
    country_key,
    country_code,
    downloads,
    models_count,
    share_of_all,
    share_of_all_low,
    share_of_all_high,
    share_of_all_without_largest_model,
    share_change_7d,
    share_change_30d,
    rank,
    is_provisional,
    null_reason
from fct_country_share_daily
where
    snapshot_date = $day
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
order by attribution, share_of_all desc nulls last, country_key
