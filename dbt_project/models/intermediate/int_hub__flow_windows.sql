-- Between which snapshots each window of each day of this build is measured. An end that no
-- snapshot has, or none that is usable, is interpolated between the snapshots around it.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

status as (

    select * from {{ ref('int_hub__counter_status') }}

),

usable as (

    select series, snapshot_date
    from {{ ref('int_hub__flow_days') }}
    where is_usable

),

windows as (

    {% for window, days in flow_windows().items() %}
    select '{{ window }}' as window_name, {{ days }} as window_days
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

asked as (

    select
        status.snapshot_date,
        flow_series.series,
        windows.window_name,
        status.status,
        status.snapshot_date - windows.window_days as start_date
    from status
    inner join build_window
        on
            status.snapshot_date >= build_window.from_date
            and status.snapshot_date <= build_window.to_date
    cross join windows
    cross join (
        {% for series in flow_series() %}
        select '{{ series }}' as series
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    ) as flow_series

),

bounded as (

    select
        asked.snapshot_date,
        asked.series,
        asked.window_name,
        asked.status,
        asked.start_date,
        min(usable.snapshot_date) as first_date,
        max(usable.snapshot_date) filter (
            usable.snapshot_date <= asked.start_date
        ) as start_before,
        min(usable.snapshot_date) filter (
            usable.snapshot_date >= asked.start_date
        ) as start_after,
        max(usable.snapshot_date) filter (
            usable.snapshot_date <= asked.snapshot_date
        ) as end_before,
        min(usable.snapshot_date) filter (
            usable.snapshot_date >= asked.snapshot_date
        ) as end_after
    from asked
    left join usable on asked.series = usable.series
    group by all

),

final as (

    select
        *,
        greatest(start_after - start_before, 1) as start_days,
        greatest(end_after - end_before, 1) as end_days,
        case
            when status = 'uncounted'
                then 'the source records no downloadsAllTime'
            when end_after is null and status = 'held'
                then 'many counters fell at once: held until they come back or the fall is accepted'
            when end_after is null
                then 'the counters stood still: known when they move again'
            when start_before is null
                then 'the counters are known since ' || first_date
                    || ', after the window begins'
        end as null_reason
    from bounded

)

select * from final
