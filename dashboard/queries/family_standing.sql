-- The largest families of the newest day, by the root of the lineage, with
-- what their share was 7 and 30 days before.
with shares as (

    select *
    from fct_family_share_daily
    where
        snapshot_date in ($day, $day - 7, $day - 30)
        and window_name = $window_name
        and cohort = $cohort
        and scope = $scope
        and attribution = 'base_model'

)

select
    today.family,
    today.downloads,
    today.models_count,
    today.share_of_all,
    today.share_of_all - week_ago.share_of_all as share_change_7d,
    today.share_of_all - month_ago.share_of_all as share_change_30d,
    today.null_reason
from shares as today
left join shares as week_ago
    on
        week_ago.family = today.family
        and week_ago.snapshot_date = today.snapshot_date - 7
left join shares as month_ago
    on
        month_ago.family = today.family
        and month_ago.snapshot_date = today.snapshot_date - 30
where today.snapshot_date = $day and today.family <> '(other)'
order by today.share_of_all desc nulls last, today.family
limit 50
