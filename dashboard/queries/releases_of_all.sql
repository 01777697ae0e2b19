-- Releases a week of everybody by type, over the newest 52 weeks.
select
    week_start_date,
    release_type,
    releases_count,
    launches_count
from fct_release_cadence_weekly
where
    organization = '(all)'
    and release_type <> 'all'
    and week_start_date > $day - 366
    and week_start_date <= $day
order by week_start_date, release_type
