{#- Relative adoption: at which ages, in which sizes, and how many set the measure. -#}
{% macro adoption_ages() -%}
    {{ return([7, 14, 30, 60, 90, 180, 365]) }}
{%- endmacro %}

{#- Size buckets, smallest first, each with the parameters below which it ends. -#}
{% macro size_buckets() -%}
    {{ return({
        '<1B': 1000000000, '1-5B': 5000000000, '5-10B': 10000000000, '10-50B': 50000000000,
        '50-100B': 100000000000, '100-250B': 250000000000,
    }) }}
{%- endmacro %}

{% macro size_bucket(parameters_count) -%}
    case
        when {{ parameters_count }} is null or {{ parameters_count }} <= 0 then null
        {%- for bucket, below in size_buckets().items() %}
        when {{ parameters_count }} < {{ below }} then '{{ bucket }}'
        {%- endfor %}
        else '250B+'
    end
{%- endmacro %}

{#- So many models of a bucket set the measure of an age. -#}
{% macro reference_models() -%} 10 {%- endmacro %}

{#- Fewer downloads at an age are not kept; who never had as many as the second is not listed. -#}
{% macro least_level() -%} 100 {%- endmacro %}
{% macro listed_level() -%} 1000 {%- endmacro %}
