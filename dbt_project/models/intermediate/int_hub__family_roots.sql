-- Who the root of a lineage counts for, and in which family. A root whose own name tells that it was
-- made of another counts for nobody.
with lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

owners as (

    select snapshot_date, organization, canonical_organization
    from {{ ref('int_hub__owner_days') }}

),

names as (

    {{ names_with_keys(ref('int_hub__corrected_names')) }}

),

names_from_the_first as (

    select
        * replace (
            case when known_from > min(known_from) over (partition by model_id)
                then known_from else date '1900-01-01' end as known_from
        )
    from names

),

-- All names of a model that is a root, also one that no snapshot has any more.
true_roots as (

    select
        names.model_id,
        names.known_from,
        names.known_to
    from names_from_the_first as names
    inner join {{ ref('int_hub__corrected_models') }} as corrected_models
        on
            names.model_key = corrected_models.model_key
            and corrected_models.corrected = 'lineage'
            and corrected_models.base_model_id is null

    union all

    select
        overrides.model_id,
        date '1900-01-01' as known_from,
        date '2999-12-31' as known_to
    from {{ ref('lineage_overrides') }} as overrides
    anti join names on overrides.model_id = names.model_id
    where overrides.base_model_id is null

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
    left join true_roots
        on
            roots.root_model_id = true_roots.model_id
            and roots.snapshot_date >= true_roots.known_from
            and roots.snapshot_date < true_roots.known_to

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
        case when not keyed.is_unknown then families.family_name
        end as family_name,
        case when not keyed.is_unknown then families.line_name end as line_name
    from keyed
    left join owners
        on
            keyed.snapshot_date = owners.snapshot_date
            and keyed.namespace = owners.organization
    left join families on keyed.root_model_id = families.model_id

)

select * from final
