{#- Downloads of models whose lineage is known: a parent is declared, or an override tells. -#}
{% set slice = ['snapshot_date', 'window_name', 'attribution', 'cohort', 'scope'] %}

with model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

known as (

    select distinct snapshot_date, model_key from {{ ref('int_hub__lineage_edges') }}

    union

    select model_days.snapshot_date, model_days.model_key
    from model_days
    inner join {{ ref('lineage_overrides') }} as overrides
        on model_days.model_id = overrides.model_id

),

flagged as (

    select
        model_days.snapshot_date,
        model_days.is_new_365d,
        model_days.is_language_model,
        known.model_key is not null as is_known,
        count(*) as models_count
        {%- for window in download_windows() %},
        sum(model_days.downloads_{{ window }}) as downloads_{{ window }},
        0 as largest_{{ window }}
        {%- endfor %}
    from model_days
    left join known
        on
            model_days.snapshot_date = known.snapshot_date
            and model_days.model_key = known.model_key
    group by all

),

by_attribution as (

    select flagged.*, attributions.attribution
    from flagged
    cross join (
        select 'publisher' as attribution
        union all
        select 'base_model' as attribution
    ) as attributions

),

sliced as (

    {{ sliced('by_attribution', ['is_known']) }}

),

final as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as downloads,
        coalesce(sum(downloads) filter (is_known), 0) as known_downloads
    from sliced
    group by all

)

select * from final
