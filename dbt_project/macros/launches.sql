{#-
    Launches: the releases of one group within 7 days of the group's first are one launch, the
    first after them begins the next. Not chained: a release on day 0, 6 and 12 is two launches.
-#}

{% macro launch_span_days() -%}
    {{ return(7) }}
{%- endmacro %}

{#-
    One row a launch, in the columns `keys`, launched_on and next_launched_on (null for a group's
    last): a release belongs to the launch with launched_on <= released_on < next_launched_on.
    `releases` has the keys and released_on; none is null. Most groups end within their first span
    and need no more than a minimum; only the others fold the list of their days.
-#}
{% macro launches_of(releases, keys) -%}
    {%- set keys = keys | join(', ') -%}
    select
        {{ keys }},
        launched_on,
        lead(launched_on) over (
            partition by {{ keys }} order by launched_on
        ) as next_launched_on
    from (
        select {{ keys }}, {{ unnested(days_apart('days', launch_span_days()), 'launched_on') }}
        from (
            select {{ keys }}, {{ sorted_list('released_on') }} as days
            from (
                select distinct {{ keys }}, released_on
                from {{ releases }}
                semi join (
                    select {{ keys }}
                    from {{ releases }}
                    group by {{ keys }}
                    having max(released_on) > min(released_on) + {{ launch_span_days() }}
                ) as long_groups using ({{ keys }})
            ) as distinct_days
            group by {{ keys }}
        ) as listed
    ) as long_launches

    union all

    select {{ keys }}, min(released_on) as launched_on, null as next_launched_on
    from {{ releases }}
    group by {{ keys }}
    having max(released_on) <= min(released_on) + {{ launch_span_days() }}
{%- endmacro %}

{#- Of sorted dates the first, and each that is more than `span` days after the last kept. -#}
{% macro days_apart(days, span) -%}
    {{ return(adapter.dispatch('days_apart', 'hub_observatory')(days, span)) }}
{%- endmacro %}

{% macro default__days_apart(days, span) -%}
    list_reduce(
        list_transform({{ days }}, lambda day: [day]),
        lambda kept, day: case
            when list_extract(day, 1) > list_extract(kept, -1) + {{ span }}
                then list_concat(kept, day)
            else kept
        end
    )
{%- endmacro %}

{% macro spark__days_apart(days, span) -%}
    aggregate(
        {{ days }},
        slice({{ days }}, 1, 1),
        (kept, day) -> if(day > date_add(element_at(kept, -1), {{ span }}),
            concat(kept, array(day)), kept)
    )
{%- endmacro %}

{#- The values of a group as a sorted list. -#}
{% macro sorted_list(column) -%}
    {{ return(adapter.dispatch('sorted_list', 'hub_observatory')(column)) }}
{%- endmacro %}

{% macro default__sorted_list(column) -%}
    list({{ column }} order by {{ column }})
{%- endmacro %}

{% macro spark__sorted_list(column) -%}
    sort_array(collect_list({{ column }}))
{%- endmacro %}

{#- The most basic member of a launch gives it its type: what comes before what is made of it. -#}
{% macro release_type_rank(release_type) -%}
    case {{ release_type }}
        {%- for name in release_types() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro release_types() -%}
    {{ return([
        'base', 'finetune', 'merge', 'checkpoint', 'adapter', 'quantization',
        'format_conversion',
    ]) }}
{%- endmacro %}

{#- Up to so many organizations the cadence marts list every one. -#}
{% macro small_universe_organizations() -%}
    {{ return(20000) }}
{%- endmacro %}
