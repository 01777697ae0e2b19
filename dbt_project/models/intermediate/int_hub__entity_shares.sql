{{ config(materialized='view') }}

-- Countries and organizations with their shares, of the whole history.
with final as (

    select
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope,
        'country' as entity_kind,
        country_key as entity,
        share_of_all,
        share_of_all_low,
        share_of_all_high,
        rank <= 20 as is_among_largest,
        true as is_in_list
    from {{ ref('fct_country_share_daily') }}
    where rank is not null

    union all

    select
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope,
        'organization' as entity_kind,
        organization as entity,
        share_of_all,
        share_of_all as share_of_all_low,
        share_of_all as share_of_all_high,
        rank <= 50 as is_among_largest,
        rank <= {{ named_organizations() }} as is_in_list
    from {{ ref('fct_organization_share_daily') }}
    where rank is not null

)

select * from final
