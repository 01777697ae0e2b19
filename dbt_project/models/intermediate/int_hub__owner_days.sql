with seen as (

    select snapshot_date, organization
    from {{ ref('int_hub__model_downloads') }}

    union

    select snapshot_date, root_organization as organization
    from {{ ref('int_hub__lineage') }}

),

curated as (

    select * from {{ ref('int_hub__curated_organizations') }}

),

owner_types as (

    select * from {{ ref('int_hub__owner_types') }}

),

final as (

    select
        seen.snapshot_date,
        seen.organization,
        case
            when curated.organization is not null then curated.country_key
            else 'unattributed_' || owner_types.owner_type
        end as country_key,
        curated.alternative_country_key,
        coalesce(
            curated.canonical_organization, seen.organization
        ) as canonical_organization,
        curated.parent,
        curated.organization is not null as is_curated,
        coalesce(curated.is_contested, false) as is_contested

    from seen
    inner join owner_types on seen.organization = owner_types.organization
    left join curated
        on
            seen.organization = curated.organization
            and seen.snapshot_date >= curated.valid_from
            and seen.snapshot_date <= coalesce(curated.valid_to, date '2999-12-31')

)

select * from final
