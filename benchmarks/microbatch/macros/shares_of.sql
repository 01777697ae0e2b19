{#- Shares by `entity` on each day of the batch, for every window, cohort and scope. -#}
{% macro shares_of(entity) %}
{%- set flows = {'1d': 1, '7d': 7, '28d': 28, '365d': 365} %}
with today as (

    select * from {{ ref('stg_models') }}

),

-- Not of this batch: the days at which the windows begin.
before as (

    select snapshot_date, model_key, downloads_all_time
    from {{ ref('stg_models').render() }}

),

counted as (

    select
        snapshot_date, {{ entity }}, is_new_365d, is_language_model,
        '30d' as window_name, downloads_30d as downloads
    from today
    union all
    select
        snapshot_date, {{ entity }}, is_new_365d, is_language_model,
        'all_time' as window_name, downloads_all_time as downloads
    from today
    {%- for window, days in flows.items() %}
    union all
    select
        today.snapshot_date, today.{{ entity }}, today.is_new_365d, today.is_language_model,
        '{{ window }}' as window_name,
        today.downloads_all_time - coalesce(before.downloads_all_time, 0) as downloads
    from today
    left join before
        on
            before.snapshot_date = today.snapshot_date - {{ days }}
            and before.model_key = today.model_key
    where exists (
        select 1 from before as known
        where known.snapshot_date = today.snapshot_date - {{ days }}
    )
    {%- endfor %}

),

sums as (

    {%- for cohort, in_cohort in {'all': 'true', 'new_365d': 'is_new_365d'}.items() %}
    {%- set is_last = loop.last %}
    {%- for scope, in_scope in {'all': 'true', 'language_models': 'is_language_model'}.items() %}
    select
        snapshot_date, window_name, '{{ cohort }}' as cohort, '{{ scope }}' as scope, {{ entity }},
        sum(downloads) as downloads, max(downloads) as largest, count(*) as models_count
    from counted
    where {{ in_cohort }} and {{ in_scope }}
    group by all
    {%- if not (loop.last and is_last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select
    *,
    downloads / sum(downloads) over slice as share_of_all,
    rank() over (slice order by downloads desc) as rank
from sums
window slice as (partition by snapshot_date, window_name, cohort, scope)
{% endmacro %}
