{{ accumulates_events_by_day() }}

with days as (

    select * from {{ ref('int_hub__measured_days') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

shares as (

    select * from {{ ref('int_hub__entity_shares') }}
    where snapshot_date >= (select min(previous_date) from days)

),

-- Who is new was behind nobody.
steps as (

    select
        today.*,
        before.share_of_all as share_before
    from days
    inner join shares as today
        using (snapshot_date, window_name, attribution, cohort, scope)
    inner join shares as before
        on
            days.previous_date = before.snapshot_date
            and days.window_name = before.window_name
            and days.attribution = before.attribution
            and days.cohort = before.cohort
            and days.scope = before.scope
            and today.entity_kind = before.entity_kind
            and today.entity = before.entity
    where today.is_among_largest

),

final as (

    select
        leaders.snapshot_date,
        leaders.window_name,
        leaders.attribution,
        leaders.cohort,
        leaders.scope,
        leaders.entity_kind,
        leaders.entity as leader,
        followers.entity as follower,
        leaders.share_of_all as leader_share,
        followers.share_of_all as follower_share
    from steps as leaders
    inner join steps as followers
        using (
            snapshot_date, window_name, attribution, cohort, scope, entity_kind
        )
    where
        leaders.share_of_all > followers.share_of_all
        and leaders.share_before < followers.share_before

)

select * from final
