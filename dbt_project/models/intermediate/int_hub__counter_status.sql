{#- A dip or a spike is that far from the usual rise of the 15 days before. -#}
{% set stall = 0.3 %}
{% set dip = 0.7 %}
{% set spike = 1.3 %}
{% set fewest_days = 3 %}

with recursive days as (

    select * from {{ ref('int_hub__counter_days') }}

),

-- A snapshot without counters says nothing: the others are neighbours.
counted as (

    select
        *,
        row_number() over (order by snapshot_date) as place,
        snapshot_date - previous_date as days_count
    from days
    where models_count > 0

),

shortfalls as (

    select * from {{ ref('int_hub__counter_shortfalls') }}

),

daily as (

    select
        *,
        rise::double / days_count as daily_rise
    from counted

),

usual as (

    select
        *,
        case when count(daily_rise) over fortnight >= {{ fewest_days }}
            then median(daily_rise) over fortnight
        end as usual_rise
    from daily
    window fortnight as (
        order by snapshot_date
        range between interval 15 day preceding and interval 1 day preceding
    )

),

compared as (

    select
        *,
        daily_rise < {{ dip }} * usual_rise as is_dip,
        daily_rise >= {{ spike }} * usual_rise as is_spike,
        -- By how much the counters rose more, or less, than in as many usual days.
        (daily_rise - usual_rise) * days_count as surplus,
        coalesce(
            daily_rise < {{ stall }} * usual_rise
            or (
                frozen_models_count >= 2
                and frozen_models_count >= 0.25 * large_models_count
            ),
            false
        ) as is_stall,
        fallen_models_count > {{ rollback_share() }} * common_models_count as is_fall
    from usual

),

-- Between a dip and the spike that repays it lies the snapshot that is out of step.
stepped as (

    select
        *,
        is_stall
        or coalesce(
            is_dip
            and lead(surplus) over (order by place) >= -0.5 * surplus,
            false
        )
        or coalesce(
            is_spike
            and lead(is_dip and not is_stall) over (order by place)
            and surplus >= -0.5 * lead(surplus) over (order by place),
            false
        ) as is_out_of_step,
        place = max(place) over () and coalesce(is_dip or is_spike, false)
            as may_be_out_of_step
    from compared

),

walk as (

    select
        0::bigint as place,
        'ok' as status,
        null::date as fell_on,
        0 as held_count

    union all

    select
        stepped.place,
        case
            when shortfalls.shortfall > 0.1 * fallen.shortfall
                then case when walk.held_count < {{ held_snapshots() }}
                    then 'held' else 'corrected' end
            when walk.fell_on is not null then 'ok'
            when stepped.is_fall then 'held'
            when stepped.is_out_of_step
                and walk.held_count < {{ held_snapshots() }} then 'stalled'
            else 'ok'
        end as status,
        case
            when shortfalls.shortfall > 0.1 * fallen.shortfall
                then case when walk.held_count < {{ held_snapshots() }}
                    then walk.fell_on end
            when walk.fell_on is not null then null
            when stepped.is_fall then stepped.snapshot_date
        end as fell_on,
        case
            when shortfalls.shortfall > 0.1 * fallen.shortfall
                then case when walk.held_count < {{ held_snapshots() }}
                    then walk.held_count + 1 else 0 end
            when walk.fell_on is not null then 0
            when stepped.is_fall then 1
            when stepped.is_out_of_step
                and walk.held_count < {{ held_snapshots() }}
                then walk.held_count + 1
            else 0
        end as held_count

    from walk
    inner join stepped on walk.place + 1 = stepped.place
    left join shortfalls as fallen
        on
            walk.fell_on = fallen.fell_on
            and walk.fell_on = fallen.snapshot_date
    left join shortfalls
        on
            walk.fell_on = shortfalls.fell_on
            and stepped.snapshot_date = shortfalls.snapshot_date

),

judged as (

    select
        days.snapshot_date,
        days.previous_date,
        coalesce(walk.status, 'uncounted') as status,
        walk.fell_on,
        coalesce(walk.status in ('ok', 'corrected'), false) as is_usable,
        coalesce(
            walk.status in ('ok', 'corrected')
            and not stepped.may_be_out_of_step,
            false
        ) as is_firm,
        count(*) filter (walk.status = 'corrected') over (
            order by days.snapshot_date
        ) as epoch,
        days.common_models_count,
        days.fallen_models_count,
        days.large_models_count,
        days.frozen_models_count,
        stepped.daily_rise,
        stepped.usual_rise
    from days
    left join stepped on days.snapshot_date = stepped.snapshot_date
    left join walk on stepped.place = walk.place

),

final as (

    select
        *,
        -- No later snapshot can change what this day says.
        status = 'uncounted'
        or snapshot_date <= max(snapshot_date) filter (is_firm) over ()
            as is_settled
    from judged

)

select * from final
