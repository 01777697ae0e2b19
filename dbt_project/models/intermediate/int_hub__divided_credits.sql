with lineage as (

    select * from {{ ref('int_hub__lineage') }}

),

model_downloads as (

    select * from {{ ref('int_hub__model_downloads') }}
    where is_divided

),

by_root_organization as (

    select
        snapshot_date,
        model_key,
        root_organization as organization,
        sum(credit)::decimal(18, 12) as credit
    from lineage
    where credit < 0.999999999
    group by all

),

final as (

    select
        shares.snapshot_date,
        shares.model_key,
        shares.organization,
        model_downloads.is_present,
        model_downloads.is_new_365d,
        model_downloads.is_language_model,
        shares.credit >= 0.999999999 as is_whole
        {%- for window in download_windows() %},
        {{ credited('model_downloads.downloads_' ~ window, 'shares.credit') }}
            as downloads_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        {{ credited('model_downloads.uncorrected_' ~ window, 'shares.credit') }}
            as uncorrected_{{ window }}
        {%- endfor %}

    from by_root_organization as shares
    inner join model_downloads
        on
            shares.snapshot_date = model_downloads.snapshot_date
            and shares.model_key = model_downloads.model_key

)

select * from final
