{#-
    The windows that are differences of the cumulative counter, with their days. A figure is
    `corrected` by the rules, or `uncorrected`: of the counters as the Hub gave them.
-#}
{% macro flow_windows() -%}
    {{ return({'1d': 1, '7d': 7, '28d': 28, '365d': 365}) }}
{%- endmacro %}

{% macro flow_series() -%}
    {{ return(['corrected', 'uncorrected']) }}
{%- endmacro %}

{#- More of the models than this fall at once: their counters were set back, not the models. -#}
{% macro rollback_share() -%} 0.05 {%- endmacro %}

{#- So many snapshots in a row are held back at most; then what they say is accepted. -#}
{% macro held_snapshots() -%} 8 {%- endmacro %}

{#- Each day of this build with each day of many falls before it that may still hold it back. -#}
{% macro days_after_falls() -%}
    with days as (

        select
            *,
            row_number() over (order by snapshot_date) as place
        from {{ ref('int_hub__counter_days') }}
        where models_count > 0

    )

    select
        days.snapshot_date,
        falls.snapshot_date as fell_on,
        falls.previous_date as good_date

    from days
    inner join {{ source('raw', 'build_window') }} as build_window
        on
            days.snapshot_date >= build_window.from_date
            and days.snapshot_date <= build_window.to_date
    inner join days as falls
        on
            falls.fallen_models_count
            > {{ rollback_share() }} * falls.common_models_count
            and days.place >= falls.place
            and days.place <= falls.place + {{ held_snapshots() }}
{%- endmacro %}

{#- The corrected level of a counter; without a floor it is the counter. -#}
{% macro level(counter, floors) -%}
    case when {{ floors }}.model_key is null then {{ counter }}
        else {{ floors }}.lift + greatest({{ floors }}.floor, {{ counter }})
    end
{%- endmacro %}

{#- A whole sum over its divisor: exact where the divisor is 1, as on most days. -#}
{% macro divided(amount, divisor) -%}
    case
        when {{ divisor }} = 1 then ({{ amount }})::decimal(27, 9)
        else (({{ amount }})::double / {{ divisor }})::decimal(27, 9)
    end
{%- endmacro %}

{#-
    A sum of parts that were rounded to nine digits, each: where they cancel out, what is left is
    nothing. In 3 of 40 random histories a country had 0.000000001 downloads, and a rank.
-#}
{% macro without_rounding_dust(amount) -%}
    case when abs({{ amount }}) < 0.000001 then 0 else {{ amount }} end
{%- endmacro %}

{#- The counters of so many days may still be repaired by those that follow. -#}
{% macro provisional_days() -%} 3 {%- endmacro %}

{% macro is_provisional(facts) -%}
    (
        {{ facts }}.window_name in ('{{ flow_windows() | join("', '") }}')
        and (
            {{ facts }}.snapshot_date > (
                select max(snapshot_date) - {{ provisional_days() }}
                from {{ source('raw', 'snapshots') }}
            )
            or not status.is_settled
        )
    )
{%- endmacro %}

{#- What an earlier build left as provisional, and is not any more. -#}
{% macro settle_provisional_days() -%}
    {% raw %}{% if is_incremental() %}
    update {{ this }} set is_provisional = false
    where
        is_provisional
        and snapshot_date <= (
            select max(snapshot_date) - {{ provisional_days() }}
            from {{ source('raw', 'snapshots') }}
        )
        and snapshot_date < (
            select from_date from {{ source('raw', 'build_window') }}
        )
    {% endif %}{% endraw %}
{%- endmacro %}
