{#- What a share is of: its day, and the four dimensions that tell which downloads count. -#}
{% macro slice_columns() -%}
    {{ return(['snapshot_date', 'window_name', 'attribution', 'cohort', 'scope']) }}
{%- endmacro %}

{#- The windows that are measured, each with its column in the intermediate tables. -#}
{% macro download_windows() -%}
    {{ return(['1d', '7d', '28d', '30d', '365d', 'all_time']) }}
{%- endmacro %}

{#- The column with the downloads of a window by the counters as the Hub gave them. -#}
{% macro uncorrected(window) -%}
    {{ 'uncorrected_' if window in flow_windows() else 'downloads_' }}{{ window }}
{%- endmacro %}

{#- The windows as whole days before that of the snapshot; null for ever. -#}
{% macro windows_of_creation() -%}
    {{ return({'1d': 1, '7d': 7, '28d': 28, '30d': 30, '365d': 365, 'all_time': none}) }}
{%- endmacro %}

{#- Cohorts and scopes: the condition that puts a row of the intermediate tables in. -#}
{% macro cohorts() -%}
    {{ return({'all': 'true', 'new_365d': 'is_new_365d'}) }}
{%- endmacro %}

{% macro scopes() -%}
    {{ return({'all': 'true', 'language_models': 'is_language_model'}) }}
{%- endmacro %}

{#- The cuts of a day: window, cohort and scope, a key of all three, and who is in. -#}
{% macro cuts() -%}
    {%- set found = [] -%}
    {%- for window in download_windows() -%}
    {%- for cohort, in_cohort in cohorts().items() -%}
    {%- for scope, in_scope in scopes().items() -%}
    {%- do found.append({
        'window': window, 'cohort': cohort, 'scope': scope,
        'key': [window, cohort, scope] | join('_'),
        'is_in': in_cohort ~ ' and ' ~ in_scope,
    }) -%}
    {%- endfor -%}
    {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- The measures of the intermediate tables, of models one a row. -#}
{% macro measures_of_models() -%}
        count(*) filter (is_present) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }},
        max(downloads_{{ window }})::decimal(38, 9) as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        sum(uncorrected_{{ window }})::decimal(38, 9) as uncorrected_{{ window }}
        {%- endfor %}
{%- endmacro %}

{#- The same, of rows that have them already. -#}
{% macro summed_measures() -%}
        sum(models_count)::bigint as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }},
        max(largest_{{ window }})::decimal(38, 9) as largest_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        sum(uncorrected_{{ window }})::decimal(38, 9) as uncorrected_{{ window }}
        {%- endfor %}
{%- endmacro %}

{#-
    Unrolls a table of measures by (is_new_365d, is_language_model) into one row a window,
    cohort and scope. `keys` are the columns kept beside snapshot_date and attribution, `counts`
    what is summed up beside the downloads: a column `<count>_<window>` each.
-#}
{% macro sliced(relation, keys, counts=[]) -%}
    {% for cut in cuts() %}
    select
        snapshot_date,
        '{{ cut.window }}' as window_name,
        attribution,
        '{{ cut.cohort }}' as cohort,
        '{{ cut.scope }}' as scope,
        {% for key in keys %}{{ key }},
        {% endfor -%}
        sum(models_count)::bigint as models_count,
        sum(downloads_{{ cut.window }})::decimal(38, 9) as downloads,
        max(largest_{{ cut.window }})::decimal(38, 9) as largest_downloads,
        {% for count in counts %}sum({{ count }}_{{ cut.window }}) as {{ count }},
        {% endfor -%}
        sum({{ uncorrected(cut.window) }})::decimal(38, 9) as downloads_uncorrected
    from {{ relation }}
    where {{ cut.is_in }}
    group by all
    -- Who has nothing but models that are gone is there where they had downloads.
    having
        sum(models_count) > 0
        or sum(downloads_{{ cut.window }}) > 0
        or sum({{ uncorrected(cut.window) }}) <> 0
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{%- endmacro %}

{#-
    Why a row of a slice that is measured has no downloads: null where it has some, or none. A sum
    is null where no part of it is known, and of no model there the figure is.
-#}
{% macro reason_of_unknown(rows) -%}
    case
        when {{ rows }}.downloads is not null then null
        when {{ rows }}.window_name = '30d'
            then 'the source records no downloads of these models'
        when {{ rows }}.window_name = 'all_time'
            then 'the source records no downloadsAllTime of these models'
        else 'the counters of these models tell of no part of the window'
    end
{%- endmacro %}

{#-
    Joins `slices` to the rows that `sliced` gave: those of the slice itself, or of all models
    where nobody knows which of them are in it. The slice is that of `slices`.
-#}
{% macro lists_the_slice(rows) -%}
    slices.snapshot_date = {{ rows }}.snapshot_date
    and slices.window_name = {{ rows }}.window_name
    and slices.attribution = {{ rows }}.attribution
    and slices.listed_cohort = {{ rows }}.cohort
    and slices.listed_scope = {{ rows }}.scope
{%- endmacro %}

{#-
    The part of a model's downloads that a root gets; all of it to the last digit where it can.
    With six digits an interpolated share was off by 8e-10 in a world of 600 models.
-#}
{% macro credited(downloads, credit) -%}
    case when {{ credit }} >= 0.999999999
        then {{ downloads }}::decimal(38, 9)
        else (
            {{ downloads }}::double * {{ credit }}::double
        )::decimal(38, 9)
    end
{%- endmacro %}
