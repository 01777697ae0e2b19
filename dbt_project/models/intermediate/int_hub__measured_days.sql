{{ config(materialized='view') }}

with measured as (

    select distinct
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope
    from {{ ref('fct_country_share_daily') }}
    where null_reason is null

),

final as (

    select
        *,
        lag(snapshot_date) over (
            partition by window_name, attribution, cohort, scope
            order by snapshot_date
        ) as previous_date,
        row_number() over (
            partition by window_name, attribution, cohort, scope
            order by snapshot_date
        ) as day_number,
        min(snapshot_date) over (
            partition by window_name, attribution, cohort, scope
            order by snapshot_date
            rows between {{ days_looked_back() }} preceding and current row
        ) as looked_back_to,
        min(snapshot_date) over (
            partition by window_name, attribution, cohort, scope
            order by snapshot_date
            range between
            interval {{ days_ahead() }} day following
            and unbounded following
        ) as confirming_date
    from measured

)

select * from final
