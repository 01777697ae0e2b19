{#-
    Fails with the rows whose grain comes more than once. Of a table that has days: on those of
    this build, since the others are as they were when they were asked (44 M rows of a year of
    organizations, against 0.2 M).
-#}
{% test unique_grain(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as rows_count
    from {{ model }}
    {%- if 'snapshot_date' in columns %}
    where {{ is_in_build_window() }}
    {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
