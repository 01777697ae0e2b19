select
    organization,
    launches_365d,
    releases_365d,
    median_days_between_launches,
    p90_days_between_launches,
    share_of_weeks_with_launch,
    current_week_streak,
    days_since_last_launch
from fct_organization_cadence_daily
where snapshot_date = $day and organization in $organizations
order by organization
