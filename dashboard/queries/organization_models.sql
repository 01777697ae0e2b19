select
    organization,
    model_id,
    created_at,
    first_seen_on,
    release_type,
    pipeline_tag,
    license,
    parameters_count
from dim_models
where organization in $organizations
qualify row_number() over (
    partition by organization
    order by coalesce(created_at, first_seen_on) desc nulls last, model_id
) <= 12
order by organization, coalesce(created_at, first_seen_on) desc nulls last, model_id
