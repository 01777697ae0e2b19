{#-
    Text that differs between engines, one dispatched macro each, beside engine.sql. Patterns
    hold no backslash (RE2 here, Java there): a digit is [0-9], a point [.]; in `by`, the first
    group is written #1.
-#}

{#- The text with every match of the pattern replaced. -#}
{% macro replaced(text, pattern, by) -%}
    {{ return(adapter.dispatch('replaced', 'hub_observatory')(text, pattern, by)) }}
{%- endmacro %}

{% macro default__replaced(text, pattern, by) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ by | replace("#", "\\") }}', 'g')
{%- endmacro %}

{% macro spark__replaced(text, pattern, by) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ by | replace("#", "$") }}')
{%- endmacro %}

{#- One group of the first match of the pattern; null where nothing matches or it is empty. -#}
{% macro captured(text, pattern, group=1) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', {{ group }}), '')
{%- endmacro %}

{#- The elements of a list of texts, joined by a space. -#}
{% macro array_joined(list) -%}
    {{ return(adapter.dispatch('array_joined', 'hub_observatory')(list)) }}
{%- endmacro %}

{% macro default__array_joined(list) -%}
    array_to_string({{ list }}, ' ')
{%- endmacro %}

{% macro spark__array_joined(list) -%}
    array_join({{ list }}, ' ')
{%- endmacro %}
