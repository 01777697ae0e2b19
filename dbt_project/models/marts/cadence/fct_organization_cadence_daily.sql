{{ accumulates_by_day() }}

with days as (

    select distinct snapshot_date from {{ source('raw', 'hub_models') }}

),

releases as (

    select * from {{ ref('int_hub__known_releases') }}

),

launches as (

    select * from {{ ref('int_hub__known_launches') }}

),

curated as (

    select distinct organization
    from {{ ref('int_hub__curated_organizations') }}

),

yearly as (

    select
        days.snapshot_date,
        launches.organization,
        count(*) as launches_365d,
        max(launches.launched_on) as last_launched_on
    from launches
    inner join days
        on
            launches.known_from <= days.snapshot_date
            and launches.known_to > days.snapshot_date
            and launches.launched_on <= days.snapshot_date
            and launches.launched_on > days.snapshot_date - 365
    group by days.snapshot_date, launches.organization

),

-- Everybody in a small universe; of the whole Hub those we know and those who
-- launch each month: who does so less often has too few gaps for a rhythm.
listed as (

    select yearly.*
    from yearly
    left join curated on yearly.organization = curated.organization
    qualify
        count(*) over (partition by yearly.snapshot_date)
        <= {{ small_universe_organizations() }}
        or curated.organization is not null
        or yearly.launches_365d >= 12

),

launches_by_day as (

    select
        listed.snapshot_date,
        listed.organization,
        launches.launched_on,
        (
            {{ dbt.datediff(
                "date_trunc('week', launches.launched_on)",
                "date_trunc('week', listed.snapshot_date)",
                'day'
            ) }} / 7
        )::integer as weeks_ago

    from launches
    inner join listed
        on
            launches.organization = listed.organization
            and launches.known_from <= listed.snapshot_date
            and launches.known_to > listed.snapshot_date
            and launches.launched_on <= listed.snapshot_date

),

consecutive as (

    select
        snapshot_date,
        organization,
        launched_on,
        lag(launched_on) over (
            partition by snapshot_date, organization order by launched_on
        ) as previous_on
    from launches_by_day
    where launched_on > snapshot_date - 365

),

rhythm as (

    select
        snapshot_date,
        organization,
        median(days_between)::double as median_days_between_launches,
        percentile_cont(0.9) within group (order by days_between)::double
            as p90_days_between_launches
    from (
        select
            *,
            {{ dbt.datediff('previous_on', 'launched_on', 'day') }}
                as days_between
        from consecutive
        where previous_on is not null
    ) as gaps
    group by snapshot_date, organization

),

shares as (

    select
        snapshot_date,
        organization,
        count(distinct weeks_ago) / 52.0::double as share_of_weeks_with_launch
    from launches_by_day
    where weeks_ago < 52
    group by snapshot_date, organization

),

-- The week of the snapshot is not over: without a launch it does not break a
-- streak.
weeks_of_running as (

    select distinct
        launches_by_day.snapshot_date,
        launches_by_day.organization,
        launches_by_day.weeks_ago
    from launches_by_day
    semi join (
        select snapshot_date, organization
        from launches_by_day
        where weeks_ago <= 1
    ) as running
        on
            launches_by_day.snapshot_date = running.snapshot_date
            and launches_by_day.organization = running.organization

),

weeks as (

    select
        *,
        -- Constant as long as the weeks follow one another.
        weeks_ago - row_number() over (
            partition by snapshot_date, organization order by weeks_ago
        ) as unbroken
    from weeks_of_running

),

streaks as (

    select
        snapshot_date,
        organization,
        count(*) as current_week_streak
    from weeks
    where unbroken in (-1, 0)
    group by snapshot_date, organization, unbroken
    having min(weeks_ago) <= 1

),

released as (

    select
        listed.snapshot_date,
        listed.organization,
        count(*) filter (
            where
            releases.released_on > listed.snapshot_date - 365
            and releases.released_on <= listed.snapshot_date
        ) as releases_365d,
        count(*) filter (where releases.released_on is null)
            as releases_undated_count
    from releases
    inner join listed
        on
            releases.organization = listed.organization
            and releases.known_from <= listed.snapshot_date
            and releases.known_to > listed.snapshot_date
    group by listed.snapshot_date, listed.organization

),

final as (

    select
        listed.snapshot_date,
        listed.organization,
        listed.launches_365d,
        released.releases_365d,
        rhythm.median_days_between_launches,
        rhythm.p90_days_between_launches,
        coalesce(shares.share_of_weeks_with_launch, 0)
            as share_of_weeks_with_launch,
        coalesce(streaks.current_week_streak, 0)::bigint as current_week_streak,
        {{ dbt.datediff(
            'listed.last_launched_on', 'listed.snapshot_date', 'day'
        ) }} as days_since_last_launch,
        released.releases_undated_count

    from listed
    inner join released
        on
            listed.snapshot_date = released.snapshot_date
            and listed.organization = released.organization
    left join rhythm
        on
            listed.snapshot_date = rhythm.snapshot_date
            and listed.organization = rhythm.organization
    left join shares
        on
            listed.snapshot_date = shares.snapshot_date
            and listed.organization = shares.organization
    left join streaks
        on
            listed.snapshot_date = streaks.snapshot_date
            and listed.organization = streaks.organization

)

select * from final
