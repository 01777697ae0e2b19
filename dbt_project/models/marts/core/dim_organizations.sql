with curated as (

    select * from {{ ref('int_hub__curated_organizations') }}

),

owner_types as (

    select * from {{ ref('int_hub__owner_types') }}

),

newest as (

    select max(snapshot_date) as snapshot_date
    from {{ source('raw', 'snapshots') }}

),

final as (

    select
        curated.organization,
        curated.valid_from,
        curated.canonical_organization,
        curated.country_key,
        curated.alternative_country_key,
        curated.organization_type,
        curated.parent,
        curated.confidence,
        curated.evidence,
        curated.valid_to,
        newest.snapshot_date >= curated.valid_from
        and newest.snapshot_date <= coalesce(
            curated.valid_to, date '2999-12-31'
        ) as is_current
    from curated
    cross join newest

    union all

    select
        owner_types.organization,
        date '1900-01-01' as valid_from,
        owner_types.organization as canonical_organization,
        'unattributed_' || owner_types.owner_type as country_key,
        null as alternative_country_key,
        owner_types.owner_type as organization_type,
        null as parent,
        null as confidence,
        owner_types.evidence,
        null as valid_to,
        true as is_current
    from owner_types
    anti join curated on owner_types.organization = curated.organization

)

select * from final
