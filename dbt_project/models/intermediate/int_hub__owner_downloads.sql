with model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

inherited as (

    select * from {{ ref('int_hub__inherited_credits') }}

),

own as (

    select model_days.*
    from model_days
    anti join inherited
        on
            model_days.snapshot_date = inherited.snapshot_date
            and model_days.model_key = inherited.model_key

),

{% set measures %}
        count(*) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 6) as downloads_{{ window }},
        max(downloads_{{ window }})::decimal(38, 6) as largest_{{ window }}
        {%- endfor %}
{% endset %}

final as (

    select
        snapshot_date,
        'publisher' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        {{ measures }}
    from model_days
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        {{ measures }}
    from own
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        is_whole,
        {{ measures }}
    from inherited
    group by all

)

select * from final
