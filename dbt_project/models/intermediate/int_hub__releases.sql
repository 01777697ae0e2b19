{{ config(materialized='view') }}

with launched as (

    select * from {{ ref('int_hub__launched_releases') }}

),

models as (

    select * from {{ ref('int_hub__model_history') }}

),

classes as (

    select * from {{ ref('int_hub__release_classes') }}

),

final as (

    select
        launched.model_key,
        models.model_id,
        launched.organization,
        launched.first_seen_on,
        models.created_at,
        launched.released_on,
        launched.release_date_source,
        launched.release_type,
        classes.family,
        classes.release_group,
        launched.organization || '/' || classes.release_group
        || '@' || launched.launched_on as launch_id,
        launched.is_launch,
        launched.launched_on

    from launched
    inner join models on launched.model_key = models.model_key
    inner join classes on launched.model_key = classes.model_key

)

select * from final
