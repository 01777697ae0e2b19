{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{%- set slice = ['snapshot_date', 'window_name', 'attribution', 'cohort', 'scope'] %}

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
        family_slices.downloads::double as downloads,
        family_slices.models_count,
        {{ ratio('downloads', 'all_downloads') }} as share_of_all,
        {{ ratio(
            'downloads - largest_downloads',
            'all_downloads - largest_downloads'
        ) }} as share_of_all_without_largest_model,
        case when is_named and null_reason is null then rank() over (
            partition by
                {% for name in slice %}family_slices.{{ name }}, {% endfor %}
                is_named
            order by family_slices.downloads desc
        ) end as rank,
        family_slices.downloads_uncorrected::double as downloads_uncorrected,
        family_slices.new_derivatives::double as new_derivatives,
        case when is_known
            then {{ ratio('new_derivatives', 'all_new_derivatives') }}
        end as share_of_new_derivatives,
        coalesce(null_reason, case when all_downloads = 0
            then 'no model of this slice has downloads' end) as null_reason,
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

    select {{ slice | join(', ') }}, family, share_of_all
    from shares
    {% if is_incremental() %}
    union all
    select {{ slice | join(', ') }}, family, share_of_all
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
        shares.family,
        shares.family_line,
        shares.organization,
        shares.downloads,
        shares.models_count,
        shares.share_of_all,
        shares.share_of_all_without_largest_model,
        shares.rank::integer as rank,
        shares.share_of_all - week_ago.share_of_all as share_change_7d,
        shares.share_of_all - month_ago.share_of_all as share_change_30d,
        shares.downloads_uncorrected,
        shares.new_derivatives,
        shares.share_of_new_derivatives,
        {{ is_provisional('shares') }} as is_provisional,
        shares.null_reason,
        shares.derivatives_null_reason

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
            and {{ name }}.family = shares.family
    {% endfor %}

)

select * from final
