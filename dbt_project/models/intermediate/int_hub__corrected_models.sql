-- Whom the curated corrections mean. An id means whoever bears it, on all days and under all names;
-- who takes it when it was given up for another name is somebody else.
with corrections as (

    select
        'lineage' as corrected,
        model_id as corrected_id,
        base_model_id,
        null::date as released_on
    from {{ ref('lineage_overrides') }}

    union all

    select
        'release_date' as corrected,
        model_id as corrected_id,
        null::varchar as base_model_id,
        released_on
    from {{ ref('release_date_corrections') }}

),

ids as (

    {{ ids_of_corrections() }}

),

names as (

    select
        model_key,
        model_id,
        snapshot_date as named_on
    from {{ ref('int_hub__corrected_names') }}

),

bearers as (

    select
        ids.corrected_id,
        ids.is_former,
        names.*
    from ids
    inner join names
        on
            ids.model_id = names.model_id
            and ids.known_from <= names.named_on
            and ids.known_to > names.named_on

),

-- The last name that an earlier bearer had by then. A model that was deleted and made anew has no
-- other. The former name of a namespace is given up by all of its models.
names_before as (

    select
        bearers.corrected_id,
        bearers.model_key,
        bearers.model_id,
        names.model_id as name_before
    from bearers
    inner join bearers as earlier
        on
            bearers.corrected_id = earlier.corrected_id
            and bearers.model_key <> earlier.model_key
            and bearers.named_on > earlier.named_on
            and not earlier.is_former
    inner join names
        on
            earlier.model_key = names.model_key
            and bearers.named_on >= names.named_on
    qualify row_number() over (
        partition by
            bearers.corrected_id,
            bearers.model_key,
            bearers.model_id,
            earlier.model_key
        order by names.named_on desc
    ) = 1

),

meant as (

    select bearers.*
    from bearers
    anti join names_before
        on
            bearers.corrected_id = names_before.corrected_id
            and bearers.model_key = names_before.model_key
            and bearers.model_id = names_before.model_id
            and names_before.model_id <> names_before.name_before

),

final as (

    select
        corrections.corrected,
        corrections.corrected_id,
        meant.model_key,
        corrections.base_model_id,
        corrections.released_on
    from corrections
    inner join meant on corrections.corrected_id = meant.corrected_id
    -- Of several the one by its first name: no later day changes it.
    qualify row_number() over (
        partition by corrections.corrected, meant.model_key
        order by
            meant.named_on,
            corrections.corrected_id <> meant.model_id,
            corrections.corrected_id
    ) = 1

)

select * from final
