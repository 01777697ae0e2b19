{{ accumulates_by_day() }}
{% call names_days() %}
{% raw %}
select snapshot_date
from {{ source('raw', 'snapshots') }}
where {{ is_in_build_window() }}
{% if is_incremental() %}
union all
select max(snapshot_date) as snapshot_date
from {{ this }}
where models_count > 0 and not {{ is_in_build_window() }}
{% endif %}
{% endraw %}
{% endcall %}

with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

window_days as (

    select snapshots.snapshot_date
    from {{ source('raw', 'snapshots') }} as snapshots
    inner join build_window
        on
            snapshots.snapshot_date >= build_window.from_date
            and snapshots.snapshot_date <= build_window.to_date

),

-- A snapshot without counters in between is no reason to compare with none.
counted_days as (

    select distinct snapshot_date
    from {{ source('raw', 'hub_counters') }}
    where
        "downloadsAllTime" is not null
        and {{ is_of_days('window_days') }}

    {% if is_incremental() %}
    union all

    select snapshot_date
    from {{ this }}
    where
        models_count > 0
        and snapshot_date < (select from_date from build_window)
    {% endif %}

),

days as (

    select
        window_days.snapshot_date,
        max(counted_days.snapshot_date) as previous_date
    from window_days
    left join counted_days
        on window_days.snapshot_date > counted_days.snapshot_date
    group by window_days.snapshot_date

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('days') }}

),

counters_before as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('days', 'previous_date') }}

),

today as (

    select
        days.snapshot_date,
        counters.model_key,
        counters.counter,
        coalesce(counters.downloads_30d > 60000, false) as is_large
    from counters
    inner join days on counters.snapshot_date = days.snapshot_date

),

before as (

    select
        days.snapshot_date,
        counters.model_key,
        counters.counter
    from counters_before as counters
    inner join days on counters.snapshot_date = days.previous_date

),

changes as (

    select
        today.snapshot_date,
        count(*) as models_count,
        count(before.counter) as common_models_count,
        coalesce(
            sum(greatest(today.counter - before.counter, 0)), 0
        )::bigint as rise,
        count(*) filter (today.counter < before.counter) as fallen_models_count,
        count(before.counter) filter (today.is_large) as large_models_count,
        count(*) filter (
            today.is_large and today.counter = before.counter
        ) as frozen_models_count

    from today
    left join before
        on
            today.snapshot_date = before.snapshot_date
            and today.model_key = before.model_key
    group by today.snapshot_date

),

final as (

    select
        days.snapshot_date,
        days.previous_date,
        coalesce(changes.models_count, 0) as models_count,
        coalesce(changes.common_models_count, 0) as common_models_count,
        case when changes.common_models_count > 0 then changes.rise
        end as rise,
        coalesce(changes.fallen_models_count, 0) as fallen_models_count,
        coalesce(changes.large_models_count, 0) as large_models_count,
        coalesce(changes.frozen_models_count, 0) as frozen_models_count

    from days
    left join changes on days.snapshot_date = changes.snapshot_date

)

select * from final
