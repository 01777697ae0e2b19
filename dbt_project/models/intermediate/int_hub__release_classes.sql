{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='model_key',
    on_schema_change='fail',
) }}

-- A name is classified once, and again when what it is read from changes: 5
-- million cost 57 s of processor time.
with models as (

    select
        model_key,
        organization,
        model_name,
        tags,
        library_name,
        release_fingerprint as fingerprint

    from {{ ref('int_hub__model_history') }}

),

{% if is_incremental() %}
unclassified as (

    select models.*
    from models
    anti join {{ this }} as classified
        on
            models.model_key = classified.model_key
            and models.fingerprint = classified.fingerprint

),
{% else %}
unclassified as (

    select * from models

),
{% endif %}

tagged as (

    select
        model_key,
        fingerprint,
        organization,
        model_name,
        coalesce(library_name, '') as library_name,
        {{ tag_text('tags') }} as tag_text

    from unclassified

),

with_parents as (

    select
        *,
        {{ relation_to_parent('tag_text') }} as relation,
        {{ first_parent('tag_text') }} as parent_id

    from tagged

),

with_words as (

    select
        *,
        split_part(parent_id, '/', 1) as parent_organization,
        {{ name_words('model_name') }} as words,
        {{ name_words("split_part(parent_id, '/', 2)") }} as parent_words

    from with_parents

),

with_families as (

    select
        *,
        {{ words_of_version('words') }} as version_words,
        {{ words_of_version('parent_words') }} as parent_version_words,
        {{ named_family('words') }} as named,
        {{ named_family('parent_words') }} as parent_named

    from with_words

),

with_brands as (

    select
        *,
        {{ release_stem('version_words', 'words') }} as stem,
        {{ release_stem('parent_version_words', 'parent_words') }}
            as parent_stem,
        {{ brand_of('named') }} as brand,
        {{ version_of('named') }} as version,
        {{ brand_of('parent_named') }} as parent_brand,
        {{ version_of('parent_named') }} as parent_version

    from with_families

),

final as (

    select
        model_key,
        {{ release_type() }} as release_type,
        {{ release_family() }} as family,
        stem as release_group,
        {{ key_of(['organization', 'stem']) }} as release_group_key,
        fingerprint

    from with_brands

)

select * from final
