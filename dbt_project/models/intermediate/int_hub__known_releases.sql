{{ config(materialized='view') }}

-- What was known of a release on a day of this build: from its first sight, under the name that
-- it had. A rebuild of many days then says of each what the build of that day said.
with releases as (

    select * from {{ ref('int_hub__launched_releases') }}

),

model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

days as (

    select count(distinct snapshot_date) as days_count
    from {{ source('raw', 'hub_models') }}

),

-- Nobody has two names on one day: a build of one day need not look.
renamed as (

    select model_key
    from model_days
    where (select days_count from days) > 1
    group by model_key
    having min(model_id) <> max(model_id)

),

named as (

    select
        model_key,
        model_id,
        organization,
        case
            when model_id like '%/%' then split_part(model_id, '/', 2)
            else model_id
        end as model_name,
        min(snapshot_date) as named_on
    from model_days
    semi join renamed on model_days.model_key = renamed.model_key
    group by all

),

with_words as (

    select
        *,
        {{ name_words('model_name') }} as words

    from named

),

with_version_words as (

    select
        *,
        {{ words_of_version('words') }} as version_words

    from with_words

),

names as (

    select
        model_key,
        organization,
        {{ release_stem('version_words', 'words') }} as release_group,
        named_on,
        row_number() over (
            partition by model_key order by named_on
        ) = 1 as is_first,
        coalesce(lead(named_on) over (
            partition by model_key order by named_on
        ), date '2999-12-31') as known_to

    from with_version_words

),

final as (

    select
        releases.model_key,
        releases.organization,
        releases.release_group_key,
        releases.released_on,
        releases.first_seen_on as known_from,
        date '2999-12-31' as known_to

    from releases
    anti join renamed on releases.model_key = renamed.model_key

    union all

    select
        names.model_key,
        names.organization,
        {{ fingerprint(['names.organization', 'names.release_group']) }}
            as release_group_key,
        releases.released_on,
        case
            when names.is_first then releases.first_seen_on
            else names.named_on
        end as known_from,
        names.known_to

    from names
    inner join releases on names.model_key = releases.model_key

)

select * from final
