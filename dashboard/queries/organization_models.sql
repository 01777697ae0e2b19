-- The newest models of each organization, by creation on the Hub. One that
-- came within the days that are published was first seen on a day that tells.
select
    organization,
    model_id,
    created_at,
    if(
        first_seen_on > (select min(snapshot_date) from fct_country_share_daily), first_seen_on, null
    ) as came_on,
    release_type,
    pipeline_tag,
    license,
    parameters_count
from dim_models
where organization in $organizations
qualify row_number() over (
    partition by organization
    order by created_at desc nulls last, model_id
) <= 12
order by organization, created_at desc nulls last, model_id
