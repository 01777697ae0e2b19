-- Downloads and new derivatives by family, in both attributions: what nobody knows the root of is a
-- row of its own, what is of small owners is one without a name.
{% set label = ['organization', 'family_name', 'line_name'] %}
{% set flags = ['is_new_365d', 'is_language_model'] %}
{% set measures %}
        {{ summed_measures() }}
        {%- for window in download_windows() %},
        0::decimal(38, 12) as new_derivatives_{{ window }}
        {%- endfor %}
{% endset %}

with parts as {{ read_anew() }} (

    select * from {{ ref('int_hub__family_parts') }}

),

derivatives as (

    {{ derivatives_by_attribution('parts') }}

),

final as (

    select
        snapshot_date,
        'publisher' as attribution,
        own_organization as organization,
        own_family_name as family_name,
        own_line_name as line_name,
        false as is_unknown,
        {{ flags | join(', ') }},
        {{ measures }}
    from parts
    where not is_part_of_one
    group by all

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        {% for name in label -%}
        case when not is_own_root then root_{{ name }}
            when not is_unknown then own_{{ name }} end as {{ name }},
        {% endfor -%}
        is_unknown,
        {{ flags | join(', ') }},
        {{ measures }}
    from parts
    where is_part_of_one or not is_divided
    group by all

    union all

    select
        snapshot_date,
        attribution,
        {{ label | join(', ') }},
        is_unknown,
        {{ flags | join(', ') }},
        0::bigint as models_count
        {%- for window in download_windows() %},
        null::decimal(38, 9) as downloads_{{ window }},
        null::decimal(38, 9) as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        null::decimal(38, 9) as uncorrected_{{ window }}
        {%- endfor %}
        {%- for window in download_windows() %},
        sum(new_derivatives_{{ window }})::decimal(38, 12)
            as new_derivatives_{{ window }}
        {%- endfor %}
    from derivatives
    group by all

)

select * from final
