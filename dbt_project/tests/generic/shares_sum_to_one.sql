{#- Fails with the slices of this build whose measured shares do not add up to the whole, by more
    than their rounding can explain. -#}
{% test shares_sum_to_one(model) %}
    select
        snapshot_date,
        window_name,
        attribution,
        cohort,
        scope,
        sum(share_of_all) as share_of_all
    from {{ model }}
    where null_reason is null and {{ is_in_build_window() }}
    group by snapshot_date, window_name, attribution, cohort, scope
    having abs(sum(share_of_all) - 1) > {{ rounding_of('count(*)') }} + 1e-9
{% endtest %}
