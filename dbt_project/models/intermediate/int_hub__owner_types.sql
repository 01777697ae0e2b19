{{ config(materialized='view') }}

with owners as (

    select * from {{ ref('int_hub__owners') }}

),

individuals as (

    select * from {{ ref('hub_individuals') }}

),

asked as (

    select * from {{ ref('stg_hub__authors') }}

),

final as (

    select
        owners.organization,
        -- A handle alone (low) tells less than the Hub's own answer.
        case
            when individuals.confidence <> 'low' then 'individual'
            when asked.author_type in ('organization', 'individual')
                then asked.author_type
            when individuals.confidence = 'low' then 'individual'
            when owners.recorded_type = 'org' then 'organization'
            when owners.recorded_type = 'user' then 'individual'
            else 'unknown'
        end as owner_type,
        case
            when individuals.confidence <> 'low' then individuals.evidence
            when asked.author_type in ('organization', 'individual')
                then 'the Hub says so'
            when individuals.confidence = 'low' then individuals.evidence
            when owners.recorded_type is not null then 'the records say so'
            else 'nobody told us'
        end as evidence

    from owners
    left join individuals on owners.organization = individuals.organization
    left join asked on owners.organization = asked.organization

)

select * from final
