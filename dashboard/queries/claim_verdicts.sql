select claim_id, snapshot_date, verdict_today, measured_value
from fct_claims
where snapshot_date > $first_day
order by claim_id, snapshot_date
