with owner_downloads as (

    select * from {{ ref('int_hub__owner_downloads') }}

),

owners as (

    select * from {{ ref('int_hub__owner_days') }}

),

shared as (

    select * from {{ ref('int_hub__divided_credits') }}

),

whole as (

    select
        owner_downloads.snapshot_date,
        owner_downloads.attribution,
        owners.country_key,
        owner_downloads.is_new_365d,
        owner_downloads.is_language_model,
        owner_downloads.models_count
        {%- for window in download_windows() %},
        owner_downloads.downloads_{{ window }},
        owner_downloads.largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        owner_downloads.uncorrected_{{ window }}
        {%- endfor %}
    from owner_downloads
    inner join owners
        on
            owner_downloads.snapshot_date = owners.snapshot_date
            and owner_downloads.organization = owners.organization
    where owner_downloads.is_whole

),

-- A merge of two models of one country is one model of that country.
divided as (

    select
        shared.snapshot_date,
        'base_model' as attribution,
        owners.country_key,
        shared.is_new_365d,
        shared.is_language_model,
        shared.is_present::integer as models_count
        {%- for window in download_windows() %},
        sum(shared.downloads_{{ window }}) as downloads_{{ window }},
        sum(shared.downloads_{{ window }}) as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        sum(shared.uncorrected_{{ window }}) as uncorrected_{{ window }}
        {%- endfor %}
    from shared
    inner join owners
        on
            shared.snapshot_date = owners.snapshot_date
            and shared.organization = owners.organization
    where not shared.is_whole
    group by
        shared.snapshot_date,
        shared.model_key,
        owners.country_key,
        shared.is_present,
        shared.is_new_365d,
        shared.is_language_model

),

final as (

    select
        snapshot_date,
        attribution,
        country_key,
        is_new_365d,
        is_language_model,
        {{ summed_measures() }}
    from (
        select * from whole
        union all
        select * from divided
    )
    group by all

)

select * from final
