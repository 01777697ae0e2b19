{{ accumulates_events_by_day() }}

-- Who has models in a measured slice, and counters that tell nothing of them.
with days as (

    select * from {{ ref('int_hub__measured_days') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

unknown as (

    select
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope,
        'country' as entity_kind,
        country_key as entity
    from {{ ref('fct_country_share_daily') }}
    where country_code is not null and downloads is null

    union all

    select
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope,
        'organization' as entity_kind,
        organization as entity
    from {{ ref('fct_organization_share_daily') }}
    where organization <> '(other)' and downloads is null

),

final as (

    select unknown.*
    from unknown
    semi join days
        using (snapshot_date, window_name, attribution, cohort, scope)

)

select * from final
