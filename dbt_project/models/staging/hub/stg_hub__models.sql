with records as (

    select * from {{ source('raw', 'hub_models') }}

),

legacy_ids as (

    select * from {{ ref('legacy_model_ids') }}

),

names as (

    {{ names_with_keys(ref('stg_hub__renames')) }}

),

named as (

    select
        records.*,
        {{ model_key('records', 'names') }} as model_key,
        coalesce(
            case when records.id like '%/%' then split_part(records.id, '/', 1) end,
            nullif(records.author, ''),
            split_part(legacy_ids.new_model_id, '/', 1),
            '(no namespace)'
        ) as organization,
        case
            when records.id like '%/%' then split_part(records.id, '/', 2)
            else records.id
        end as model_name,
        {{ is_default_date('records."createdAt"') }} as created_at_is_default

    from records
    left join legacy_ids on records.id = legacy_ids.model_id
    left join names on {{ is_named('records', 'names') }}

),

final as (

    select
        snapshot_date,
        model_key,
        id as model_id,
        organization,
        model_name,
        author_type,
        case when not created_at_is_default then "createdAt" end as created_at,
        coalesce(created_at_is_default, false) as created_at_is_default,
        "lastModified" as last_modified_at,
        downloads as downloads_30d,
        "downloadsAllTime" as downloads_all_time,
        likes,
        gated,
        tags,
        pipeline_tag,
        library_name,
        {{ license_of('tags') }} as license,
        safetensors_total as parameters_count,
        {{ is_language_model('pipeline_tag', 'tags') }} as is_language_model

    from named

)

select * from final
