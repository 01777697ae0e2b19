{{ config(materialized='view') }}

with known_models as (

    select * from {{ ref('int_hub__known_models') }}

),

newest as (

    select max(snapshot_date) as snapshot_date
    from {{ source('raw', 'snapshots') }}

),

final as (

    select
        known_models.model_key,
        known_models.model_id,
        known_models.organization,
        known_models.model_name,
        known_models.created_at,
        known_models.created_at_is_default,
        known_models.first_seen_on,
        coalesce(known_models.last_seen_on, newest.snapshot_date)
            as last_seen_on,
        known_models.was_absent_from_previous_whole_snapshot,
        known_models.tags,
        known_models.pipeline_tag,
        known_models.library_name,
        known_models.license,
        known_models.parameters_count,
        known_models.is_language_model,
        known_models.root_base_model,
        known_models.root_organization,
        known_models.release_fingerprint

    from known_models
    cross join newest

)

select * from final
