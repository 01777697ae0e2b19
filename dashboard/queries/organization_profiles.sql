select
    organization,
    canonical_organization,
    country_key,
    alternative_country_key,
    organization_type,
    parent,
    confidence,
    evidence
from dim_organizations
where is_current and organization in $organizations
