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
        sliced.snapshot_date,
        sliced.window_name,
        sliced.attribution,
        sliced.cohort,
        sliced.scope,
        sliced.country_key,
        sliced.models_count,
        case when slices.null_reason is null
            then coalesce(sliced.downloads, 0) end as downloads,
        case when slices.null_reason is null
            then coalesce(sliced.largest_downloads, 0) end as largest_downloads,
        case when slices.is_uncorrected_known
            then coalesce(sliced.downloads_uncorrected, 0)
        end as downloads_uncorrected,
        slices.null_reason

    from sliced
    inner join slices
        using (snapshot_date, window_name, attribution, cohort, scope)

)

select * from final
