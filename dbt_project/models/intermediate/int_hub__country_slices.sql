with country_downloads as (

    select * from {{ ref('int_hub__country_downloads') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

contested_slices as (

    select * from {{ ref('int_hub__contested_slices') }}

),

sliced as (

    {{ sliced('country_downloads', ['country_key']) }}

),

-- What may be a country's is in its band, if it has nothing else.
possible as (

    select distinct
        {{ slice_columns() | join(', ') }},
        alternative_country_key as country_key
    from contested_slices
    where alternative_country_key is not null and downloads > 0

),

listed as (

    select * from sliced

    union all

    select
        possible.*,
        0 as models_count,
        0 as downloads,
        0 as largest_downloads,
        0 as downloads_uncorrected
    from possible
    anti join sliced using ({{ slice_columns() | join(', ') }}, country_key)

),

final as (

    select
        slices.snapshot_date,
        slices.window_name,
        slices.attribution,
        slices.cohort,
        slices.scope,
        listed.country_key,
        case when slices.is_content_known then listed.models_count
        end as models_count,
        case when slices.null_reason is null
            then listed.downloads end as downloads,
        case when slices.null_reason is null
            then listed.largest_downloads end as largest_downloads,
        case when slices.is_uncorrected_known
            then listed.downloads_uncorrected end as downloads_uncorrected,
        coalesce(slices.null_reason, {{ reason_of_unknown('listed') }})
            as null_reason

    from slices
    inner join listed on {{ lists_the_slice('listed') }}

)

select * from final
