{{ config(materialized='view') }}

{#- So many days one must stay ahead to have overtaken. -#}
{% set days_ahead = 7 %}

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
        min(snapshot_date) over (
            partition by window_name, attribution, cohort, scope
            order by snapshot_date
            range between
            interval {{ days_ahead }} day following
            and unbounded following
        ) as confirming_date
    from measured

)

select * from final
