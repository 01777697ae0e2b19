{#-
    Text functions that differ between engines, one dispatched macro each, beside engine.sql.
    Patterns hold no backslash (RE2 here, Java there): a digit is [0-9], a point [.]; in `by`, the
    first group is written #1.
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

{#- One group of the first match of the pattern; '' where nothing matches. -#}
{% macro captured(text, pattern, group=1) -%}
    regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{#- All groups of the first match as a struct with these names; '' where nothing matches. -#}
{% macro captures(text, pattern, names) -%}
    {{ return(adapter.dispatch('captures', 'hub_observatory')(text, pattern, names)) }}
{%- endmacro %}

{% macro default__captures(text, pattern, names) -%}
    regexp_extract({{ text }}, '{{ pattern }}', [{{ quoted(names) }}])
{%- endmacro %}

{% macro spark__captures(text, pattern, names) -%}
    named_struct(
        {%- for name in names %}
        '{{ name }}', regexp_extract({{ text }}, '{{ pattern }}', {{ loop.index }})
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    )
{%- endmacro %}

{% macro without_outer_hyphens(text) -%}
    {{ return(adapter.dispatch('without_outer_hyphens', 'hub_observatory')(text)) }}
{%- endmacro %}

{% macro default__without_outer_hyphens(text) -%}
    trim({{ text }}, '-')
{%- endmacro %}

{% macro spark__without_outer_hyphens(text) -%}
    btrim({{ text }}, '-')
{%- endmacro %}

{#- The elements of a list of texts, joined. -#}
{% macro array_joined(list, separator) -%}
    {{ return(adapter.dispatch('array_joined', 'hub_observatory')(list, separator)) }}
{%- endmacro %}

{% macro default__array_joined(list, separator) -%}
    array_to_string({{ list }}, '{{ separator }}')
{%- endmacro %}

{% macro spark__array_joined(list, separator) -%}
    array_join({{ list }}, '{{ separator }}')
{%- endmacro %}

{#-
    A number that stands for texts, to be compared in their place: of 128 bits, since of 5 million
    ids DuckDB's `hash` took 20 for others. The texts but for the last hold no '/'.
-#}
{% macro key_of(texts) -%}
    {{ return(adapter.dispatch('key_of', 'hub_observatory')(texts)) }}
{%- endmacro %}

{% macro default__key_of(texts) -%}
    md5({{ texts | join(" || '/' || ") }})::uuid
{%- endmacro %}

{% macro spark__key_of(texts) -%}
    md5({{ texts | join(" || '/' || ") }})
{%- endmacro %}

{#- A number that changes when one of the values of a row does; not to tell rows apart. -#}
{% macro fingerprint(columns) -%}
    {{ return(adapter.dispatch('fingerprint', 'hub_observatory')(columns)) }}
{%- endmacro %}

{% macro default__fingerprint(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__fingerprint(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{#- The items as SQL texts, for `in (...)`. -#}
{% macro quoted(items) -%}
    {%- for item in items %}'{{ item }}'{% if not loop.last %}, {% endif %}{% endfor -%}
{%- endmacro %}
