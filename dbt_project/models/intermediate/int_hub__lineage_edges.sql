with model_days as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_days') }}

),

overrides as (

    select * from {{ ref('lineage_overrides') }}

),

declared as (

    -- base_model:X comes with base_model:{finetune|quantized|adapter|merge}:X
    select distinct
        snapshot_date,
        model_key,
        model_id,
        regexp_replace(
            tag,
            '^base_model:((finetune|quantized|adapter|merge):)?',
            ''
        ) as parent_id

    from (
        select
            snapshot_date,
            model_key,
            model_id,
            {{ unnested('base_model_tags', 'tag') }}
        from model_days
    )

),

corrected as (

    select declared.snapshot_date, declared.model_key, declared.parent_id
    from declared
    left join overrides on declared.model_id = overrides.model_id
    where overrides.model_id is null

    union all

    select
        model_days.snapshot_date,
        model_days.model_key,
        overrides.base_model_id as parent_id
    from model_days
    inner join overrides on model_days.model_id = overrides.model_id
    where overrides.base_model_id is not null

),

found as (

    select
        corrected.snapshot_date,
        corrected.model_key,
        corrected.parent_id,
        parents.model_key as parent_key,
        {{ matches('corrected.parent_id', '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$') }}
            as is_readable

    from corrected
    left join model_days as parents
        on
            corrected.snapshot_date = parents.snapshot_date
            and corrected.parent_id = parents.model_id

),

final as (

    select
        snapshot_date,
        model_key,
        parent_id,
        parent_key,
        is_readable,
        count(*) over (partition by snapshot_date, model_key) as parents_count

    from found

)

select * from final
