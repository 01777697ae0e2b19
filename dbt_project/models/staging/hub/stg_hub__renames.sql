{{ accumulates_events_by_day() }}

{#- So many days after the old id is first missed the new one must be there. -#}
{% set days_between = 3 %}
{#- By so much of it the cumulative count may have changed. -#}
{% set tolerance = 0.01 %}
{#- An id that was there in so many days before is no new one: it was away. -#}
{% set days_away = 30 %}

{#- Since the last snapshot before these; none where each has the Hub's keys, as one without is
    at the root of all that is asked, and none of a build without days. -#}
{% call names_days() %}
{% raw %}
with recent as (

    select snapshots.snapshot_date
    from {{ source('raw', 'snapshots') }} as snapshots
    inner join {{ source('raw', 'build_window') }} as build_window
        on snapshots.snapshot_date <= build_window.to_date
    where snapshots.snapshot_date >= (
        select coalesce(max(snapshots.snapshot_date), date '1970-01-01')
        from {{ source('raw', 'snapshots') }} as snapshots
        inner join {{ source('raw', 'build_window') }} as build_window
            on
                snapshots.snapshot_date
                < build_window.from_date - {% endraw %}{{ days_away }}{% raw %}
    )

)

select snapshot_date
from recent
where exists (
    select 1
    from recent
    semi join {{ ref('stg_hub__unkeyed_days') }} using (snapshot_date)
)
{% endraw %}
{% endcall %}

with recursive build_window as (

    select * from {{ source('raw', 'build_window') }}

),

snapshots as (

    select
        snapshot_date,
        lag(snapshot_date) over (order by snapshot_date) as previous_date,
        lead(snapshot_date) over (order by snapshot_date) as next_date
    from {{ source('raw', 'snapshots') }}

),

days as (

    select snapshots.snapshot_date, snapshots.previous_date
    from snapshots
    inner join build_window
        on
            snapshots.snapshot_date >= build_window.from_date
            and snapshots.snapshot_date <= build_window.to_date
    where snapshots.previous_date is not null

),

-- The snapshots in which an id may have been seen last.
looked_back as (

    select days.snapshot_date, snapshots.snapshot_date as seen_on
    from days
    inner join snapshots
        on
            snapshots.snapshot_date < days.snapshot_date
            and snapshots.next_date
            >= days.snapshot_date - {{ days_between }}

),

-- Few days have rows with and without a key, or stand beside such: only these are read whole.
unkeyed_days as (

    select * from {{ ref('stg_hub__unkeyed_days') }}

),

recent_unkeyed_days as (

    select snapshot_date
    from unkeyed_days
    where snapshot_date >= (
        select least(min(seen_on), min(snapshot_date) - {{ days_away }})
        from looked_back
    )

),

-- Where the Hub's key is recorded a model keeps it, whatever it is called.
records as (

    select
        snapshot_date,
        id as model_id,
        lower(split_part(id, '/', -1)) as name,
        "createdAt" as created_at,
        "downloadsAllTime" as counter
    from {{ source('raw', 'hub_counters') }}
    where
        "_id" is null
        and {{ is_of_days('recent_unkeyed_days') }}

),

switch_days as materialized (

    select
        days.snapshot_date,
        days.snapshot_date as keyed_on,
        days.previous_date as unkeyed_on
    from days
    inner join unkeyed_days on days.previous_date = unkeyed_days.snapshot_date

    union all

    select
        days.snapshot_date,
        days.previous_date as keyed_on,
        days.snapshot_date as unkeyed_on
    from days
    inner join unkeyed_days on days.snapshot_date = unkeyed_days.snapshot_date

),

keyed_counters as (

    select snapshot_date, id, "_id"
    from {{ source('raw', 'hub_counters') }}
    where {{ is_of_days('switch_days', 'keyed_on') }}

),

keyed_records as (

    select
        switch_days.snapshot_date,
        switch_days.keyed_on,
        switch_days.unkeyed_on,
        keyed_counters.id as model_id,
        keyed_counters."_id" as hub_key
    from keyed_counters
    inner join switch_days
        on keyed_counters.snapshot_date = switch_days.keyed_on
    where keyed_counters."_id" is not null

),

-- A source that begins to record the Hub's key, or ceases to, is about the same models.
switched as (

    select
        keyed_records.snapshot_date,
        case when keyed_records.keyed_on = keyed_records.snapshot_date
            then keyed_records.hub_key else keyed_records.model_id
        end as model_id,
        case when keyed_records.keyed_on = keyed_records.snapshot_date
            then keyed_records.model_id else keyed_records.hub_key
        end as former_id
    from keyed_records
    inner join records
        on
            keyed_records.unkeyed_on = records.snapshot_date
            and keyed_records.model_id = records.model_id

),

-- A model that is away on the day of the switch comes back under its other name.
late_switch_days as materialized (

    select
        days.snapshot_date,
        days.previous_date,
        snapshots.snapshot_date as seen_on
    from days
    inner join snapshots
        on
            snapshots.snapshot_date < days.previous_date
            and snapshots.snapshot_date
            >= days.snapshot_date - {{ days_away }}
    where
        days.snapshot_date in (select snapshot_date from unkeyed_days)
        or snapshots.snapshot_date in (select snapshot_date from unkeyed_days)

),

late_counters as (

    select snapshot_date, id, "_id"
    from {{ source('raw', 'hub_counters') }}
    where {{ is_of_days('late_switch_days') }}

),

counters_before as (

    select snapshot_date, id
    from {{ source('raw', 'hub_counters') }}
    where {{ is_of_days('late_switch_days', 'previous_date') }}

),

counters_seen as (

    select snapshot_date, id, "_id"
    from {{ source('raw', 'hub_counters') }}
    where {{ is_of_days('late_switch_days', 'seen_on') }}

),

returned as (

    select
        today.snapshot_date,
        today.id as model_id,
        today."_id" as hub_key
    from late_counters as today
    inner join (
        select distinct snapshot_date, previous_date from late_switch_days
    ) as late_days
        on today.snapshot_date = late_days.snapshot_date
    anti join counters_before as before
        on
            late_days.previous_date = before.snapshot_date
            and today.id = before.id

),

switched_late as (

    select
        returned.snapshot_date,
        returned.hub_key,
        returned.model_id,
        seen."_id" as seen_hub_key
    from returned
    inner join late_switch_days
        on returned.snapshot_date = late_switch_days.snapshot_date
    inner join counters_seen as seen
        on
            late_switch_days.seen_on = seen.snapshot_date
            and returned.model_id = seen.id
    qualify late_switch_days.seen_on = max(late_switch_days.seen_on) over (
        partition by returned.snapshot_date, returned.model_id
    )

),

all_switched as (

    select * from switched

    union all

    select
        snapshot_date,
        coalesce(hub_key, model_id) as model_id,
        coalesce(seen_hub_key, model_id) as former_id
    from switched_late
    where (hub_key is null) <> (seen_hub_key is null)

),

arrived as (

    select records.*
    from records
    inner join days on records.snapshot_date = days.snapshot_date
    anti join records as before
        on
            days.previous_date = before.snapshot_date
            and records.model_id = before.model_id
    anti join all_switched
        on
            records.snapshot_date = all_switched.snapshot_date
            and records.model_id = all_switched.model_id

),

{#- What was known before this build. -#}
{% if is_incremental() %}
known as (

    select * from {{ this }}

),
{% else %}
known as (

    select
        null::date as snapshot_date,
        null::varchar as model_id,
        null::varchar as former_id,
        null::varchar as model_key
    where false

),
{% endif %}

candidates as (

    select
        arrived.snapshot_date,
        arrived.model_id,
        former.model_id as former_id,
        former.snapshot_date as seen_on,
        abs(arrived.counter - former.counter)::double
        / greatest(arrived.counter, former.counter, 1) as difference
    from arrived
    inner join looked_back on arrived.snapshot_date = looked_back.snapshot_date
    inner join records as former
        on
            looked_back.seen_on = former.snapshot_date
            and arrived.name = former.name
            and arrived.model_id <> former.model_id
    anti join records as today
        on
            arrived.snapshot_date = today.snapshot_date
            and former.model_id = today.model_id
    where
        -- Another date of creation is another repository; nothing proves nothing.
        coalesce(arrived.created_at = former.created_at, true)
        and (arrived.counter > 0 or arrived.created_at = former.created_at)
    qualify former.snapshot_date = max(former.snapshot_date) over (
        partition by
            arrived.snapshot_date, arrived.model_id, former.model_id
    )

),

alike as (

    select candidates.*
    from candidates
    anti join known
        on
            candidates.former_id = known.former_id
            and candidates.seen_on < known.snapshot_date
    where candidates.difference <= {{ tolerance }}

),

moved_before as (

    select snapshot_date, former_id from alike

    union

    select snapshot_date, former_id from known where former_id is not null

),

came_back as (

    select distinct alike.snapshot_date, alike.model_id
    from alike
    inner join records as before
        on
            alike.model_id = before.model_id
            and before.snapshot_date < alike.snapshot_date
            and before.snapshot_date
            >= alike.snapshot_date - {{ days_away }}
    anti join moved_before
        on
            alike.model_id = moved_before.former_id
            and moved_before.snapshot_date < alike.snapshot_date

),

-- One new id for an old one, the first and the most alike, and one old for a new.
renamed as (

    select snapshot_date, model_id, former_id
    from (
        select alike.*
        from alike
        anti join came_back
            on
                alike.snapshot_date = came_back.snapshot_date
                and alike.model_id = came_back.model_id
        qualify row_number() over (
            partition by alike.snapshot_date, alike.model_id
            order by
                alike.difference, alike.seen_on desc, alike.former_id
        ) = 1
    )
    qualify row_number() over (
        partition by former_id, seen_on
        order by snapshot_date, difference, model_id
    ) = 1

),

followed as (

    select * from renamed

    union all

    select * from all_switched

),

-- Who took a name, also one that was given up before.
takings as (

    select snapshot_date, model_id from followed

    union all

    select snapshot_date, model_id from known

),

-- Whoever comes under a name that was given up is somebody else.
reborn as (

    select
        arrived.snapshot_date,
        arrived.model_id
    from arrived
    inner join (
        select snapshot_date, former_id from followed
        union
        select snapshot_date, former_id from known where former_id is not null
    ) as moves
        on
            arrived.model_id = moves.former_id
            and arrived.snapshot_date > moves.snapshot_date
    anti join takings
        on
            moves.former_id = takings.model_id
            and moves.snapshot_date < takings.snapshot_date
            and arrived.snapshot_date > takings.snapshot_date
    qualify row_number() over (
        partition by arrived.model_id, moves.snapshot_date
        order by arrived.snapshot_date
    ) = 1

),

changes as (

    select snapshot_date, model_id, former_id, null::varchar as model_key
    from followed

    union all

    select distinct
        reborn.snapshot_date,
        reborn.model_id,
        null::varchar as former_id,
        reborn.model_id || '@' || reborn.snapshot_date as model_key
    from reborn
    anti join followed
        on
            reborn.snapshot_date = followed.snapshot_date
            and reborn.model_id = followed.model_id

    union all

    select snapshot_date, model_id, former_id, model_key from known

),

-- The change by which the former id had come to its key.
linked as (

    select
        changes.snapshot_date,
        changes.model_id,
        changes.former_id,
        changes.model_key,
        max(earlier.snapshot_date) as linked_on
    from changes
    left join changes as earlier
        on
            changes.former_id = earlier.model_id
            and changes.snapshot_date > earlier.snapshot_date
    group by all

),

keyed as (

    select
        snapshot_date,
        model_id,
        former_id,
        coalesce(model_key, former_id) as model_key
    from linked
    where model_key is not null or linked_on is null

    union all

    select
        linked.snapshot_date,
        linked.model_id,
        linked.former_id,
        keyed.model_key
    from linked
    inner join keyed
        on
            linked.former_id = keyed.model_id
            and linked.linked_on = keyed.snapshot_date
    where linked.model_key is null

),

final as (

    select keyed.*
    from keyed
    inner join build_window on keyed.snapshot_date >= build_window.from_date

)

select * from final
