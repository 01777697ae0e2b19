{#-
    Fails with the rows for which `expression` is not true; null counts as not true. Of a table
    that is told `by_day`: with those of the days of this build, as unique_grain.
    On a column it is only filed there; the expression names what it needs.
-#}
{% test holds(model, expression, by_day=false, column_name=none) %}
    select *
    from {{ model }}
    where
        not coalesce({{ expression }}, false)
        {%- if by_day %}
        and {{ is_in_build_window() }}
        {%- endif %}
{% endtest %}
