{#-
    Fails with the rows for which `expression` is not true; null counts as not true.
    On a column it is only filed there; the expression names what it needs.
-#}
{% test holds(model, expression, column_name=none) %}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
