with bounds as (

    select
        date_trunc('week', least(
            date '2022-01-03', min(snapshot_date)
        ))::date as first_day,
        max(snapshot_date) as last_day
    from {{ source('raw', 'snapshots') }}

),

days as (

    {{ each_day('(select first_day from bounds)', '(select last_day from bounds)') }}

),

snapshots as (

    select * from {{ source('raw', 'snapshots') }}

),

final as (

    select
        days.date_day,
        date_trunc('week', days.date_day)::date as week_start_date,
        extract(isoyear from days.date_day)::integer as iso_year,
        extract(week from days.date_day)::integer as iso_week,
        date_trunc('month', days.date_day)::date as month_start_date,
        snapshots.snapshot_date is not null as has_snapshot

    from days
    left join snapshots on days.date_day = snapshots.snapshot_date

)

select * from final
