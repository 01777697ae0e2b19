{#-
    What the marts of shares say alike: of countries, organizations and families. What a slice is,
    and how it is unrolled, is in slices.sql.
-#}

{#- A share: null where the whole is nothing or unknown, never 0 for it. -#}
{% macro ratio(part, whole) -%}
    (({{ part }})::double / nullif(({{ whole }})::double, 0))
{%- endmacro %}

{#- Where published shares end: one download among ten thousand million. Digits behind it would be
    those of the division, and take most of the file. -#}
{% macro share_digits() -%}
    {{ return(10) }}
{%- endmacro %}

{#- How much rounding may have added to a sum of `count` shares. -#}
{% macro rounding_of(count) -%}
    {{ count }} * 0.5e-{{ share_digits() }}
{%- endmacro %}

{#- A share as it is published: `value`, a ratio or a difference of shares, rounded. -#}
{% macro published_share(value) -%}
    round({{ value }}, {{ share_digits() }})
{%- endmacro %}

{#-
    The measures of `rows` beside the `totals` of their slice. Those of whom `is_ranked` is true
    have a rank, but for those whose downloads are unknown; where nobody has downloads, nobody has
    one. It is their place among each other; `place` is that among all, where not all are rows.
-#}
{% macro measures_of_shares(rows, is_ranked, place=none) -%}
    {{ rows }}.downloads::double as downloads,
        {{ rows }}.models_count,
        {{ published_share(ratio('downloads', 'all_downloads')) }} as share_of_all,
        {{ published_share(ratio(
            'downloads - largest_downloads',
            'all_downloads - largest_downloads'
        )) }} as share_of_all_without_largest_model,
        case when
            {{ is_ranked }}
            and {{ rows }}.downloads is not null
            and all_downloads > 0
        then {% if place is not none -%} {{ place }} {%- else -%} rank() over (
            partition by
                {% for name in slice_columns() %}{{ rows }}.{{ name }}, {% endfor %}
                {{ is_ranked }}
            -- Thirds of credits do not break a tie.
            order by round({{ rows }}.downloads, 6) desc nulls last
        ) {%- endif %} end::integer as rank,
        {{ rows }}.downloads_uncorrected::double as downloads_uncorrected,
        coalesce(null_reason, case when all_downloads = 0
            then 'no model of this slice has downloads' end) as null_reason
{%- endmacro %}

{#- So many organizations of a slice are named for their downloads; the rest is `(other)`. -#}
{% macro named_organizations() -%}
    {{ return(500) }}
{%- endmacro %}

{#- From how many days before the changes are told, each under a name. -#}
{% macro days_of_changes() -%}
    {{ return({'week_ago': 7, 'month_ago': 30}) }}
{%- endmacro %}

{#- The `shares` of this build, and of a build that `goes_on` those that were said before,
    where they are compared with these. -#}
{% macro known_shares(keys, goes_on) -%}
    {%- set columns = (slice_columns() + keys) | join(', ') -%}
    select {{ columns }}, share_of_all
    from shares
    {% if goes_on %}
    union all
    select {{ columns }}, share_of_all
    from {{ this }}
    -- Of a year of days the few that a change is told from.
    where
        snapshot_date in (
            {%- for days in days_of_changes().values() %}
            select distinct snapshot_date - {{ days }} from shares
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        )
        and snapshot_date not in (select distinct snapshot_date from shares)
    {% endif %}
{%- endmacro %}

{#- Joins what is known of the same entity a week and a month before. -#}
{% macro earlier_shares(keys) -%}
    {%- for name, days in days_of_changes().items() %}
    left join known_shares as {{ name }}
        on
            {{ name }}.snapshot_date = shares.snapshot_date - {{ days }}
            {%- for column in slice_columns()[1:] + keys %}
            and {{ name }}.{{ column }} = shares.{{ column }}
            {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{% macro changes_of_shares() -%}
    {{ published_share('shares.share_of_all - week_ago.share_of_all') }}
            as share_change_7d,
        {{ published_share('shares.share_of_all - month_ago.share_of_all') }}
            as share_change_30d
{%- endmacro %}
