{#- The windows that are measured, each with its column in the intermediate tables. -#}
{% macro download_windows() -%}
    {{ return(['30d', 'all_time']) }}
{%- endmacro %}

{#- Cohorts and scopes: the condition that puts a row of the intermediate tables in. -#}
{% macro cohorts() -%}
    {{ return({'all': 'true', 'new_365d': 'is_new_365d'}) }}
{%- endmacro %}

{% macro scopes() -%}
    {{ return({'all': 'true', 'language_models': 'is_language_model'}) }}
{%- endmacro %}

{#-
    Unrolls a table of measures by (is_new_365d, is_language_model) into one row a window,
    cohort and scope. `keys` are the columns kept beside snapshot_date and attribution.
-#}
{% macro sliced(relation, keys) -%}
    {% for window in download_windows() %}
    {% for cohort, in_cohort in cohorts().items() %}
    {% for scope, in_scope in scopes().items() %}
    select
        snapshot_date,
        '{{ window }}' as window_name,
        attribution,
        '{{ cohort }}' as cohort,
        '{{ scope }}' as scope,
        {% for key in keys %}{{ key }},
        {% endfor -%}
        sum(models_count)::bigint as models_count,
        sum(downloads_{{ window }})::decimal(38, 6) as downloads,
        max(largest_{{ window }})::decimal(38, 6) as largest_downloads
    from {{ relation }}
    where {{ in_cohort }} and {{ in_scope }}
    group by all
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{%- endmacro %}

{#- A share: null where the whole is nothing or unknown, never 0 for it. -#}
{% macro ratio(part, whole) -%}
    (({{ part }})::double / nullif(({{ whole }})::double, 0))
{%- endmacro %}
