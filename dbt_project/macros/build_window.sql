{#-
    The days that this build computes. Raw sources show these days alone; a table that
    accumulates replaces them and keeps the others.
-#}
{% macro accumulates_by_day() -%}
    {{
        config(
            materialized='incremental',
            incremental_strategy='delete+insert',
            unique_key='snapshot_date',
            on_schema_change='fail',
        )
    }}
{%- endmacro %}
