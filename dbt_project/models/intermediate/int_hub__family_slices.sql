{#-
    The families that are shown by name: all of the lines that are among the 50 largest of their
    slice, by downloads or by new derivatives. The rest is `(other)`. Of 5 million models most
    lines are never shown: they are summed up before the slices are cut.
-#}
{% set measures = ['downloads', 'new_derivatives'] %}
{% set slice = slice_columns() %}

with family_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__family_downloads') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

days as (

    select * from {{ ref('int_hub__snapshot_days') }}

),

line_totals as (

    select
        snapshot_date,
        attribution,
        organization,
        line_name
        {%- for cut in cuts() %}
        {%- for measure in measures %},
        sum({{ measure }}_{{ cut.window }}) filter ({{ cut.is_in }})
            as {{ measure }}_{{ cut.key }}
        {%- endfor %}
        {%- endfor %}
    from family_downloads
    where line_name is not null
    group by all

),

cut_offs as (

    select
        snapshot_date,
        attribution
        {%- for cut in cuts() %}
        {%- for measure in measures %},
        {{ least_of_largest(measure ~ '_' ~ cut.key, named_lines()) }}
            as {{ measure }}_{{ cut.key }}
        {%- endfor %}
        {%- endfor %}
    from line_totals
    group by all

),

-- Whatever may be among the largest when thirds of credits do not break a tie.
contenders as (

    {% for cut in cuts() %}
    select
        totals.snapshot_date,
        '{{ cut.window }}' as window_name,
        totals.attribution,
        '{{ cut.cohort }}' as cohort,
        '{{ cut.scope }}' as scope,
        totals.organization,
        totals.line_name
        {%- for measure in measures %},
        coalesce(totals.{{ measure }}_{{ cut.key }}, 0) as {{ measure }}
        {%- endfor %}
    from line_totals as totals
    inner join cut_offs
        on
            totals.snapshot_date = cut_offs.snapshot_date
            and totals.attribution = cut_offs.attribution
    where
        {% for measure in measures -%}
        (
            totals.{{ measure }}_{{ cut.key }} > 0
            and totals.{{ measure }}_{{ cut.key }}
            >= cut_offs.{{ measure }}_{{ cut.key }} - 0.000001
        )
        {{ 'or ' if not loop.last }}
        {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

ranked_lines as (

    select
        *,
        {%- for measure in measures %}
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

once_named as (

    select distinct snapshot_date, organization, line_name
    from largest_lines

),

condensed as (

    select
        family_downloads.snapshot_date,
        family_downloads.attribution,
        once_named.organization,
        case when once_named.line_name is not null
            then family_downloads.family_name end as family_name,
        once_named.line_name,
        family_downloads.is_unknown,
        family_downloads.is_new_365d,
        family_downloads.is_language_model,
        {{ summed_measures() }}
        {%- for window in download_windows() %},
        sum(new_derivatives_{{ window }}) as new_derivatives_{{ window }}
        {%- endfor %}
    from family_downloads
    left join once_named
        on
            family_downloads.snapshot_date = once_named.snapshot_date
            and family_downloads.organization = once_named.organization
            and family_downloads.line_name = once_named.line_name
    group by all

),

sliced as (

    {{ sliced(
        'condensed',
        ['organization', 'family_name', 'line_name', 'is_unknown'],
        ['new_derivatives'],
    ) }}

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
