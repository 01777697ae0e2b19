select *
from fct_flow_adjustments
order by snapshot_date desc, model_key
limit 30
