{% call names_days() %}
{% raw %}
select reference_date as snapshot_date
from {{ ref('int_hub__flow_references') }}
{% endraw %}
{% endcall %}
{#- Each figure has a bit in what tells of a model which figures ask for a day that shows it. -#}
{% set bits = {} %}
{%- for series in flow_series() %}
{%- for window in flow_windows() %}
{%- do bits.update({series ~ '_' ~ window: 2 ** (bits | length)}) %}
{%- endfor %}
{%- endfor %}

-- Downloads of each model in each window that is a difference of levels, corrected and not. A
-- model that is gone has what it had until it was last seen. Null where its counter tells of no
-- part of the window: an older one that is first seen as it ends, one that was gone before.
with references_ as (

    select
        *,
        bool_and(
            {% for window in flow_windows() -%}
            corrected_{{ window }} = uncorrected_{{ window }}
            {{ 'and ' if not loop.last }}
            {%- endfor %}
        ) over (partition by snapshot_date) as is_weighted_alike,
        {% for name, bit in bits.items() -%}
        case when {{ name }} = 0 then 0 else {{ bit }} end
        {{ '+ ' if not loop.last }}
        {%- endfor %} as asked_for
    from {{ ref('int_hub__flow_references') }}

),

counters as (

    select * from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('references_', 'reference_date') }}

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

-- Of most models the rules change nothing, so that one sum serves both series: sums of millions of
-- models are most of the cost. In doubles they take two thirds of it, and are as exact: counters end
-- at 10^15, whole numbers are doubles up to 9 * 10^15, and where a weight is not 1 it is divided.
summed as (

    select
        references_.snapshot_date,
        counters.model_key
        {%- for window in flow_windows() %},
        sum(counters.counter * references_.uncorrected_{{ window }}::double)
        ::decimal(38, 0) as uncorrected_{{ window }}
        {%- endfor %}
    from counters
    inner join references_
        on counters.snapshot_date = references_.reference_date
    group by references_.snapshot_date, counters.model_key

),

-- Where a level is not the counter, or the rules look at other snapshots: then a model may be
-- seen on days alone of which a figure does not ask, and that figure is not known.
changed_levels as (

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
    where
        floors.model_key is not null
        or not references_.is_weighted_alike

),

corrections as (

    select
        snapshot_date,
        model_key
        {%- for window in flow_windows() %},
        sum(level * corrected_{{ window }} - counter * uncorrected_{{ window }})
            as correction_{{ window }}
        {%- endfor %},
        case when not bool_and(is_weighted_alike) then bit_or(asked_for)
        end as asked_for
    from changed_levels
    group by snapshot_date, model_key

),

supposed as (

    select
        references_.*,
        unseen.series,
        unseen.model_key,
        case when unseen.after_date is null then unseen.before_date
        end as first_sight,
        case when unseen.before_date is null then unseen.after_date
        end as last_sight,
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
        {%- for window in flow_windows() %},
        case
            when (
                corrections.asked_for & {{ bits['corrected_' ~ window] }}
            ) = 0 then null
            else {{ divided(
                'summed.uncorrected_' ~ window
                ~ ' + coalesce(corrections.correction_' ~ window ~ ', 0)',
                'windows.corrected_' ~ window ~ '_divisor'
            ) }}
        end as corrected_{{ window }},
        case
            when (
                corrections.asked_for & {{ bits['uncorrected_' ~ window] }}
            ) = 0 then null
            else {{ divided(
                'summed.uncorrected_' ~ window,
                'windows.uncorrected_' ~ window ~ '_divisor'
            ) }}
        end as uncorrected_{{ window }}
        {%- endfor %}
    from summed
    inner join windows on summed.snapshot_date = windows.snapshot_date
    left join corrections
        on
            summed.snapshot_date = corrections.snapshot_date
            and summed.model_key = corrections.model_key

),

supposed_parts as (

    select
        supposed.snapshot_date,
        supposed.model_key
        {%- for series in flow_series() %}
        {%- for window, days in flow_windows().items() %},
        sum(
            case when supposed.series = '{{ series }}' then {{ divided(
                'supposed.level * supposed.' ~ series ~ '_' ~ window,
                'windows.' ~ series ~ '_' ~ window ~ '_divisor'
            ) }} end
        ) as {{ series }}_{{ window }},
        least(
            supposed.snapshot_date,
            min(supposed.last_sight) filter (supposed.series = '{{ series }}')
        ) <= greatest(
            supposed.snapshot_date - {{ days }},
            max(supposed.first_sight) filter (supposed.series = '{{ series }}')
        ) as is_{{ series }}_{{ window }}_unknown
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
                when supposed_parts.is_{{ name }}_unknown then null
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
