-- New derivatives by family and the month in which they were created.
with parts as {{ read_anew() }} (

    select * from {{ ref('int_hub__family_parts') }}
    where created_month is not null

),

derivatives as (

    {{ derivatives_by_attribution('parts') }}

),

final as (

    select
        snapshot_date,
        attribution,
        organization,
        family_name,
        line_name,
        is_unknown,
        created_month,
        is_new_365d,
        is_language_model,
        sum(new_derivatives_all_time)::decimal(38, 12) as new_derivatives
    from derivatives
    group by all

)

select * from final
