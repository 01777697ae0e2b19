-- Rows of each day that were set aside; every check of a day repeats the
-- day's number.
select
    snapshot_date,
    max(rows_quarantined) as rows_quarantined
from fct_snapshot_quality_daily
where snapshot_date > $first_day
group by snapshot_date
order by snapshot_date
