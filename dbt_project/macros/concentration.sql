{#-
    Measures over int_hub__download_counts: rows (downloads, entities_count, entities_before),
    from the most downloads to the fewest.
-#}

{#- Downloads of the row's entities that are among the `k` largest. -#}
{% macro downloads_within(k) -%}
    downloads * greatest(least({{ k }} - entities_before, entities_count), 0)
{%- endmacro %}

{#- How many entities are the largest `percent` of all: at least one. -#}
{% macro entities_of_percent(percent) -%}
    ceil(all_entities * {{ percent }} / 100.0)::bigint
{%- endmacro %}
