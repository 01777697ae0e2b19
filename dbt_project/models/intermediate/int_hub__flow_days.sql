-- Which snapshots count in each series: all that have counters, or those that are usable.
with status as (

    select * from {{ ref('int_hub__counter_status') }}

),

days as (

    select
        'corrected' as series,
        snapshot_date,
        is_usable,
        epoch
    from status

    union all

    select
        'uncorrected' as series,
        snapshot_date,
        status <> 'uncounted' as is_usable,
        0 as epoch
    from status

),

final as (

    select
        *,
        max(snapshot_date) filter (is_usable) over (
            partition by series order by snapshot_date
            rows between unbounded preceding and 1 preceding
        ) as usable_before,
        min(snapshot_date) filter (is_usable) over (
            partition by series order by snapshot_date
            rows between current row and unbounded following
        ) as usable_from
    from days

)

select * from final
