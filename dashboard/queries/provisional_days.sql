-- How many of the newest days of each slice later snapshots may still repair.
select
    window_name,
    cohort,
    scope,
    $day - min(snapshot_date) + 1 as days_count
from fct_country_share_daily
where is_provisional and share_of_all is not null
group by all
having max(snapshot_date) = $day
