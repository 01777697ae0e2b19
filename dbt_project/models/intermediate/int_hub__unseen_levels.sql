-- The level of a model on the days that do not show it: before its first sight, while it was
-- away, and after it went; each as it is known from `known_from` to before `known_to`.
with events as (

    select * from {{ ref('int_hub__counter_events') }}

),

floors as (

    select
        *,
        lead(snapshot_date) over (
            partition by model_key order by snapshot_date
        ) as next_date
    from {{ ref('int_hub__counter_floors') }}

),

spells as (

    -- What is new had nothing before. What is older had nobody knows what: nothing is counted.
    select
        series,
        model_key,
        null::date as after_date,
        snapshot_date as before_date,
        counter_after as counter_before,
        counter_after,
        snapshot_date as known_from,
        null::date as known_to
    from events
    where event = 'arrived' and not is_new

    union all

    select
        series,
        model_key,
        since_date as after_date,
        snapshot_date as before_date,
        counter_before,
        counter_after,
        snapshot_date as known_from,
        null::date as known_to
    from events
    where event = 'returned'

    union all

    select
        departures.series,
        departures.model_key,
        departures.since_date as after_date,
        null::date as before_date,
        departures.counter_before,
        departures.counter_before as counter_after,
        departures.snapshot_date as known_from,
        min(returns.snapshot_date) as known_to
    from events as departures
    left join events as returns
        on
            departures.series = returns.series
            and departures.model_key = returns.model_key
            and returns.event = 'returned'
            and departures.snapshot_date < returns.snapshot_date
    where departures.event = 'departed'
    group by all

),

final as (

    select
        spells.series,
        spells.model_key,
        spells.after_date,
        spells.before_date,
        spells.known_from,
        spells.known_to,
        {{ level('spells.counter_before', 'floors_before') }} as level_before,
        {{ level('spells.counter_after', 'floors_after') }} as level_after

    from spells
    left join floors as floors_before
        on
            spells.series = 'corrected'
            and spells.model_key = floors_before.model_key
            and coalesce(spells.after_date, spells.before_date)
            >= floors_before.snapshot_date
            and coalesce(spells.after_date, spells.before_date)
            < coalesce(floors_before.next_date, date '2999-12-31')
    left join floors as floors_after
        on
            spells.series = 'corrected'
            and spells.model_key = floors_after.model_key
            and coalesce(spells.before_date, spells.after_date)
            >= floors_after.snapshot_date
            and coalesce(spells.before_date, spells.after_date)
            < coalesce(floors_after.next_date, date '2999-12-31')

)

select * from final
