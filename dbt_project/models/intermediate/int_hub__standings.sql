{%- set slice = ['window_name', 'attribution', 'cohort', 'scope', 'entity_kind'] %}

-- Those who may pass one another on the days of the build.
with days as (

    select * from {{ ref('int_hub__measured_days') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

shares as (

    select * from {{ ref('int_hub__entity_shares') }}
    where
        is_among_largest
        and snapshot_date in (select snapshot_date from days)

),

shares_before as (

    select * from {{ ref('int_hub__entity_shares') }}
    where snapshot_date in (select previous_date from days)

),

unknown_before as (

    select * from {{ ref('int_hub__unknown_shares') }}
    where snapshot_date in (select previous_date from days)

),

largest as (

    select
        shares.snapshot_date,
        {%- for name in slice + ['entity', 'share_of_all'] %}
        shares.{{ name }},
        {%- endfor %}
        days.day_number,
        days.previous_date,
        days.looked_back_to,
        shares_before.share_of_all as share_before,
        shares_before.is_in_list as was_in_list,
        unknown_before.entity is not null as was_unknown
    from days
    inner join shares
        using (snapshot_date, window_name, attribution, cohort, scope)
    {%- for before in ['shares_before', 'unknown_before'] %}
    left join {{ before }}
        on
            days.previous_date = {{ before }}.snapshot_date
            {%- for name in slice + ['entity'] %}
            and shares.{{ name }} = {{ before }}.{{ name }}
            {%- endfor %}
    {%- endfor %}

),

others as (

    select distinct snapshot_date, {{ slice[:-1] | join(', ') }}
    from {{ ref('fct_organization_share_daily') }}
    where
        organization = '(other)'
        and snapshot_date in (select previous_date from days)

),

final as (

    select
        largest.*,
        largest.entity_kind = 'organization'
        and largest.share_before is null
        and not largest.was_unknown
        and owners.organization is not null
        and others.snapshot_date is not null as is_from_other
    from largest
    left join {{ ref('int_hub__owners') }} as owners
        on
            largest.entity = owners.organization
            and largest.previous_date >= owners.first_seen_on
    left join others
        on
            largest.previous_date = others.snapshot_date
            {%- for name in slice[:-1] %}
            and largest.{{ name }} = others.{{ name }}
            {%- endfor %}

)

select * from final
