{{ accumulates_by_day() }}

with model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

final as (

    select
        snapshot_date,
        count(*) as models_count,
        count(distinct organization) as organizations_count,
        sum(downloads_30d)::bigint as downloads_30d,
        sum(downloads_all_time)::bigint as downloads_all_time,
        count(downloads_30d) > 0 as has_downloads_30d,
        count(downloads_all_time) > 0 as has_downloads_all_time,
        count(created_at) > 0 as has_created_at,
        bool_or(has_scope) as has_scope,
        bool_or(has_tags) as has_tags

    from model_days
    group by snapshot_date

)

select * from final
