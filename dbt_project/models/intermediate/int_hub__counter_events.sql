{{ accumulates_events_by_day() }}
{% call names_days() %}{{ flow_days_of_build() }}{% endcall %}

-- What cannot be read off two counters: models that come, go, come back, or fall. Most models
-- only rise, so this is short.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

pairs as (

    select
        flow_days.series,
        flow_days.snapshot_date,
        flow_days.usable_before as since_date
    from {{ ref('int_hub__flow_days') }} as flow_days
    inner join build_window
        on
            flow_days.snapshot_date >= build_window.from_date
            and flow_days.snapshot_date <= build_window.to_date
    where flow_days.is_usable and flow_days.usable_before is not null

),

distinct_pairs as (

    select distinct snapshot_date, since_date from pairs

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('distinct_pairs') }}

),

counters_before as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('distinct_pairs', 'since_date') }}

),

today as (

    select
        pairs.snapshot_date,
        pairs.since_date,
        counters.model_key,
        counters.created_at,
        counters.counter
    from counters
    inner join distinct_pairs as pairs
        on counters.snapshot_date = pairs.snapshot_date

),

before as (

    select
        pairs.snapshot_date,
        pairs.since_date,
        counters.model_key,
        counters.counter
    from counters_before as counters
    inner join distinct_pairs as pairs
        on counters.snapshot_date = pairs.since_date

),

changed as (

    select
        coalesce(today.snapshot_date, before.snapshot_date) as snapshot_date,
        coalesce(today.since_date, before.since_date) as since_date,
        coalesce(today.model_key, before.model_key) as model_key,
        case
            when before.model_key is null then 'arrived'
            when today.model_key is null then 'departed'
            else 'fallen'
        end as event,
        coalesce(
            before.model_key is null
            and today.created_at::date >= today.since_date,
            false
        ) as is_new,
        before.counter as counter_before,
        today.counter as counter_after

    from today
    full join before
        on
            today.snapshot_date = before.snapshot_date
            and today.since_date = before.since_date
            and today.model_key = before.model_key
    where
        today.model_key is null
        or before.model_key is null
        or today.counter < before.counter

),

events as (

    select pairs.series, changed.*
    from changed
    inner join pairs
        on
            changed.snapshot_date = pairs.snapshot_date
            and changed.since_date = pairs.since_date
    where pairs.series = 'corrected' or changed.event <> 'fallen'

),

departures as (

    select series, snapshot_date, since_date, model_key, counter_before
    from events
    where event = 'departed'

    {% if is_incremental() %}
    union all

    select series, snapshot_date, since_date, model_key, counter_before
    from {{ this }}
    where event = 'departed'
    {% endif %}

),

returns as (

    select
        events.series,
        events.snapshot_date,
        events.model_key,
        departures.since_date,
        departures.counter_before
    from events
    inner join departures
        on
            events.series = departures.series
            and events.model_key = departures.model_key
            and events.snapshot_date > departures.snapshot_date
    where events.event = 'arrived'
    qualify row_number() over (
        partition by events.series, events.snapshot_date, events.model_key
        order by departures.snapshot_date desc
    ) = 1

),

final as (

    select
        events.series,
        events.snapshot_date,
        events.model_key,
        case when returns.model_key is null then events.event else 'returned'
        end as event,
        events.is_new and returns.model_key is null as is_new,
        coalesce(returns.since_date, events.since_date) as since_date,
        coalesce(returns.counter_before, events.counter_before)
            as counter_before,
        events.counter_after

    from events
    left join returns
        on
            events.series = returns.series
            and events.snapshot_date = returns.snapshot_date
            and events.model_key = returns.model_key
            and events.event = 'arrived'

)

select * from final
