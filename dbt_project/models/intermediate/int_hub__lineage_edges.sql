with model_days as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_days') }}

),

overrides as (

    select model_key, base_model_id
    from {{ ref('int_hub__corrected_models') }}
    where corrected = 'lineage'

),

legacy_ids as (

    select * from {{ ref('legacy_model_ids') }}

),

-- base_model:X comes with base_model:{finetune|quantized|adapter|merge}:X
declared as (

    select
        snapshot_date,
        model_key,
        model_id,
        organization,
        {{ array_distinct_replaced(
            'base_model_tags',
            '^base_model:((finetune|quantized|adapter|merge):)?',
            ''
        ) }} as parent_ids
    from model_days
    where {{ array_first('base_model_tags') }} is not null

),

corrected as (

    select
        declared.snapshot_date,
        declared.model_key,
        declared.model_id,
        declared.organization,
        {{ array_length('declared.parent_ids') }} as parents_count,
        {{ unnested('declared.parent_ids', 'parent_id') }}
    from declared
    anti join overrides on declared.model_key = overrides.model_key

    union all

    select
        model_days.snapshot_date,
        model_days.model_key,
        model_days.model_id,
        model_days.organization,
        count(*) over (
            partition by model_days.snapshot_date, model_days.model_key
        ) as parents_count,
        overrides.base_model_id as parent_id
    from model_days
    inner join overrides on model_days.model_key = overrides.model_key
    where overrides.base_model_id is not null

),

readable as (

    select
        *,
        {{ matches('parent_id', '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$') }}
            as is_readable
    from corrected

),

final as (

    select
        readable.snapshot_date,
        readable.model_key,
        readable.parent_id,
        case when readable.is_readable then parents.model_key end as parent_key,
        readable.is_readable,
        case when readable.is_readable then readable.parent_id
            else readable.model_id end as ancestor_id,
        case
            when not readable.is_readable then readable.organization
            else coalesce(
                parents.organization,
                case when readable.parent_id like '%/%'
                    then split_part(readable.parent_id, '/', 1) end,
                split_part(legacy_ids.new_model_id, '/', 1),
                '(no namespace)'
            )
        end as ancestor_organization,
        readable.parents_count

    from readable
    left join model_days as parents
        on
            readable.snapshot_date = parents.snapshot_date
            and readable.parent_id = parents.model_id
    left join legacy_ids on readable.parent_id = legacy_ids.model_id

)

select * from final
