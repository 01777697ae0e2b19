{#-
    How a claim is judged. `claims` has one row a claim with comparison, claimed_value, tolerance
    and unit; what is measured for it is int_hub__claim_measures'.
-#}

{#- Sums of doubles are no exacter than this, relative to the claimed value. -#}
{% macro claim_rounding() -%}
    1e-9 * greatest(1, abs(claimed_value))
{%- endmacro %}

{#- What the claim allows: from the first to the second. -#}
{% macro claim_least() -%}
    (claimed_value - tolerance - {{ claim_rounding() }})
{%- endmacro %}

{% macro claim_most() -%}
    (claimed_value + tolerance + {{ claim_rounding() }})
{%- endmacro %}

{#-
    The verdict on a claim of which anything from `low` to `high` may be true: it holds where all
    of that fits, does not where none does, and is undecided where the range reaches beyond.
-#}
{% macro verdict(low, high, unmeasurable_reason) -%}
    case
        when {{ unmeasurable_reason }} is not null then 'not measurable yet'
        when
            case comparison
                when 'equals'
                    then {{ low }} >= {{ claim_least() }}
                        and {{ high }} <= {{ claim_most() }}
                when 'at_least' then {{ low }} >= {{ claim_least() }}
                when 'at_most' then {{ high }} <= {{ claim_most() }}
                when 'greater_than' then {{ low }} > {{ claim_most() }}
                when 'less_than' then {{ high }} < {{ claim_least() }}
            end then 'holds'
        when
            case comparison
                when 'equals'
                    then {{ high }} < {{ claim_least() }}
                        or {{ low }} > {{ claim_most() }}
                when 'at_least' then {{ high }} < {{ claim_least() }}
                when 'at_most' then {{ low }} > {{ claim_most() }}
                when 'greater_than' then {{ high }} <= {{ claim_most() }}
                when 'less_than' then {{ low }} >= {{ claim_least() }}
            end then 'does not hold'
        else 'undecided'
    end
{%- endmacro %}

{#- A value in words, in the unit of its claim. -#}
{% macro claim_figure(value) -%}
    case
        when unit in ('share', 'share of weeks')
            then round(100 * ({{ value }}), 1)::varchar || ' %'
        when abs({{ value }}) >= 1e9
            then round(({{ value }}) / 1e9, 3)::varchar || ' billion'
        when abs({{ value }}) >= 1e6
            then round(({{ value }}) / 1e6, 2)::varchar || ' million'
        when abs({{ value }}) >= 1000 or {{ value }} = round({{ value }})
            then round({{ value }})::bigint::varchar
        else round({{ value }}, 3)::varchar
    end
{%- endmacro %}

{#- Why the verdict is what it is: what was measured, its range, and what the claim allows. -#}
{% macro why(value, low, high, unmeasurable_reason) -%}
    coalesce(
        {{ unmeasurable_reason }},
        'measured ' || {{ claim_figure(value) }}
        || case when {{ high }} - {{ low }} > {{ claim_rounding() }} then
            ', by doubtful homes anything from ' || {{ claim_figure(low) }}
            || ' to ' || {{ claim_figure(high) }}
        else '' end
        || '; the claim wants '
        || case comparison
            when 'equals' then case when tolerance = 0
                then {{ claim_figure('claimed_value') }}
                else {{ claim_figure('claimed_value - tolerance') }} || ' to '
                    || {{ claim_figure('claimed_value + tolerance') }}
            end
            when 'at_least'
                then 'at least ' || {{ claim_figure('claimed_value - tolerance') }}
            when 'at_most'
                then 'at most ' || {{ claim_figure('claimed_value + tolerance') }}
            when 'greater_than'
                then 'more than ' || {{ claim_figure('claimed_value + tolerance') }}
            when 'less_than'
                then 'less than ' || {{ claim_figure('claimed_value - tolerance') }}
        end
    )
{%- endmacro %}

{#- How many days before a date a measure looks at; 0 where it is of one moment. -#}
{% macro claim_days() -%}
    case
        when measure in (
            'share_of_weeks_with_launch', 'launches_per_week_median', 'weekly_gap_change'
        ) then 365
        when window_name = '30d' or measure = 'counter_ratio_median' then 30
        {%- for window, days in flow_windows().items() %}
        when window_name = '{{ window }}' then {{ days }}
        {%- endfor %}
        else 0
    end
{%- endmacro %}

{#- Whether a measured value decides although it may be more in truth. -#}
{% macro is_decided_from_below(value='measured.measured_value') -%}
    case asked.comparison
        when 'at_least'
            then {{ value }} >= asked.claimed_value - asked.tolerance
        when 'less_than'
            then {{ value }} >= asked.claimed_value - asked.tolerance
        else {{ value }} > asked.claimed_value + asked.tolerance
    end
{%- endmacro %}

{#-
    Measures of one organization alone that one more model can only raise. A selection that has it
    may lack some of its models: what is counted there is the least that is true. A launch is no
    such thing: with one model more, before the first of two, both are one.
-#}
{% macro claim_measures_of_a_panel() -%}
    {{ return(['family_models_count']) }}
{%- endmacro %}

{#- The two counters are compared of models with so many downloads in 30 days. -#}
{% macro compared_counters_from() -%} 1000 {%- endmacro %}

{#- The slice of a claim; where it names none its measure needs none, and rows are found here. -#}
{% macro claim_slice() -%}
    {{ return({
        'window_name': '30d',
        'attribution': 'publisher',
        'cohort': 'all',
        'scope': 'all',
    }) }}
{%- endmacro %}

{#- Whether a row of `facts` is of the day and slice of a row of `asked`. -#}
{% macro is_of_the_claim(facts) -%}
    asked.snapshot_date = {{ facts }}.snapshot_date
    {%- for name in claim_slice() %}
    and asked.slice_{{ name }} = {{ facts }}.{{ name }}
    {%- endfor %}
{%- endmacro %}
