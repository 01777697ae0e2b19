-- What models pass on to the models at the root of their lineage. Those that give all to one root
-- are summed up; a merge of several keeps a row for each root, so that nobody counts it twice.
with lineage as (

    select * from {{ ref('int_hub__lineage') }}

),

model_downloads as (

    select * from {{ ref('int_hub__model_downloads') }}

),

credits as (

    select
        lineage.snapshot_date,
        lineage.root_model_id,
        case when lineage.credit < 0.999999999 then lineage.model_key
        end as divided_model_key,
        model_downloads.is_present,
        model_downloads.is_new_365d,
        model_downloads.is_language_model
        {%- for window in download_windows() %},
        {{ credited('model_downloads.downloads_' ~ window, 'lineage.credit') }}
            as downloads_{{ window }}
        {%- endfor %}

    from lineage
    inner join model_downloads
        on
            lineage.snapshot_date = model_downloads.snapshot_date
            and lineage.model_key = model_downloads.model_key

),

final as (

    select
        snapshot_date,
        root_model_id,
        divided_model_key,
        is_new_365d,
        is_language_model,
        count(*) filter (is_present) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }}
        {%- endfor %}
    from credits
    group by all

)

select * from final
