-- What models pass on to the models at the root of their lineage. Those that give all to one root
-- are summed up; a merge of several keeps a row for each root, so that nobody counts it twice.
with lineage as (

    select * from {{ ref('int_hub__lineage') }}

),

model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

final as (

    select
        snapshot_date,
        root_model_id,
        null as divided_model_key,
        is_new_365d,
        is_language_model,
        count(*) filter (is_present) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }}
        {%- endfor %}
    from model_downloads
    where root_model_id is not null
    group by all

    union all

    select
        lineage.snapshot_date,
        lineage.root_model_id,
        lineage.model_key as divided_model_key,
        model_downloads.is_new_365d,
        model_downloads.is_language_model,
        model_downloads.is_present::bigint as models_count
        {%- for window in download_windows() %},
        {{ credited('model_downloads.downloads_' ~ window, 'lineage.credit') }}
            as downloads_{{ window }}
        {%- endfor %}
    from lineage
    inner join model_downloads
        on
            lineage.snapshot_date = model_downloads.snapshot_date
            and lineage.model_key = model_downloads.model_key
    where lineage.credit < 0.999999999 and model_downloads.is_divided

)

select * from final
