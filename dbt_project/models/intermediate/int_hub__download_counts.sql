-- How many models and organizations have how many downloads, from the most: of 5 million models
-- only some 100,000 counts differ, so what is sorted here is short.
{%- set slice = slice_columns() %}
{%- set cuts = [] %}
{%- for cohort, in_cohort in cohorts().items() %}
{%- for scope, in_scope in scopes().items() %}
{%- do cuts.append({
    'number': (cuts | length + 1) ~ '::smallint', 'cohort': cohort, 'scope': scope,
    'is_in': in_cohort ~ ' and ' ~ in_scope,
}) %}
{%- endfor %}
{%- endfor %}

with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

root_downloads as (

    select * from {{ ref('int_hub__root_downloads') }}

),

owner_downloads as (

    select * from {{ ref('int_hub__owner_downloads') }}

),

cuts as (

    {% for cut in cuts %}
    select
        {{ cut.number }} as cut,
        '{{ cut.cohort }}' as cohort,
        '{{ cut.scope }}' as scope
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- A model alone has the same downloads in every slice that has it.
alone as (

    {% for window in download_windows() %}
    select
        snapshot_date,
        '{{ window }}' as window_name,
        root_model_id is not null or is_divided or is_root as is_of_a_family,
        is_new_365d,
        is_language_model,
        downloads_{{ window }}::decimal(38, 9) as downloads,
        count(*) as entities_count
    from model_downloads
    -- What is gone counts where it had downloads.
    where
        downloads_{{ window }} > 0
        or (is_present and downloads_{{ window }} = 0)
    group by all
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- An organization, or a root with all that descends from it, has others in each.
together as {{ read_anew() }} (

    select
        snapshot_date,
        attribution,
        'organization' as level,
        organization as entity,
        is_new_365d,
        is_language_model,
        models_count
        {%- for window in download_windows() %},
        downloads_{{ window }}
        {%- endfor %}
    from owner_downloads

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        'model' as level,
        root_model_id as entity,
        is_new_365d,
        is_language_model,
        models_count
        {%- for window in download_windows() %},
        downloads_{{ window }}
        {%- endfor %}
    from root_downloads

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        'model' as level,
        model_id as entity,
        is_new_365d,
        is_language_model,
        is_present::integer as models_count
        {%- for window in download_windows() %},
        downloads_{{ window }}::decimal(38, 9)
            as downloads_{{ window }}
        {%- endfor %}
    from model_downloads
    where is_root and root_model_id is null and not is_divided

),

summed as (

    {% for cut in cuts %}
    select
        snapshot_date,
        attribution,
        {{ cut.number }} as cut,
        level,
        sum(models_count) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }}
        {%- endfor %}
    from together
    where {{ cut.is_in }}
    group by snapshot_date, attribution, level, entity
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- Each window counted on its own, in one pass: a row is of the window whose downloads it has, for
-- which `grouping` is 0. A join with the windows would make six rows of each entity before.
counted_together as (

    select
        snapshot_date,
        attribution,
        level,
        cut,
        {%- for window in download_windows() %}
        downloads_{{ window }},
        grouping(downloads_{{ window }}) as is_not_{{ window }},
        {%- endfor %}
        count(*) as all_count,
        count(*) filter (models_count > 0) as present_count
    from summed
    group by grouping sets (
        {%- for window in download_windows() %}
        (snapshot_date, attribution, level, cut, downloads_{{ window }})
        {{- ',' if not loop.last }}
        {%- endfor %}
    )

),

together_by_window as (

    select
        snapshot_date,
        attribution,
        level,
        cut,
        all_count,
        present_count,
        case
            {%- for window in download_windows() %}
            when is_not_{{ window }} = 0 then '{{ window }}'
            {%- endfor %}
        end as window_name,
        case
            {%- for window in download_windows() %}
            when is_not_{{ window }} = 0 then downloads_{{ window }}
            {%- endfor %}
        end as downloads
    from counted_together

),

counted as (

    select
        alone.snapshot_date,
        alone.window_name,
        attributions.attribution,
        cuts.cohort,
        cuts.scope,
        'model' as level,
        alone.downloads,
        sum(alone.entities_count)::bigint as entities_count
    from alone
    inner join cuts
        on
            (cuts.cohort = 'all' or alone.is_new_365d)
            and (cuts.scope = 'all' or alone.is_language_model)
    inner join (
        select 'publisher' as attribution
        union all
        select 'base_model' as attribution
    ) as attributions
        on attributions.attribution = 'publisher' or not alone.is_of_a_family
    group by all

    union all

    select
        together_by_window.snapshot_date,
        together_by_window.window_name,
        together_by_window.attribution,
        cuts.cohort,
        cuts.scope,
        together_by_window.level,
        together_by_window.downloads,
        case
            when together_by_window.downloads > 0 then together_by_window.all_count
            else together_by_window.present_count
        end as entities_count
    from together_by_window
    inner join cuts on together_by_window.cut = cuts.cut
    where
        together_by_window.downloads > 0
        or (
            together_by_window.downloads = 0
            and together_by_window.present_count > 0
        )

),

final as (

    select
        *,
        -- How many come before it: who has more, and of two rows with as much the other one.
        (
            sum(entities_count) over (
                partition by {{ slice | join(', ') }}, level
                order by downloads desc
                rows between unbounded preceding and current row
            ) - entities_count
        )::bigint as entities_before

    from counted

)

select * from final
