{{ accumulates_events_by_day() }}
{% call names_days() %}
{% raw %}
select unnest([snapshot_date, good_date]) as snapshot_date
from ({{ days_after_falls() }})
{% endraw %}
{% endcall %}

-- After many counters fell at once: how much is missing on that day and the snapshots after it.
with pairs as (

    {{ days_after_falls() }}

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
