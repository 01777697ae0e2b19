-- Downloads of each model in each window that is a difference of levels, corrected and not. A
-- model that is gone has what it had until it was last seen.
with counters as (

    select * from {{ ref('stg_hub__counters') }}

),

references_ as (

    select * from {{ ref('int_hub__flow_references') }}

),

floors as (

    select
        *,
        coalesce(
            lead(snapshot_date) over (
                partition by model_key order by snapshot_date
            ),
            date '2999-12-31'
        ) as next_date
    from {{ ref('int_hub__counter_floors') }}

),

unseen as (

    select * from {{ ref('int_hub__unseen_levels') }}

),

windows as (

    select
        snapshot_date
        {%- for series in flow_series() %},
        max(end_after) filter (series = '{{ series }}') as {{ series }}_until
        {%- for window in flow_windows() %},
        max(start_days * end_days) filter (
            series = '{{ series }}' and window_name = '{{ window }}'
            and null_reason is null
        )::bigint as {{ series }}_{{ window }}_divisor
        {%- endfor %}
        {%- endfor %}
    from {{ ref('int_hub__flow_windows') }}
    group by snapshot_date

),

seen as (

    select
        references_.*,
        counters.model_key,
        counters.counter,
        {{ level('counters.counter', 'floors') }} as level
    from counters
    inner join references_
        on counters.snapshot_date = references_.reference_date
    left join floors
        on
            counters.model_key = floors.model_key
            and counters.snapshot_date >= floors.snapshot_date
            and counters.snapshot_date < floors.next_date

),

summed as (

    select
        snapshot_date,
        model_key
        {%- for series, value in [('corrected', 'level'), ('uncorrected', 'counter')] %}
        {%- for window in flow_windows() %},
        sum({{ value }} * {{ series }}_{{ window }}) as {{ series }}_{{ window }}
        {%- endfor %}
        {%- endfor %}
    from seen
    group by snapshot_date, model_key

),

supposed as (

    select
        references_.*,
        unseen.series,
        unseen.model_key,
        case
            when unseen.after_date is null or unseen.before_date is null
                then unseen.level_before::decimal(38, 9)
            else unseen.level_before + (
                (unseen.level_after - unseen.level_before)
                * (references_.reference_date - unseen.after_date)
            )::double / (unseen.before_date - unseen.after_date)
        end as level
    from references_
    inner join windows on references_.snapshot_date = windows.snapshot_date
    inner join unseen
        on
            references_.reference_date > coalesce(unseen.after_date, date '1970-01-01')
            and references_.reference_date < coalesce(unseen.before_date, date '2999-12-31')
            and unseen.known_from <= case when unseen.series = 'corrected'
                then windows.corrected_until else windows.uncorrected_until end
            and coalesce(unseen.known_to, date '2999-12-31') > case when unseen.series = 'corrected'
                then windows.corrected_until else windows.uncorrected_until end

),

measured as (

    select
        summed.snapshot_date,
        summed.model_key
        {%- for series in flow_series() %}
        {%- for window in flow_windows() %},
        {{ divided(
            'summed.' ~ series ~ '_' ~ window,
            'windows.' ~ series ~ '_' ~ window ~ '_divisor'
        ) }} as {{ series }}_{{ window }}
        {%- endfor %}
        {%- endfor %}
    from summed
    inner join windows on summed.snapshot_date = windows.snapshot_date

),

supposed_parts as (

    select
        supposed.snapshot_date,
        supposed.model_key
        {%- for series in flow_series() %}
        {%- for window in flow_windows() %},
        sum(
            case when supposed.series = '{{ series }}' then {{ divided(
                'supposed.level * supposed.' ~ series ~ '_' ~ window,
                'windows.' ~ series ~ '_' ~ window ~ '_divisor'
            ) }} end
        ) as {{ series }}_{{ window }}
        {%- endfor %}
        {%- endfor %}
    from supposed
    inner join windows on supposed.snapshot_date = windows.snapshot_date
    group by supposed.snapshot_date, supposed.model_key

),

-- Levels are supposed of few: who has none is not summed up again.
final as (

    select
        coalesce(measured.snapshot_date, supposed_parts.snapshot_date)
            as snapshot_date,
        coalesce(measured.model_key, supposed_parts.model_key) as model_key
        {%- for series in flow_series() %}
        {%- for window in flow_windows() %}
        {%- set name = series ~ '_' ~ window %},
        (
            case
                when supposed_parts.{{ name }} is null
                    then {{ without_rounding_dust('measured.' ~ name) }}
                when measured.{{ name }} is null
                    then {{ without_rounding_dust('supposed_parts.' ~ name) }}
                else {{ without_rounding_dust(
                    '(measured.' ~ name ~ ' + supposed_parts.' ~ name ~ ')'
                ) }}
            end
        )::decimal(27, 9) as {{ name }}
        {%- endfor %}
        {%- endfor %}
    from measured
    full outer join supposed_parts
        on
            measured.snapshot_date = supposed_parts.snapshot_date
            and measured.model_key = supposed_parts.model_key

)

select * from final
