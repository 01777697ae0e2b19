with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

divided as (

    select * from {{ ref('int_hub__divided_credits') }}

),

final as (

    select
        snapshot_date,
        'publisher' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        {{ measures_of_models() }}
    from model_downloads
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        coalesce(root_organization, organization) as organization,
        is_new_365d,
        is_language_model,
        true as is_whole,
        {{ measures_of_models() }}
    from model_downloads
    where not is_divided
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        organization,
        is_new_365d,
        is_language_model,
        is_whole,
        {{ measures_of_models() }}
    from divided
    group by all

)

select * from final
