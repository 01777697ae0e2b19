{#-
    A window is a sum of weighted levels, less those at its start: whole weights, to be divided
    by the window's divisor. A snapshot that no window of a day asks for has no row.
-#}
{% set ends = [
    ('end_after', 'start_days * case when end_before = end_after then 1 '
        ~ 'else snapshot_date - end_before end'),
    ('end_before', 'start_days * (end_after - snapshot_date)'),
    ('start_after', '-end_days * case when start_before = start_after then 1 '
        ~ 'else start_date - start_before end'),
    ('start_before', '-end_days * (start_after - start_date)'),
] %}

with windows as (

    select * from {{ ref('int_hub__flow_windows') }}
    where null_reason is null

),

weighted as (

    {% for end, weight in ends %}
    select
        snapshot_date,
        series,
        window_name,
        {{ end }} as reference_date,
        ({{ weight }})::bigint as weight
    from windows
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        snapshot_date,
        reference_date
        {% for series in flow_series() %}
        {%- for window in flow_windows() %},
        coalesce(sum(weight) filter (
            series = '{{ series }}' and window_name = '{{ window }}'
        ), 0)::bigint as {{ series }}_{{ window }}
        {%- endfor %}
        {%- endfor %}
    from weighted
    where weight <> 0
    group by snapshot_date, reference_date

)

select * from final
