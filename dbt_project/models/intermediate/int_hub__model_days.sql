with models as (

    select * from {{ ref('stg_hub__models') }}

),

with_parents as (

    select
        *,
        {{ array_with_prefix('tags', 'base_model:') }} as base_model_tags
    from models

),

final as (

    select
        snapshot_date,
        model_key,
        model_id,
        organization,
        author_type,
        created_at,
        created_at_is_default,
        {{ is_new_365d('created_at', 'snapshot_date') }} as is_new_365d,
        is_language_model,
        pipeline_tag is not null or tags is not null as has_scope,
        tags is not null as has_tags,
        base_model_tags,
        -- A parent is declared, or an override tells.
        {{ array_first('base_model_tags') }} is not null
        or model_key in (
            select model_key
            from {{ ref('int_hub__corrected_models') }}
            where corrected = 'lineage'
        ) as is_lineage_known,
        downloads_30d,
        downloads_all_time

    from with_parents

)

select * from final
