{#- Downloads of organizations whose home is contested, by home and other possible home. -#}
with owner_downloads as (

    select * from {{ ref('int_hub__owner_downloads') }}

),

owners as (

    -- Who has no home yet may be anywhere already.
    select * from {{ ref('int_hub__owner_days') }}
    where
        is_contested
        and country_key not in (
            'unattributed_organization', 'unattributed_unknown'
        )

),

contested as (

    select owner_downloads.*, owners.country_key, owners.alternative_country_key
    from owner_downloads
    inner join owners
        on
            owner_downloads.snapshot_date = owners.snapshot_date
            and owner_downloads.organization = owners.organization

),

final as (

    {{ sliced('contested', ['country_key', 'alternative_country_key']) }}

)

select * from final
