{{ config(materialized='view') }}

-- What was known of a release on a day of this build: from its first sight,
-- under the name that it had. A rebuild of many days then says of each what the
-- build of that day said.
with releases as (

    select * from {{ ref('int_hub__launched_releases') }}

),

names as (

    select * from {{ ref('int_hub__changed_names') }}

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
    anti join names on releases.model_key = names.model_key

    union all

    select
        names.model_key,
        names.organization,
        names.release_group_key,
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
