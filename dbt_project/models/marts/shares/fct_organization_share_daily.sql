{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{%- set slice = ['snapshot_date', 'window_name', 'attribution', 'cohort', 'scope'] %}

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
        organization_slices.downloads::double as downloads,
        organization_slices.models_count,
        {{ ratio('downloads', 'all_downloads') }} as share_of_all,
        case when is_attributed
            then {{ ratio('downloads', 'attributed_downloads') }}
        end as share_of_attributed,
        {{ ratio(
            'downloads - largest_downloads',
            'all_downloads - largest_downloads'
        ) }} as share_of_all_without_largest_model,
        case when is_named and null_reason is null then rank() over (
            partition by
                {% for name in slice %}organization_slices.{{ name }}, {% endfor %}
                is_named
            -- Thirds of credits do not break a tie.
            order by round(organization_slices.downloads, 6) desc
        ) end as rank,
        organization_slices.downloads_uncorrected::double as downloads_uncorrected,
        coalesce(null_reason, case when all_downloads = 0
            then 'no model of this slice has downloads' end) as null_reason

    from organization_slices
    inner join totals using ({{ slice | join(', ') }})

),

known_shares as (

    select {{ slice | join(', ') }}, organization, country_key, share_of_all
    from shares
    {% if is_incremental() %}
    union all
    select {{ slice | join(', ') }}, organization, country_key, share_of_all
    from {{ this }}
    where snapshot_date not in (select distinct snapshot_date from shares)
    {% endif %}

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
        shares.rank::integer as rank,
        shares.share_of_all - week_ago.share_of_all as share_change_7d,
        shares.share_of_all - month_ago.share_of_all as share_change_30d,
        shares.downloads_uncorrected,
        {{ is_provisional('shares') }} as is_provisional,
        shares.null_reason

    from shares
    inner join status on shares.snapshot_date = status.snapshot_date
    {% for name, days in [('week_ago', 7), ('month_ago', 30)] %}
    left join known_shares as {{ name }}
        on
            {{ name }}.snapshot_date = shares.snapshot_date - {{ days }}
            and {{ name }}.window_name = shares.window_name
            and {{ name }}.attribution = shares.attribution
            and {{ name }}.cohort = shares.cohort
            and {{ name }}.scope = shares.scope
            and {{ name }}.organization = shares.organization
            and {{ name }}.country_key = shares.country_key
    {% endfor %}

)

select * from final
