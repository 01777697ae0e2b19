{{ accumulates_events_by_day() }}
{% call names_days() %}{{ flow_days_of_build() }}{% endcall %}

-- Cumulative downloads of each model on the day it reached an age, as the first usable snapshot
-- from that day on tells; between two snapshots the level rises evenly, as flows do.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

usable_days as (

    select
        flow_days.snapshot_date,
        flow_days.usable_before as since_date
    from {{ ref('int_hub__flow_days') }} as flow_days
    inner join build_window
        on
            flow_days.snapshot_date >= build_window.from_date
            and flow_days.snapshot_date <= build_window.to_date
    where flow_days.series = 'corrected' and flow_days.is_usable

),

calendar as (

    {{ each_day(
        '(select min(coalesce(since_date, snapshot_date)) from usable_days)',
        '(select max(snapshot_date) from usable_days)'
    ) }}

),

told_days as (

    select
        calendar.date_day as reached_on,
        usable_days.snapshot_date,
        usable_days.since_date
    from calendar
    inner join usable_days
        on
            calendar.date_day <= usable_days.snapshot_date
            and calendar.date_day > coalesce(
                usable_days.since_date, usable_days.snapshot_date - 1
            )

),

releases as (

    select model_key, released_on
    from {{ ref('int_hub__launched_releases') }}
    where released_on is not null

),

ages as (

    {% for age in adoption_ages() %}
    select {{ age }} as age_days
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

due as (

    select
        told_days.*,
        releases.model_key,
        releases.released_on,
        ages.age_days
    from releases
    cross join ages
    inner join told_days
        on releases.released_on + ages.age_days = told_days.reached_on

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

-- The snapshots between which a model reached an age.
ends as (

    select model_key, age_days, snapshot_date as seen_on
    from due

    union all

    select model_key, age_days, since_date as seen_on
    from due
    where since_date is not null

),

asked_days as (

    select snapshot_date from usable_days

    union

    select since_date as snapshot_date from usable_days

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('asked_days') }}

),

levels as (

    select
        ends.*,
        {{ level('counters.counter', 'floors') }} as level
    from counters
    inner join ends
        on
            counters.snapshot_date = ends.seen_on
            and counters.model_key = ends.model_key
    left join floors
        on
            counters.model_key = floors.model_key
            and counters.snapshot_date >= floors.snapshot_date
            and counters.snapshot_date < floors.next_date

),

leveled as (

    select
        due.*,
        at_end.level as level_at_end,
        -- What is new since the snapshot before had nothing then.
        coalesce(
            at_start.level,
            case when due.released_on >= due.since_date then 0 end
        ) as level_at_start
    from due
    inner join levels as at_end
        on
            due.model_key = at_end.model_key
            and due.age_days = at_end.age_days
            and due.snapshot_date = at_end.seen_on
    left join levels as at_start
        on
            due.model_key = at_start.model_key
            and due.age_days = at_start.age_days
            and due.since_date = at_start.seen_on

),

measured as (

    select
        snapshot_date,
        model_key,
        age_days,
        reached_on,
        case
            when reached_on = snapshot_date then level_at_end::double
            else level_at_start + (level_at_end - level_at_start)
                * (reached_on - since_date)::double
                / (snapshot_date - since_date)
        end as downloads
    from leveled

),

final as (

    select * from measured
    where downloads >= {{ least_level() }}

)

select * from final
