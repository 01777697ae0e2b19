with homes as (

    -- Where an organization moved, its last home.
    select
        organization,
        max_by(
            case when is_international = 'True' then 'international' else country_code end,
            coalesce(valid_from, '')
        ) as country_key
    from {{ source('raw', 'organizations') }}
    group by organization

),

models as (

    select
        *,
        split_part(id, '/', 1) as organization
    from {{ source('raw', 'hub_models') }}

)

select
    models.snapshot_date::date as snapshot_date,
    models._id as model_key,
    models.organization,
    coalesce(homes.country_key, case models.author_type
        when 'user' then 'unattributed_individual'
        when 'org' then 'unattributed_organization'
        else 'unattributed_unknown' end) as country_key,
    coalesce(models."createdAt" > models.snapshot_date::date - interval 365 day, false)
        as is_new_365d,
    coalesce(models.pipeline_tag in (
        'text-generation', 'text2text-generation', 'image-text-to-text',
        'video-text-to-text', 'audio-text-to-text', 'any-to-any'
    ), list_contains(models.tags, 'conversational'), false) as is_language_model,
    models.downloads as downloads_30d,
    models."downloadsAllTime" as downloads_all_time
from models
left join homes on models.organization = homes.organization
