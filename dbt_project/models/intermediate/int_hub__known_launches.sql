{{ config(materialized='view') }}

-- The launches of each organization as they were known on the days of this
-- build. Only groups that changed between its first and last day have more than
-- one state; a build of one day has none of them, and takes its launches as
-- they are.
with days as (

    -- Distinct first: DuckDB 1.5.5 dies of an internal error when it takes the
    -- minimum of a partition column from the statistics of one Parquet file.
    select min(snapshot_date) as first_day
    from (
        select distinct snapshot_date
        from {{ source('raw', 'hub_models') }}
    ) as days_of_build

),

releases as (

    select * from {{ ref('int_hub__known_releases') }}
    where released_on is not null

),

names as (

    select * from {{ ref('int_hub__changed_names') }}

),

launches as (

    select *
    from {{ ref('int_hub__launched_releases') }}
    where is_launch

),

changing as (

    -- Not from `releases`: read twice it would be written out, with its texts.
    select known.release_group_key
    from {{ ref('int_hub__known_releases') }} as known
    cross join days
    where known.released_on is not null and known.known_from > days.first_day

    union

    select release_group_key from names

),

changing_releases as (

    select releases.*
    from releases
    semi join changing
        on releases.release_group_key = changing.release_group_key

),

changes as (

    select
        changing_releases.organization,
        changing_releases.release_group_key,
        greatest(changing_releases.known_from, days.first_day) as known_from
    from changing_releases
    cross join days

    union

    select
        organization,
        release_group_key,
        known_to as known_from
    from names
    where known_to < date '2999-12-31'

),

states as (

    select
        *,
        coalesce(lead(known_from) over (
            partition by release_group_key order by known_from
        ), date '2999-12-31') as known_to
    from changes

),

members as (

    select
        states.organization,
        states.release_group_key,
        states.known_from,
        states.known_to,
        changing_releases.released_on
    from states
    inner join changing_releases
        on
            states.release_group_key = changing_releases.release_group_key
            and states.known_from >= changing_releases.known_from
            and states.known_from < changing_releases.known_to

),

changing_launches as (

    {{ launches_of(
        'members',
        ['organization', 'release_group_key', 'known_from', 'known_to']
    ) }}

),

final as (

    select
        organization,
        launched_on,
        known_from,
        known_to
    from changing_launches

    union all

    select
        launches.organization,
        launches.launched_on,
        days.first_day as known_from,
        date '2999-12-31' as known_to
    from launches
    cross join days
    anti join changing
        on launches.release_group_key = changing.release_group_key

)

select * from final
