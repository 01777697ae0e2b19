{{ accumulates_events_by_day() }}
{% call names_days() %}
{% raw %}
select unnest([days.snapshot_date, falls.previous_date]) as snapshot_date
from {{ ref('int_hub__counter_days') }} as days
inner join {{ ref('int_hub__counter_days') }} as falls
    on
        days.snapshot_date >= falls.snapshot_date
        and falls.fallen_models_count
        > {{ rollback_share() }} * falls.common_models_count
where {{ is_in_build_window('days.snapshot_date') }}
{% endraw %}
{% endcall %}

-- After many counters fell at once: how much is missing on that day and the snapshots after it.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

days as (

    select
        *,
        row_number() over (order by snapshot_date) as place
    from {{ ref('int_hub__counter_days') }}
    where models_count > 0

),

pairs as (

    select
        days.snapshot_date,
        falls.snapshot_date as fell_on,
        falls.previous_date as good_date

    from days
    inner join build_window
        on
            days.snapshot_date >= build_window.from_date
            and days.snapshot_date <= build_window.to_date
    inner join days as falls
        on
            falls.fallen_models_count
            > {{ rollback_share() }} * falls.common_models_count
            and days.place >= falls.place
            and days.place <= falls.place + {{ held_snapshots() }}

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('pairs') }}

),

good_counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('pairs', 'good_date') }}

),

good as (

    select
        pairs.snapshot_date,
        pairs.fell_on,
        good_counters.model_key,
        good_counters.counter
    from pairs
    inner join good_counters on pairs.good_date = good_counters.snapshot_date

),

final as (

    select
        good.snapshot_date,
        good.fell_on,
        sum(greatest(good.counter - counters.counter, 0))::bigint as shortfall

    from good
    inner join counters
        on
            good.snapshot_date = counters.snapshot_date
            and good.model_key = counters.model_key
    group by good.snapshot_date, good.fell_on

)

select * from final
