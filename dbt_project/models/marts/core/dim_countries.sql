with countries as (

    select * from {{ ref('countries') }}

),

keys_without_a_country as (

    select * from (
        values
        ('international', 'International communities'),
        ('unattributed_individual', 'Individuals'),
        ('unattributed_organization', 'Organizations not yet mapped'),
        ('unattributed_unknown', 'Owners nobody told us of')
    ) as rows (country_key, country_name)

),

final as (

    select
        country_code as country_key,
        country_code,
        country_name,
        region,
        sub_region,
        is_eu
    from countries

    union all

    select
        country_key,
        null as country_code,
        country_name,
        null as region,
        null as sub_region,
        false as is_eu
    from keys_without_a_country

)

select * from final
