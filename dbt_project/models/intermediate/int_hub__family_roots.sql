-- Who the root of a lineage counts for, and in which family. A root whose own name tells that it was
-- made of another counts for nobody.
with lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

owners as (

    select snapshot_date, organization, canonical_organization
    from {{ ref('int_hub__owner_days') }}

),

true_roots as (

    select model_id
    from {{ ref('lineage_overrides') }}
    where base_model_id is null

),

roots as (

    select distinct snapshot_date, root_model_id, root_organization
    from lineage

),

told as (

    select
        roots.*,
        true_roots.model_id is null
        and {{ is_made_of_another('roots.root_model_id') }} as is_unknown
    from roots
    left join true_roots on roots.root_model_id = true_roots.model_id

),

ids as (

    select distinct root_model_id as model_id
    from told
    where not is_unknown

),

families as (

    {{ families_by_name('ids') }}

),

-- What a join is asked for beside its keys would be asked of each with each.
keyed as (

    select
        *,
        case when not is_unknown then root_organization end as namespace
    from told

),

final as (

    select
        keyed.snapshot_date,
        keyed.root_model_id,
        keyed.root_organization,
        keyed.is_unknown,
        owners.canonical_organization,
        families.family_name,
        families.line_name
    from keyed
    left join owners
        on
            keyed.snapshot_date = owners.snapshot_date
            and keyed.namespace = owners.organization
    left join families on keyed.root_model_id = families.model_id

)

select * from final
