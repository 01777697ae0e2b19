select
    snapshot_date,
    kind,
    sum(models_count)::bigint as models_count
from fct_flow_adjustments
where snapshot_date > $first_day
group by snapshot_date, kind
order by snapshot_date, kind
