{{ accumulates_events_by_day() }}

{%- set slice = slice_columns() %}

-- Who has models in a measured slice, and counters that tell nothing of them.
with slices as (

    select * from {{ ref('int_hub__slices') }}

),

days as (

    select * from {{ ref('int_hub__measured_days') }}
    where snapshot_date in (select snapshot_date from slices)

),

-- A long list names only who has most downloads. Of the others those are looked at who were among
-- the largest in the time that is looked back.
largest as (

    select distinct
        days.snapshot_date,
        shares.organization
    from (
        select snapshot_date, min(looked_back_to) as looked_back_to
        from days
        group by snapshot_date
    ) as days
    inner join (
        select distinct snapshot_date, entity as organization
        from {{ ref('int_hub__entity_shares') }}
        where
            entity_kind = 'organization'
            and is_among_largest
            and snapshot_date >= (select min(looked_back_to) from days)
    ) as shares
        on
            days.snapshot_date > shares.snapshot_date
            and days.looked_back_to <= shares.snapshot_date

),

owner_downloads as (

    select * from {{ ref('int_hub__owner_downloads') }}
    semi join largest using (snapshot_date, organization)

),

sliced as (

    {{ sliced('owner_downloads', ['organization']) }}

),

unknown as (

    select
        {{ slice | join(', ') }},
        'country' as entity_kind,
        country_key as entity
    from {{ ref('fct_country_share_daily') }}
    where
        country_code is not null
        and downloads is null
        and snapshot_date in (select snapshot_date from days)

    union all

    select
        {{ slice | join(', ') }},
        'organization' as entity_kind,
        organization as entity
    from {{ ref('fct_organization_share_daily') }}
    where
        organization <> '(other)'
        and downloads is null
        and snapshot_date in (select snapshot_date from days)

    union

    select
        slices.{{ slice | join(', slices.') }},
        'organization' as entity_kind,
        sliced.organization as entity
    from slices
    inner join sliced on {{ lists_the_slice('sliced') }}
    where sliced.downloads is null

),

final as (

    select unknown.*
    from unknown
    semi join days using ({{ slice | join(', ') }})

)

select * from final
