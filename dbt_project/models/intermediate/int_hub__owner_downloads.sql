with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

inherited as {{ read_anew() }} (

    select * from {{ ref('int_hub__inherited_credits') }}

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

heirs as (

    select distinct snapshot_date, model_key
    from inherited

),

-- Both attributions from one look at the models: whose downloads a root inherits is theirs by
-- publisher alone.
parts as (

    select
        model_downloads.snapshot_date,
        model_downloads.organization,
        model_downloads.is_new_365d,
        model_downloads.is_language_model,
        heirs.model_key is not null as is_inherited,
        {{ measures }}
    from model_downloads
    left join heirs
        on
            model_downloads.snapshot_date = heirs.snapshot_date
            and model_downloads.model_key = heirs.model_key
    group by all

),

final as (

    select
        snapshot_date,
        'publisher' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        {{ summed_measures() }}
    from parts
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        models_count
        {%- for window in download_windows() %},
        downloads_{{ window }},
        largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        uncorrected_{{ window }}
        {%- endfor %}
    from parts
    where not is_inherited

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
