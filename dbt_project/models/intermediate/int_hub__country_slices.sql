with country_downloads as (

    select * from {{ ref('int_hub__country_downloads') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

sliced as (

    {{ sliced('country_downloads', ['country_key']) }}

),

final as (

    select
        slices.snapshot_date,
        slices.window_name,
        slices.attribution,
        slices.cohort,
        slices.scope,
        sliced.country_key,
        case when slices.is_content_known then sliced.models_count
        end as models_count,
        case when slices.null_reason is null
            then sliced.downloads end as downloads,
        case when slices.null_reason is null
            then sliced.largest_downloads end as largest_downloads,
        case when slices.is_uncorrected_known
            then sliced.downloads_uncorrected end as downloads_uncorrected,
        coalesce(slices.null_reason, {{ reason_of_unknown('sliced') }})
            as null_reason

    from slices
    inner join sliced on {{ lists_the_slice('sliced') }}

)

select * from final
