with seed as (

    select * from {{ ref('hub_organizations') }}

),

generated as (

    select * from {{ source('raw', 'generated_organizations') }}

),

listed as (

    select
        organization,
        canonical_organization,
        country_code,
        is_international,
        alternative_country_code,
        organization_type,
        coalesce(ultimate_parent, parent) as parent,
        confidence,
        evidence,
        valid_from,
        valid_to
    from seed

    union all

    select
        organization,
        canonical_organization,
        nullif(country_code, '') as country_code,
        is_international,
        nullif(alternative_country_code, '') as alternative_country_code,
        organization_type,
        nullif(parent, '') as parent,
        confidence,
        evidence,
        valid_from,
        valid_to
    from generated

),

final as (

    select
        organization,
        canonical_organization,
        country_code,
        organization_type,
        parent,
        confidence,
        evidence,
        valid_to,
        coalesce(valid_from, date '1900-01-01') as valid_from,
        case
            when is_international then 'international'
            else coalesce(country_code, 'unattributed_organization')
        end as country_key,
        alternative_country_code as alternative_country_key,
        alternative_country_code is not null or confidence = 'low'
            as is_contested

    from listed

)

select * from final
