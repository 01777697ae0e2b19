select
    snapshot_date,
    check_name,
    status,
    observed_value,
    threshold,
    rows_quarantined
from fct_snapshot_quality_daily
where snapshot_date > $first_day
order by snapshot_date, check_name
