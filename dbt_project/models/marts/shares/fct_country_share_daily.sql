{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{%- set slice = slice_columns() %}
{%- set keys = ['country_key'] %}

with country_slices as (

    select
        *,
        length(country_key) = 2 as is_country
    from {{ ref('int_hub__country_slices') }}

),

contested_slices as (

    select * from {{ ref('int_hub__contested_slices') }}

),

status as (

    select * from {{ ref('int_hub__counter_status') }}

),

totals as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as all_downloads,
        sum(downloads) filter (is_country) as attributed_downloads,
        coalesce(sum(downloads) filter (
            country_key in ('unattributed_organization', 'unattributed_unknown')
        ), 0) as homeless_downloads
    from country_slices
    group by all

),

-- A contested home without another country that claims it could be anywhere.
contested_anywhere as (

    select {{ slice | join(', ') }}, sum(downloads) as anywhere_downloads
    from contested_slices
    where alternative_country_key is null
    group by all

),

contested_here as (

    select
        {{ slice | join(', ') }},
        country_key,
        sum(downloads) as here_downloads,
        coalesce(
            sum(downloads) filter (alternative_country_key is null), 0
        ) as here_or_anywhere_downloads
    from contested_slices
    group by all

),

contested_elsewhere as (

    select
        {{ slice | join(', ') }},
        alternative_country_key as country_key,
        sum(downloads) as elsewhere_downloads
    from contested_slices
    where
        alternative_country_key is not null
        and alternative_country_key <> coalesce(country_key, '')
    group by all

),

shares as (

    select
        country_slices.snapshot_date,
        country_slices.window_name,
        country_slices.attribution,
        country_slices.cohort,
        country_slices.scope,
        country_slices.country_key,
        case when is_country then country_slices.country_key
        end as country_code,
        {{ measures_of_shares('country_slices', 'is_country') }},
        case when is_country
            then {{ published_share(
                ratio('downloads', 'attributed_downloads')
            ) }}
        end as share_of_attributed,
        case when is_country then {{ published_share(ratio(
            'downloads - coalesce(here_downloads, 0)', 'all_downloads'
        )) }} end as share_of_all_low,
        case when is_country then {{ published_share(ratio(
            'downloads + coalesce(elsewhere_downloads, 0) + homeless_downloads '
            ~ '+ coalesce(anywhere_downloads, 0) '
            ~ '- coalesce(here_or_anywhere_downloads, 0)', 'all_downloads'
        )) }} end as share_of_all_high

    from country_slices
    inner join totals using ({{ slice | join(', ') }})
    left join contested_anywhere using ({{ slice | join(', ') }})
    left join contested_here using ({{ slice | join(', ') }}, country_key)
    left join contested_elsewhere using ({{ slice | join(', ') }}, country_key)

),

known_shares as (

    {{ known_shares(keys, is_incremental()) }}

),

final as (

    select
        shares.snapshot_date,
        shares.window_name,
        shares.attribution,
        shares.cohort,
        shares.scope,
        shares.country_key,
        shares.country_code,
        shares.downloads,
        shares.models_count,
        shares.share_of_all,
        shares.share_of_attributed,
        shares.share_of_all_low,
        shares.share_of_all_high,
        shares.share_of_all_without_largest_model,
        shares.rank,
        {{ changes_of_shares() }},
        shares.downloads_uncorrected,
        {{ is_provisional('shares') }} as is_provisional,
        shares.null_reason

    from shares
    inner join status on shares.snapshot_date = status.snapshot_date
    {{ earlier_shares(keys) }}

)

select * from final
