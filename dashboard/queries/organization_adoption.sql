select
    organization,
    model,
    age_days,
    released_on,
    size_bucket,
    downloads,
    reference_median,
    reference_date,
    relative_adoption
from fct_relative_adoption
where organization in $organizations and relative_adoption is not null
qualify dense_rank() over (
    partition by organization
    order by released_on desc, model
) <= 10
order by organization, released_on desc, model, age_days
