select *
from fct_claims
order by claim_id, snapshot_date
