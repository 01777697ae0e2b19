with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

inherited as {{ read_anew() }} (

    select * from {{ ref('int_hub__inherited_credits') }}

),

own as (

    select model_downloads.*
    from model_downloads
    anti join inherited
        on
            model_downloads.snapshot_date = inherited.snapshot_date
            and model_downloads.model_key = inherited.model_key

),

{% set measures %}
        count(*) filter (is_present) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }},
        max(downloads_{{ window }})::decimal(38, 9) as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        sum(uncorrected_{{ window }})::decimal(38, 9) as uncorrected_{{ window }}
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
    from model_downloads
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
