with models as (

    select * from {{ ref('int_hub__model_history') }}

),

releases as (

    select * from {{ ref('int_hub__release_classes') }}

),

final as (

    select
        models.model_key,
        models.model_id,
        models.organization,
        models.created_at,
        releases.release_type,
        releases.release_group,
        models.root_base_model,
        models.root_organization,
        models.library_name,
        models.pipeline_tag,
        models.license,
        models.parameters_count,
        models.first_seen_on,
        models.last_seen_on

    from models
    inner join releases on models.model_key = releases.model_key

)

select * from final
