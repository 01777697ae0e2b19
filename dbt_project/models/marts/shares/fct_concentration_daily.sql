{{ accumulates_by_day() }}

{%- set slice = slice_columns() %}
{%- set tops = {
    'top_1_share': '1',
    'top_10_share': '10',
    'top_100_share': '100',
    'top_1000_share': '1000',
    'top_1_percent_share': entities_of_percent(1),
} %}

with slices as (

    select slices.*, levels.level
    from {{ ref('int_hub__slices') }} as slices
    cross join (
        select 'model' as level
        union all
        select 'organization' as level
    ) as levels

),

counts as (

    select * from {{ ref('int_hub__download_counts') }}

),

-- Slices of which nobody is known.
unknown as (

    select {{ slice | join(', ') }}, max(null_reason) as null_reason
    from {{ ref('int_hub__country_slices') }}
    group by {{ slice | join(', ') }}
    having count(downloads) = 0

),

totals as (

    select
        {{ slice | join(', ') }},
        level,
        sum(entities_count)::bigint as all_entities,
        nullif(sum(downloads * entities_count), 0) as all_downloads
    from counts
    group by all

),

measured as (

    select
        {{ slice | join(', ') }},
        level,
        all_entities,
        10000 * sum(
            power({{ ratio('downloads', 'all_downloads') }}, 2) * entities_count
        ) as hhi,
        -- Twice the sum of place x downloads, the largest in the first place.
        (
            all_entities + 1 - {{ ratio(
                'sum(downloads * entities_count '
                ~ '* (2 * entities_before + entities_count + 1))',
                'all_downloads'
            ) }}
        ) / all_entities as gini
        {%- for name, k in tops.items() %},
        {{ ratio('sum(' ~ downloads_within(k) ~ ')', 'all_downloads') }}
            as {{ name }}
        {%- endfor %}
    from counts
    inner join totals using ({{ slice | join(', ') }}, level)
    group by {{ slice | join(', ') }}, level, all_entities, all_downloads

),

final as (

    select
        slices.snapshot_date,
        slices.window_name,
        slices.attribution,
        slices.cohort,
        slices.scope,
        slices.level,
        case when slices.null_reason is null and unknown.null_reason is null
            then coalesce(measured.all_entities, 0)::bigint
        end as entities_count
        {%- for name in ['hhi', 'gini'] + tops | list %},
        case when slices.null_reason is null
            then measured.{{ name }}::double end as {{ name }}
        {%- endfor %},
        coalesce(
            slices.null_reason,
            unknown.null_reason,
            case when measured.hhi is null
                then 'no model of this slice has downloads' end
        ) as null_reason

    from slices
    left join unknown using ({{ slice | join(', ') }})
    left join measured using ({{ slice | join(', ') }}, level)

)

select * from final
