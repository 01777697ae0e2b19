select *
from fct_claims
where snapshot_date = $day
order by claim_id
