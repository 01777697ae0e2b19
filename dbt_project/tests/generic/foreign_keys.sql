{#-
    Fails with the keys of a fact that its dimension does not have. One query a table: of the
    built-in `relationships`, each key would be a node, and a node costs 0.1 s a day.
    A key is a column, or an expression that is null where there is none. Of a table that has
    days: on those of this build; the third gate asks of all, as a dimension may lose a key.
-#}
{% test foreign_keys(model, dates=[], countries=[], organizations=[], models=[]) %}
    {%- set keys = [] %}
    {%- for key in dates %}
    {%- do keys.append((key, ref('dim_dates'), 'date_day')) %}
    {%- endfor %}
    {%- for key in countries %}
    {%- do keys.append((key, ref('dim_countries'), 'country_key')) %}
    {%- endfor %}
    {%- for key in organizations %}
    {%- do keys.append((key, ref('dim_organizations'), 'organization')) %}
    {%- endfor %}
    {%- for key in models %}
    {%- do keys.append((key, ref('dim_models'), 'model_key')) %}
    {%- endfor %}
    {%- for key, dimension, column in keys %}
    select
        '{{ column }}' as dimension_key,
        found.value::varchar as value
    from (
        select distinct {{ key }} as value
        from {{ model }}
        {%- if 'snapshot_date' in dates %}
        where {{ is_in_build_window() }}
        {%- endif %}
    ) as found
    left join {{ dimension }} as dimension on found.value = dimension.{{ column }}
    where
        found.value is not null
        and dimension.{{ column }} is null
        -- These stand for many: nobody can be called so.
        and found.value::varchar not in ('(all)', '(other)')
        and found.value::varchar not like '(other: %'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endtest %}
