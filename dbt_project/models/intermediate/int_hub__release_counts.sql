{{ config(materialized='view') }}

-- One row a release, which counts its launch too where both have one date, and
-- one more for each launch that its most basic release did not begin.
with releases as (

    select * from {{ ref('int_hub__launched_releases') }}

),

final as (

    select
        released_on as counted_on,
        organization,
        release_type,
        1 as releases_count,
        (is_launch and launched_on = released_on)::integer as launches_count

    from releases
    where released_on is not null

    union all

    select
        launched_on as counted_on,
        organization,
        release_type,
        0 as releases_count,
        1 as launches_count

    from releases
    where is_launch and launched_on <> released_on

)

select * from final
