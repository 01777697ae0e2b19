{{ accumulates_events_by_day() }}
{% call names_days() %}
{% raw %}
select unnest([flow_days.snapshot_date, flow_days.usable_before]) as snapshot_date
from {{ ref('int_hub__flow_days') }} as flow_days
inner join {{ ref('int_hub__counter_status') }} as status
    on flow_days.snapshot_date = status.snapshot_date
where
    status.status = 'corrected'
    and {{ is_in_build_window('flow_days.snapshot_date') }}
{% endraw %}
{% endcall %}

-- Below which level a model is not counted, since it fell: from `snapshot_date` on its corrected
-- level is lift + greatest(floor, counter). A model that never fell has none, its level is its
-- counter. After an accepted correction the floor is the counter itself, the level goes on.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

flow_days as (

    select * from {{ ref('int_hub__flow_days') }}
    where series = 'corrected'

),

corrections as (

    select flow_days.snapshot_date, flow_days.usable_before as since_date
    from flow_days
    inner join {{ ref('int_hub__counter_status') }} as status
        on flow_days.snapshot_date = status.snapshot_date
    inner join build_window
        on
            flow_days.snapshot_date >= build_window.from_date
            and flow_days.snapshot_date <= build_window.to_date
    where status.status = 'corrected'

),

falls as (

    select
        events.snapshot_date,
        events.model_key,
        events.since_date,
        events.counter_before,
        events.counter_after
    from {{ ref('int_hub__counter_events') }} as events
    inner join build_window
        on
            events.snapshot_date >= build_window.from_date
            and events.snapshot_date <= build_window.to_date
    where
        events.series = 'corrected'
        and events.event in ('fallen', 'returned')

),

{% if is_incremental() %}
earlier as (

    select *
    from {{ this }}
    qualify row_number() over (
        partition by model_key order by snapshot_date desc
    ) = 1

),
{% endif %}

-- A correction begins anew with every model that has a floor, whether it falls that day or not.
floored as (

    select corrections.snapshot_date, corrections.since_date, falls.model_key
    from falls
    inner join corrections on falls.snapshot_date < corrections.snapshot_date

    {% if is_incremental() %}
    union

    select corrections.snapshot_date, corrections.since_date, earlier.model_key
    from earlier
    cross join corrections
    {% endif %}

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('corrections') }}

),

before as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('corrections', 'since_date') }}

),

corrected as (

    select
        floored.snapshot_date,
        floored.model_key,
        floored.since_date,
        before.counter as counter_before,
        counters.counter as counter_after
    from floored
    inner join counters
        on
            floored.snapshot_date = counters.snapshot_date
            and floored.model_key = counters.model_key
    inner join before
        on
            floored.since_date = before.snapshot_date
            and floored.model_key = before.model_key

),

dated as (

    select
        changes.*,
        days.epoch,
        days.epoch > since.epoch as is_restart
    from (
        select * from falls
        union
        select * from corrected
    ) as changes
    inner join flow_days as days on changes.snapshot_date = days.snapshot_date
    inner join flow_days as since on changes.since_date = since.snapshot_date

),

states as (

    select
        snapshot_date,
        model_key,
        epoch,
        is_restart,
        counter_before,
        counter_after,
        0::bigint as lift
    from dated

    {% if is_incremental() %}
    union all

    select
        snapshot_date,
        model_key,
        epoch,
        false as is_restart,
        floor as counter_before,
        null as counter_after,
        lift
    from earlier
    semi join dated on earlier.model_key = dated.model_key
    {% endif %}

),

floors as (

    select
        *,
        max(case when is_restart then counter_after else counter_before end) over (
            partition by model_key, epoch order by snapshot_date
        ) as floor
    from states

),

restarts as (

    select
        *,
        case when is_restart then greatest(
            counter_before - counter_after,
            lag(floor) over (partition by model_key order by snapshot_date)
            - counter_after,
            0
        ) else 0 end as lost
    from floors

),

lifted as (

    select
        snapshot_date,
        model_key,
        epoch,
        floor,
        sum(lift + lost) over (
            partition by model_key order by snapshot_date
        )::bigint as lift
    from restarts

),

final as (

    select lifted.*
    from lifted
    inner join build_window on lifted.snapshot_date >= build_window.from_date

)

select * from final
