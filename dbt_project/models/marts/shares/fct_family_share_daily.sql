{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{%- set slice = slice_columns() %}
{%- set keys = ['family'] %}

with family_slices as (

    select
        *,
        organization is not null as is_named,
        family <> {{ families_of_unknown_root() }} as is_known
    from {{ ref('int_hub__family_slices') }}

),

status as (

    select * from {{ ref('int_hub__counter_status') }}

),

totals as (

    select
        {{ slice | join(', ') }},
        sum(downloads) as all_downloads,
        sum(new_derivatives) filter (is_known) as all_new_derivatives
    from family_slices
    group by all

),

shares as (

    select
        family_slices.snapshot_date,
        family_slices.window_name,
        family_slices.attribution,
        family_slices.cohort,
        family_slices.scope,
        family_slices.family,
        family_slices.family_line,
        family_slices.organization,
        {{ measures_of_shares('family_slices', 'is_named') }},
        family_slices.new_derivatives::double as new_derivatives,
        case when is_known
            then {{ published_share(
                ratio('new_derivatives', 'all_new_derivatives')
            ) }}
        end as share_of_new_derivatives,
        case
            when derivatives_null_reason is not null
                then derivatives_null_reason
            when not is_known then 'their root is unknown'
            when coalesce(all_new_derivatives, 0) = 0
                then 'no new model of this slice has a known root'
        end as derivatives_null_reason

    from family_slices
    inner join totals using ({{ slice | join(', ') }})

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
        shares.family,
        shares.family_line,
        shares.organization,
        shares.downloads,
        shares.models_count,
        shares.share_of_all,
        shares.share_of_all_without_largest_model,
        shares.rank,
        {{ changes_of_shares() }},
        shares.downloads_uncorrected,
        shares.new_derivatives,
        shares.share_of_new_derivatives,
        {{ is_provisional('shares') }} as is_provisional,
        shares.null_reason,
        shares.derivatives_null_reason

    from shares
    inner join status on shares.snapshot_date = status.snapshot_date
    {{ earlier_shares(keys) }}

)

select * from final
