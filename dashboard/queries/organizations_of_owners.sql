select organization, canonical_organization, parent
from dim_organizations
where
    is_current
    and (
        organization in $owners
        or canonical_organization in $owners
        or parent in $owners
    )
order by organization
