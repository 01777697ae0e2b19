{#-
    The days that this build computes. Raw sources show these days alone; a table that
    accumulates replaces them and keeps the others.
-#}
{% macro accumulates_by_day() -%}
    {{
        config(
            materialized='incremental',
            incremental_strategy='delete+insert',
            unique_key='snapshot_date',
            on_schema_change='fail',
        )
    }}
{%- endmacro %}

{#-
    A table that accumulates, and of whose days some have no row at all: the days of this build
    are emptied first, since what a day had before may not be there any more.
-#}
{% macro accumulates_events_by_day() -%}
    {{
        config(
            materialized='incremental',
            incremental_strategy='append',
            on_schema_change='fail',
            pre_hook=empty_build_window(),
        )
    }}
{%- endmacro %}

{#-
    A table of the newest snapshot alone. Every build that computes days computes that one too;
    a build without days must leave the table as it is: it has nothing to make it from.
-#}
{% macro tells_of_the_newest_day() -%}
    {{
        config(
            materialized='incremental',
            incremental_strategy='append',
            on_schema_change='fail',
            pre_hook=empty_before_new_days(),
        )
    }}
{%- endmacro %}

{% macro empty_before_new_days() -%}
    {% raw %}{% if is_incremental() %}
    delete from {{ this }}
    where (
        select max(to_date) from {{ source('raw', 'build_window') }}
    ) is not null
    {% endif %}{% endraw %}
{%- endmacro %}

{#- SQL of whether a row is of a day that this build computes; one without days computes none. -#}
{% macro is_in_build_window(day='snapshot_date') -%}
    {{ day }} >= (
        select coalesce(min(from_date), date '2999-12-31')
        from {{ source('raw', 'build_window') }}
    )
{%- endmacro %}

{#-
    SQL of whether a row of the counters is of one of `days`, the rows of a CTE. Where none were
    named, as in a unit test, for which no hook runs, all that there are may be read.
-#}
{% macro is_of_days(days, day='snapshot_date') -%}
    snapshot_date in (select {{ day }} from {{ days }})
    and coalesce(list_contains(getvariable('{{ model.name }}'), snapshot_date), true)
{%- endmacro %}

{#-
    Around a query, raw, whose `snapshot_date` are the days of which the model may read counters:
    they are named before it, and of others no file is read. What a CTE says DuckDB learns when it
    runs, and reads all days where the CTE has none, or a join is by more than the day; by what it
    knows when it plans it looks up no keys of compacted days for those that lie whole.
    More days than `is_of_days` asks for may be named, never fewer.
-#}
{% macro names_days() -%}
    {{
        config(
            pre_hook='set variable ' ~ model.name ~ ' = (select '
            ~ 'coalesce(list(distinct snapshot_date), []::date[]) from (' ~ caller() ~ '))'
        )
    }}
{%- endmacro %}

{#- The days of this build and, of each series of counters, the last usable one before each. -#}
{% macro flow_days_of_build() -%}
    {% raw %}
    select unnest([snapshot_date, usable_before]) as snapshot_date
    from {{ ref('int_hub__flow_days') }}
    where {{ is_in_build_window() }}
    {% endraw %}
{%- endmacro %}

{#- A lead is confirmed for good by a day that is not computed again. -#}
{% macro empty_where_unconfirmed() -%}
    {% raw %}{% if is_incremental() %}
    delete from {{ this }}
    where
        confirmed_on is null
        or {{ is_in_build_window('confirmed_on') }}
    {% endif %}{% endraw %}
{%- endmacro %}

{% macro empty_build_window() -%}
    {% raw %}{% if is_incremental() %}
    delete from {{ this }}
    where snapshot_date >= (
        select from_date from {{ source('raw', 'build_window') }}
    )
    {% endif %}{% endraw %}
{%- endmacro %}

{#-
    The rows of a day of models that the next snapshot does not have, and all rows of the newest
    day, of which nobody knows yet. A year is enough: no window reaches further back.
-#}
{% macro last_rows_before_absence(relation, columns) -%}
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

model_days as (

    select snapshot_date, model_key from {{ ref('int_hub__model_days') }}

),

snapshots as (

    select
        snapshot_date,
        lead(snapshot_date) over (order by snapshot_date) as next_date
    from {{ source('raw', 'snapshots') }}

),

rows_of_days as (

    select
        {{ columns | join(',\n        ') }}
    from {{ relation }}

    {% if remembers_earlier_builds() %}
    union all

    select
        {{ columns | join(',\n        ') }}
    from {{ this }}
    where
        coalesce(
            snapshot_date < (select from_date from build_window), true
        )
        and snapshot_date > (
            select max(snapshot_date) - 400 from snapshots
        )
    {% endif %}

),

dated as (

    select rows_of_days.*, snapshots.next_date
    from rows_of_days
    inner join snapshots on rows_of_days.snapshot_date = snapshots.snapshot_date

),

final as (

    select
        {{ columns | join(',\n        ') }}
    from dated
    anti join model_days
        on
            dated.next_date = model_days.snapshot_date
            and dated.model_key = model_days.model_key

)

select * from final
{%- endmacro %}

{#- Whether a table that is made anew can take rows over from the build before. -#}
{% macro remembers_earlier_builds() -%}
    {{ return(
        execute
        and not flags.FULL_REFRESH
        and load_relation(this) is not none
    ) }}
{%- endmacro %}
