{#-
    The families that are shown by name: all of the lines that are among the 50 largest of their
    slice, by downloads or by new derivatives. The rest is `(other)`.
-#}
{% set slice = slice_columns() %}

with family_downloads as (

    select * from {{ ref('int_hub__family_downloads') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

days as (

    select * from {{ ref('int_hub__snapshot_days') }}

),

sliced as (

    {{ sliced(
        'family_downloads',
        ['organization', 'family_name', 'line_name', 'is_unknown'],
        ['new_derivatives'],
    ) }}

),

line_totals as (

    select
        {{ slice | join(', ') }},
        organization,
        line_name,
        coalesce(sum(downloads), 0) as downloads,
        sum(new_derivatives) as new_derivatives
    from sliced
    where line_name is not null
    group by all

),

cut_offs as (

    select
        {{ slice | join(', ') }},
        {%- for measure in ['downloads', 'new_derivatives'] %}
        {{ least_of_largest(measure, named_lines()) }} as {{ measure }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from line_totals
    group by all

),

-- Of a million lines some thousands are ordered, all that thirds of credits may bring among the
-- largest.
contenders as (

    select line_totals.*
    from line_totals
    inner join cut_offs using ({{ slice | join(', ') }})
    where
        {% for measure in ['downloads', 'new_derivatives'] -%}
        (
            line_totals.{{ measure }} > 0
            and line_totals.{{ measure }} >= cut_offs.{{ measure }} - 0.000001
        )
        {{ 'or ' if not loop.last }}
        {%- endfor %}

),

ranked_lines as (

    select
        *,
        {%- for measure in ['downloads', 'new_derivatives'] %}
        {{ measure }} > 0 and row_number() over (
            partition by {{ slice | join(', ') }}
            -- Thirds that sum to the same are the same: 2.666666666 is no
            -- less than 2.666666667.
            order by round({{ measure }}, 6) desc, organization, line_name
        ) <= {{ named_lines() }} as is_large_in_{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from contenders

),

largest_lines as (

    select *
    from ranked_lines
    where is_large_in_downloads or is_large_in_new_derivatives

),

labelled as (

    select
        sliced.*,
        case
            when sliced.is_unknown then {{ families_of_unknown_root() }}
            when lines.line_name is null then {{ other_families() }}
            else sliced.organization || '/' || sliced.family_name
        end as family,
        case
            when sliced.is_unknown then {{ families_of_unknown_root() }}
            when lines.line_name is null then {{ other_families() }}
            else sliced.organization || '/' || sliced.line_name
        end as family_line,
        case when lines.line_name is not null then sliced.organization
        end as shown_organization

    from sliced
    left join largest_lines as lines
        using ({{ slice | join(', ') }}, organization, line_name)

),

summed as (

    select
        {{ slice | join(', ') }},
        family,
        family_line,
        shown_organization as organization,
        sum(models_count)::bigint as models_count,
        sum(downloads)::decimal(38, 9) as downloads,
        max(largest_downloads)::decimal(38, 9) as largest_downloads,
        sum(downloads_uncorrected)::decimal(38, 9) as downloads_uncorrected,
        sum(new_derivatives) as new_derivatives
    from labelled
    group by all

),

explained as (

    select
        slices.*,
        summed.family,
        summed.family_line,
        summed.organization,
        case when slices.is_content_known then summed.models_count
        end as models_count,
        summed.downloads,
        summed.largest_downloads,
        summed.downloads_uncorrected,
        summed.new_derivatives,
        {{ reason_of_unknown('summed') }} as unknown_reason,
        case
            when not days.has_tags
                then 'the source records no tags: lineage is unknown'
            when not days.has_created_at
                and (slices.window_name <> 'all_time' or slices.cohort <> 'all')
                then 'the source records no createdAt'
        end as derivatives_null_reason

    from slices
    inner join summed on {{ lists_the_slice('summed') }}
    inner join days on slices.snapshot_date = days.snapshot_date

),

final as (

    select
        {{ slice | join(', ') }},
        family,
        family_line,
        organization,
        models_count,
        case when null_reason is null then downloads end as downloads,
        case when null_reason is null then largest_downloads
        end as largest_downloads,
        case when is_uncorrected_known then downloads_uncorrected
        end as downloads_uncorrected,
        case when derivatives_null_reason is null then new_derivatives
        end as new_derivatives,
        coalesce(null_reason, unknown_reason) as null_reason,
        derivatives_null_reason
    from explained

)

select * from final
