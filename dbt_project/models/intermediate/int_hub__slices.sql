{#- Every slice of every day of the build, with the reason why it cannot be measured. -#}
with days as (

    select * from {{ ref('int_hub__snapshot_days') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__model_days') }}
    )

),

flows as (

    select
        snapshot_date,
        window_name,
        max(null_reason) filter (series = 'corrected') as null_reason,
        max(null_reason) filter (series = 'uncorrected')
            as uncorrected_null_reason
    from {{ ref('int_hub__flow_windows') }}
    group by all

),

slices as (

    {% for window in download_windows() %}
    {% for attribution in ['publisher', 'base_model'] %}
    {% for cohort in cohorts() %}
    {% for scope in scopes() %}
    select
        '{{ window }}' as window_name,
        '{{ attribution }}' as attribution,
        '{{ cohort }}' as cohort,
        '{{ scope }}' as scope
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

reasons as (

    select
        days.snapshot_date,
        slices.*,
        -- Of what nobody can tell from the rest, all that may be in it is listed.
        case when days.has_created_at then slices.cohort else 'all'
        end as listed_cohort,
        case when days.has_scope then slices.scope else 'all' end as listed_scope,
        case
            when slices.window_name = '30d' and not days.has_downloads_30d
                then 'the source records no downloads'
            when slices.window_name = 'all_time'
                and not days.has_downloads_all_time
                then 'the source records no downloadsAllTime'
        end as window_reason,
        case
            when slices.attribution = 'base_model' and not days.has_tags
                then 'the source records no tags: lineage is unknown'
            when slices.cohort = 'new_365d' and not days.has_created_at
                then 'the source records no createdAt'
            when slices.scope = 'language_models' and not days.has_scope
                then 'the source records neither pipeline_tag nor tags'
        end as slice_reason

    from days
    cross join slices

),

final as (

    select
        reasons.snapshot_date,
        reasons.window_name,
        reasons.attribution,
        reasons.cohort,
        reasons.scope,
        reasons.listed_cohort,
        reasons.listed_scope,
        reasons.slice_reason is null as is_content_known,
        coalesce(
            reasons.window_reason, flows.null_reason, reasons.slice_reason
        ) as null_reason,
        coalesce(
            reasons.window_reason,
            flows.uncorrected_null_reason,
            reasons.slice_reason
        ) is null as is_uncorrected_known

    from reasons
    left join flows
        on
            reasons.snapshot_date = flows.snapshot_date
            and reasons.window_name = flows.window_name

)

select * from final
