select
    adjustments.snapshot_date,
    coalesce(models.model_id, adjustments.model_key) as model,
    adjustments.kind,
    adjustments.amount,
    adjustments.models_count,
    adjustments.why
from fct_flow_adjustments as adjustments
left join dim_models as models using (model_key)
order by adjustments.snapshot_date desc, abs(adjustments.amount) desc nulls first, model
limit 30
