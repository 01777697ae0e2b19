with known_days as (

    select snapshot_date as date_day from {{ source('raw', 'snapshots') }}

    union all

    -- Days that the first gate refused are told of as well.
    select snapshot_date as date_day from {{ source('raw', 'quality_checks') }}

    union all

    select min(released_on) as date_day
    from {{ ref('int_hub__launched_releases') }}

    union all

    select date '2022-01-03' as date_day

),

bounds as (

    select
        date_trunc('week', min(date_day))::date as first_day,
        max(date_day) as last_day
    from known_days

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
