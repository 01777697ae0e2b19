{#-
    Downloads of models whose lineage is known: a parent is declared, or an override tells. Of
    these all are derivatives but those of whom an override tells that they are roots.
-#}
{% set slice = slice_columns() %}

with model_downloads as (

    select * from {{ ref('int_hub__model_downloads') }}

),

flagged as (

    select
        snapshot_date,
        is_new_365d,
        is_language_model,
        is_lineage_known as is_known,
        is_derivative,
        count(*) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }}) as downloads_{{ window }},
        0 as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        0 as uncorrected_{{ window }}
        {%- endfor %}
    from model_downloads
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

    {{ sliced('by_attribution', ['is_known', 'is_derivative']) }}

),

final as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as downloads,
        coalesce(sum(downloads) filter (is_known), 0) as known_downloads,
        coalesce(sum(downloads) filter (is_derivative), 0)
            as derivative_downloads
    from sliced
    group by all

)

select * from final
