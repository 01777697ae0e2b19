{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{%- set slice = slice_columns() %}
{%- set keys = ['organization', 'country_key'] %}

with organization_slices as (

    select
        *,
        length(country_key) = 2 as is_attributed,
        organization <> '(other)' as is_named
    from {{ ref('int_hub__organization_slices') }}

),

status as (

    select * from {{ ref('int_hub__counter_status') }}

),

totals as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as all_downloads,
        sum(downloads) filter (is_attributed) as attributed_downloads
    from organization_slices
    group by all

),

-- How many have more than so many downloads: of all owners, whether they are shown or not. Whose
-- models are gone may be shown with nothing, and is not counted.
counts as (

    select
        {{ slice | join(', ') }},
        downloads,
        entities_before
    from {{ ref('int_hub__download_counts') }}
    where level = 'organization'

    union all

    select
        {{ slice | join(', ') }},
        0 as downloads,
        sum(entities_count) as entities_before
    from {{ ref('int_hub__download_counts') }}
    where level = 'organization' and downloads > 0
    group by all

),

-- Thirds of credits do not break a tie.
places as (

    select
        {{ slice | join(', ') }},
        round(downloads, 6) as rounded_downloads,
        min(entities_before) + 1 as place
    from counts
    group by all

),

shares as (

    select
        organization_slices.snapshot_date,
        organization_slices.window_name,
        organization_slices.attribution,
        organization_slices.cohort,
        organization_slices.scope,
        organization_slices.organization,
        organization_slices.country_key,
        case when is_attributed then organization_slices.country_key
        end as country_code,
        organization_slices.canonical_organization,
        organization_slices.parent,
        {{ measures_of_shares(
            'organization_slices', 'is_named', 'places.place'
        ) }},
        case when is_attributed
            then {{ published_share(
                ratio('downloads', 'attributed_downloads')
            ) }}
        end as share_of_attributed

    from organization_slices
    inner join totals using ({{ slice | join(', ') }})
    left join places
        on
            {% for name in slice -%}
            organization_slices.{{ name }} = places.{{ name }}
            and {% endfor -%}
            round(organization_slices.downloads, 6) = places.rounded_downloads

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
        shares.organization,
        shares.country_key,
        shares.country_code,
        shares.canonical_organization,
        shares.parent,
        shares.downloads,
        shares.models_count,
        shares.share_of_all,
        shares.share_of_attributed,
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
