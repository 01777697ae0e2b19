-- How many models and organizations have how many downloads, from the most: of 5 million models
-- only some 100,000 counts differ, so what is sorted here is short.
{%- set slice = ['snapshot_date', 'window_name', 'attribution', 'cohort', 'scope'] %}

with model_downloads as (

    select * from {{ ref('int_hub__model_downloads') }}

),

root_downloads as (

    select * from {{ ref('int_hub__root_downloads') }}

),

owner_downloads as (

    select * from {{ ref('int_hub__owner_downloads') }}

),

lineage as (

    select * from {{ ref('int_hub__lineage') }}

),

cuts as (

    {% for cohort in cohorts() %}
    {% for scope in scopes() %}
    select '{{ cohort }}' as cohort, '{{ scope }}' as scope
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

heirs as (

    select distinct snapshot_date, model_key from lineage

),

ancestors as (

    select distinct snapshot_date, root_model_id from lineage

),

models as (

    select
        model_downloads.*,
        heirs.model_key is not null as is_heir,
        ancestors.root_model_id is not null as is_ancestor
    from model_downloads
    left join heirs
        on
            model_downloads.snapshot_date = heirs.snapshot_date
            and model_downloads.model_key = heirs.model_key
    left join ancestors
        on
            model_downloads.snapshot_date = ancestors.snapshot_date
            and model_downloads.model_id = ancestors.root_model_id

),

-- A model alone has the same downloads in every slice that has it.
alone as (

    {% for window in download_windows() %}
    select
        snapshot_date,
        '{{ window }}' as window_name,
        is_heir or is_ancestor as is_of_a_family,
        is_new_365d,
        is_language_model,
        downloads_{{ window }}::decimal(38, 6) as downloads,
        count(*) as entities_count
    from models
    -- What is gone counts where it had downloads.
    where downloads_{{ window }} > 0 or (is_present and downloads_{{ window }} = 0)
    group by all
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- An organization, or a root with all that descends from it, has others in each.
together as (

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
        downloads_{{ window }}::decimal(38, 6) as downloads_{{ window }}
        {%- endfor %}
    from models
    where is_ancestor and not is_heir

),

summed as (

    select
        together.snapshot_date,
        together.attribution,
        cuts.cohort,
        cuts.scope,
        together.level,
        together.entity,
        sum(together.models_count) as models_count
        {%- for window in download_windows() %},
        sum(together.downloads_{{ window }})::decimal(38, 6)
            as downloads_{{ window }}
        {%- endfor %}
    from together
    inner join cuts
        on
            (cuts.cohort = 'all' or together.is_new_365d)
            and (cuts.scope = 'all' or together.is_language_model)
    group by all

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

    {% for window in download_windows() %}
    union all

    select
        snapshot_date,
        '{{ window }}' as window_name,
        attribution,
        cohort,
        scope,
        level,
        downloads_{{ window }} as downloads,
        count(*) as entities_count
    from summed
    where
        downloads_{{ window }} > 0
        or (models_count > 0 and downloads_{{ window }} = 0)
    group by all
    {% endfor %}

),

final as (

    select
        *,
        -- How many have more.
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
