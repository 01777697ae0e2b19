{{ accumulates_events_by_day() }}

{#- So many of a day and kind are told one by one; the others are summed up in a row. -#}
{% set most = 1000 %}

with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

flows as (

    select
        snapshot_date,
        model_key,
        coalesce(corrected_1d, 0) - coalesce(uncorrected_1d, 0) as amount
    from {{ ref('int_hub__model_flows') }}
    where coalesce(corrected_1d, 0) <> coalesce(uncorrected_1d, 0)

),

days as (

    select
        status.snapshot_date,
        status.status,
        status.common_models_count,
        windows.null_reason,
        flow_days.usable_before,
        flow_days.usable_from,
        -- A day's end and start that lie between usable snapshots: what is spread.
        windows.start_before as spread_from,
        windows.end_after as spread_to,
        status.is_usable
        and flow_days.usable_before < status.previous_date as is_repayment
    from {{ ref('int_hub__counter_status') }} as status
    inner join {{ ref('int_hub__flow_windows') }} as windows
        on status.snapshot_date = windows.snapshot_date
    inner join {{ ref('int_hub__flow_days') }} as flow_days
        on
            status.snapshot_date = flow_days.snapshot_date
            and windows.series = flow_days.series
    where windows.series = 'corrected' and windows.window_name = '1d'

),

events as (

    select events.*
    from {{ ref('int_hub__counter_events') }} as events
    inner join build_window
        on
            events.snapshot_date >= build_window.from_date
            and events.snapshot_date <= build_window.to_date
    where
        events.series = 'corrected'
        and (
            events.event in ('fallen', 'returned')
            or (events.event = 'arrived' and not events.is_new)
        )

),

floors as (

    select
        *,
        coalesce(
            lead(snapshot_date) over (
                partition by model_key order by snapshot_date
            ),
            date '2999-12-31'
        ) as next_date
    from {{ ref('int_hub__counter_floors') }}

),

-- Of a first sight nothing is counted, corrected or not: a row without an amount.
adjusted as (

    select flows.snapshot_date, flows.model_key, flows.amount
    from flows
    inner join days on flows.snapshot_date = days.snapshot_date
    where days.null_reason is null

    union all

    select events.snapshot_date, events.model_key, 0 as amount
    from events
    anti join flows
        on
            events.snapshot_date = flows.snapshot_date
            and events.model_key = flows.model_key
    where events.event = 'arrived'

),

told as (

    select
        adjusted.snapshot_date,
        adjusted.model_key,
        adjusted.amount,
        case
            when events.event = 'arrived' then 'first_observation'
            when days.status = 'corrected' then 'recount'
            -- The fall of many was accepted while it was away: it counts anew.
            when
                events.counter_after < events.counter_before
                and floors.floor < events.counter_before
                then 'recount'
            -- It fell, or did so while it was away.
            when events.counter_after < events.counter_before then 'fall'
            when days.status = 'stalled' then 'stall'
            when days.status = 'held' then 'rollback'
            when
                events.event = 'returned'
                and floors.floor <= events.counter_before
                then 'absence'
            when days.is_repayment then 'catch_up'
            else 'held_level'
        end as kind,
        events.since_date,
        events.counter_before,
        events.counter_after,
        days.usable_before,
        days.spread_from,
        days.spread_to

    from adjusted
    inner join days on adjusted.snapshot_date = days.snapshot_date
    left join events
        on
            adjusted.snapshot_date = events.snapshot_date
            and adjusted.model_key = events.model_key
    left join floors
        on
            adjusted.model_key = floors.model_key
            and adjusted.snapshot_date >= floors.snapshot_date
            and adjusted.snapshot_date < floors.next_date

),

reasoned as (

    select
        *,
        case kind
            when 'recount'
                then 'the fall of many counters was accepted after 8 snapshots: '
                    || 'the level goes on from '
                    || coalesce(since_date, usable_before)
            when 'fall'
                then 'the counter is below that of ' || since_date
                    || ': nothing is counted until it passes its old maximum'
            when 'first_observation'
                then 'created before ' || since_date
                    || ', when nobody saw it: what it had before is in no day'
            when 'stall'
                then 'the counters stood still: their rise from ' || spread_from
                    || ' to ' || spread_to || ' is spread evenly'
            when 'rollback'
                then 'many counters fell at once: they are not believed until '
                    || spread_to || ', and their rise from ' || spread_from
                    || ' to then is spread evenly'
            when 'catch_up'
                then 'the counters caught up: their rise since ' || usable_before
                    || ' is spread evenly'
            when 'held_level'
                then 'the counter fell before: it counts beyond its old maximum'
            else 'it was away for some snapshots: its rise since ' || since_date
                || ' is spread evenly'
        end as why,
        row_number() over (
            partition by snapshot_date, kind
            order by
                abs(amount) desc,
                counter_after desc nulls last,
                model_key
        ) <= {{ most }} as is_told_alone
    from told

),

named as (

    select
        snapshot_date,
        case when is_told_alone then model_key
            else '(other: ' || kind || ')' end as model_key,
        kind,
        amount,
        case when is_told_alone then counter_before end as counter_before,
        case when is_told_alone then counter_after end as counter_after,
        why
    from reasoned

),

final as (

    select
        snapshot_date,
        model_key,
        kind,
        sum(amount)::double as amount,
        count(*) as models_count,
        max(counter_before) as counter_before,
        max(counter_after) as counter_after,
        min(why) as why
    from named
    group by snapshot_date, model_key, kind

    union all

    -- Nobody can say yet how much.
    select
        snapshot_date,
        '(all)' as model_key,
        case status when 'held' then 'rollback' else 'stall' end as kind,
        null::double as amount,
        common_models_count as models_count,
        null::bigint as counter_before,
        null::bigint as counter_after,
        null_reason as why
    from days
    where status in ('held', 'stalled') and null_reason is not null

)

select * from final
