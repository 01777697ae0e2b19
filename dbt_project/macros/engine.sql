{#-
    SQL that differs between engines, one dispatched macro each. A model that needs more than
    the common dialect calls one of these; nothing engine-specific stands in a model.
    The `spark__` ones are for a target that profiles.yml does not have yet: nothing runs them.
-#}

{% macro array_overlaps(list, values) -%}
    {{ return(adapter.dispatch('array_overlaps', 'hub_observatory')(list, values)) }}
{%- endmacro %}

{#- One pattern over the joined texts: list_has_any takes twice as long for 80 values. -#}
{% macro default__array_overlaps(list, values) -%}
    coalesce(regexp_matches(
        array_to_string({{ list }}, chr(31)),
        '(^|\x1f)(
            {%- for value in values %}{{ modules.re.escape(value) }}
                {%- if not loop.last %}|{% endif %}
            {%- endfor -%}
        )(\x1f|$)'
    ), false)
{%- endmacro %}

{% macro spark__array_overlaps(list, values) -%}
    coalesce(arrays_overlap({{ list }}, array(
        {%- for value in values %}'{{ value }}'{% if not loop.last %}, {% endif %}{% endfor -%}
    )), false)
{%- endmacro %}

{#- One row for each element of a list; null and empty lists give none. -#}
{% macro unnested(list, name) -%}
    {{ return(adapter.dispatch('unnested', 'hub_observatory')(list, name)) }}
{%- endmacro %}

{% macro default__unnested(list, name) -%}
    unnest({{ list }}) as {{ name }}
{%- endmacro %}

{% macro spark__unnested(list, name) -%}
    explode({{ list }}) as {{ name }}
{%- endmacro %}

{#- The elements of a list of texts that begin with a prefix. -#}
{% macro array_with_prefix(list, prefix) -%}
    {{ return(adapter.dispatch('array_with_prefix', 'hub_observatory')(list, prefix)) }}
{%- endmacro %}

{% macro default__array_with_prefix(list, prefix) -%}
    list_filter({{ list }}, lambda item: starts_with(item, '{{ prefix }}'))
{%- endmacro %}

{% macro spark__array_with_prefix(list, prefix) -%}
    filter({{ list }}, item -> startswith(item, '{{ prefix }}'))
{%- endmacro %}

{#- The different texts of a list, with what the pattern matches replaced; any order. -#}
{% macro array_distinct_replaced(list, pattern, by) -%}
    {{ return(adapter.dispatch('array_distinct_replaced', 'hub_observatory')(list, pattern, by)) }}
{%- endmacro %}

{% macro default__array_distinct_replaced(list, pattern, by) -%}
    list_distinct(list_transform(
        {{ list }}, lambda item: regexp_replace(item, '{{ pattern }}', '{{ by }}')
    ))
{%- endmacro %}

{% macro spark__array_distinct_replaced(list, pattern, by) -%}
    array_distinct(transform(
        {{ list }}, item -> regexp_replace(item, '{{ pattern }}', '{{ by }}')
    ))
{%- endmacro %}

{% macro array_length(list) -%}
    {{ return(adapter.dispatch('array_length', 'hub_observatory')(list)) }}
{%- endmacro %}

{% macro default__array_length(list) -%}
    len({{ list }})
{%- endmacro %}

{% macro spark__array_length(list) -%}
    size({{ list }})
{%- endmacro %}

{#- The first element of a list, or null. -#}
{% macro array_first(list) -%}
    {{ return(adapter.dispatch('array_first', 'hub_observatory')(list)) }}
{%- endmacro %}

{% macro default__array_first(list) -%}
    list_extract({{ list }}, 1)
{%- endmacro %}

{% macro spark__array_first(list) -%}
    try_element_at({{ list }}, 1)
{%- endmacro %}

{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches', 'hub_observatory')(text, pattern)) }}
{%- endmacro %}

{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    ({{ text }} rlike '{{ pattern }}')
{%- endmacro %}

{#- One row a day from `first` to `last`, in the column `date_day`. -#}
{% macro each_day(first, last) -%}
    {{ return(adapter.dispatch('each_day', 'hub_observatory')(first, last)) }}
{%- endmacro %}

{% macro default__each_day(first, last) -%}
    select unnest(generate_series({{ first }}, {{ last }}, interval 1 day))::date as date_day
{%- endmacro %}

{% macro spark__each_day(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
{%- endmacro %}

{#- The list of the numbers from `first` to `last`. -#}
{% macro numbers(first, last) -%}
    {{ return(adapter.dispatch('numbers', 'hub_observatory')(first, last)) }}
{%- endmacro %}

{% macro default__numbers(first, last) -%}
    generate_series({{ first }}, {{ last }})
{%- endmacro %}

{% macro spark__numbers(first, last) -%}
    sequence({{ first }}, {{ last }})
{%- endmacro %}

{#-
    Behind `with name as`: a CTE that is used more than once is read anew each time. DuckDB keeps
    it in memory otherwise, whole: 5 million models with their tags are more than 3 GiB.
-#}
{% macro read_anew() -%}
    {{ return(adapter.dispatch('read_anew', 'hub_observatory')()) }}
{%- endmacro %}

{% macro default__read_anew() -%}
    not materialized
{%- endmacro %}

{% macro spark__read_anew() -%}
{%- endmacro %}

{#- The last of the `count` largest values of a group; of all, if they are fewer. -#}
{% macro least_of_largest(value, count) -%}
    {{ return(adapter.dispatch('least_of_largest', 'hub_observatory')(value, count)) }}
{%- endmacro %}

{% macro default__least_of_largest(value, count) -%}
    list_min(max({{ value }}, {{ count }}))
{%- endmacro %}

{% macro spark__least_of_largest(value, count) -%}
    array_min(slice(sort_array(collect_list({{ value }}), false), 1, {{ count }}))
{%- endmacro %}

{#- The median of the `count` largest values of a window. -#}
{% macro median_of_largest(value, count, window) -%}
    {{ return(adapter.dispatch('median_of_largest', 'hub_observatory')(value, count, window)) }}
{%- endmacro %}

{% macro default__median_of_largest(value, count, window) -%}
    list_aggregate(max({{ value }}, {{ count }}) over {{ window }}, 'median')
{%- endmacro %}

{% macro spark__median_of_largest(value, count, window) -%}
    array_median(slice(sort_array(collect_list({{ value }}) over {{ window }}, false), 1, {{ count }}))
{%- endmacro %}
