{{ accumulates_by_day() }}

{%- set slice = slice_columns() %}

with slices as (

    select * from {{ ref('int_hub__slices') }}

),

organization_shares as (

    -- Sums of decimals do not depend on the order of the rows.
    select
        * replace (downloads::decimal(38, 9) as downloads),
        max(case
            when country_key in ('unattributed_organization', 'unattributed_unknown')
                and organization <> '(other)'
                and downloads > 0
                then downloads
        end) over (partition by {{ slice | join(', ') }}) as top_downloads
    from {{ ref('fct_organization_share_daily') }}
    where snapshot_date in (
        select distinct snapshot_date from slices
    )

),

lineage_slices as (

    select * from {{ ref('int_hub__lineage_slices') }}

),

days as (

    select * from {{ ref('int_hub__snapshot_days') }}

),

owners as (

    select * from {{ ref('int_hub__owner_days') }}

),

covered as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as all_downloads,
        max(null_reason) as unknown_reason,
        coalesce(sum(downloads) filter (
            country_code is not null
        ), 0) as attributed_downloads,
        coalesce(sum(downloads) filter (
            country_code is not null
            or country_key in ('international', 'unattributed_individual')
        ), 0) as accounted_downloads,
        min(organization) filter (
            country_key in ('unattributed_organization', 'unattributed_unknown')
            and organization <> '(other)'
            and downloads = top_downloads
        ) as unattributed_top_organization
    from organization_shares
    group by all

),

mapped as (

    select
        shares.snapshot_date,
        shares.window_name,
        shares.attribution,
        shares.cohort,
        shares.scope,
        count(*) filter (owners.is_curated) as organizations_mapped_count
    from organization_shares as shares
    inner join owners
        on
            shares.snapshot_date = owners.snapshot_date
            and shares.organization = owners.organization
    group by all

),

final as (

    select
        slices.snapshot_date,
        slices.window_name,
        slices.attribution,
        slices.cohort,
        slices.scope,
        {{ ratio('attributed_downloads', 'all_downloads') }}
            as downloads_attributed_share,
        {{ ratio('accounted_downloads', 'all_downloads') }}
            as downloads_accounted_share,
        case when covered.all_downloads > 0 and days.has_tags then
            {{ ratio('lineage_slices.known_downloads', 'lineage_slices.downloads') }}
        end as downloads_with_known_lineage_share,
        case when slices.is_content_known
            then coalesce(mapped.organizations_mapped_count, 0)::bigint
        end as organizations_mapped_count,
        covered.unattributed_top_organization,
        coalesce(
            slices.null_reason,
            case when covered.all_downloads is null
                then covered.unknown_reason end,
            case when coalesce(covered.all_downloads, 0) = 0
                then 'no model of this slice has downloads' end
        ) as null_reason

    from slices
    left join covered using ({{ slice | join(', ') }})
    left join mapped using ({{ slice | join(', ') }})
    left join lineage_slices using ({{ slice | join(', ') }})
    inner join days on slices.snapshot_date = days.snapshot_date

)

select * from final
