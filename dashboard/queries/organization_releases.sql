-- Releases a week by type, over the newest 52 weeks.
select
    week_start_date,
    organization,
    release_type,
    releases_count,
    launches_count
from fct_release_cadence_weekly
where
    organization in $organizations
    and release_type <> 'all'
    and week_start_date > $day - 366
order by organization, week_start_date, release_type
