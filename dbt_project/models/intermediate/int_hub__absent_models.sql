-- Models that a snapshot does not have, but whose downloads fall into one of its windows: gone,
-- and then as they were when last seen, or not there yet on a day between usable snapshots. How
-- long ago they were created is asked of the day itself.
with flows as (

    select * from {{ ref('int_hub__model_flows') }}

),

model_days as (

    select
        snapshot_date,
        model_key,
        model_id,
        organization,
        created_at,
        is_language_model,
        is_lineage_known
    from {{ ref('int_hub__model_days') }}

),

sights as (

    select * from model_days

    union all

    select
        last_sights.snapshot_date,
        last_sights.model_key,
        last_sights.model_id,
        last_sights.organization,
        last_sights.created_at,
        last_sights.is_language_model,
        last_sights.is_lineage_known
    from {{ ref('int_hub__last_sights') }} as last_sights
    inner join {{ source('raw', 'build_window') }} as build_window
        on last_sights.snapshot_date < build_window.from_date

),

absent as (

    select flows.snapshot_date, flows.model_key
    from flows
    anti join model_days
        on
            flows.snapshot_date = model_days.snapshot_date
            and flows.model_key = model_days.model_key
    where false
        {%- for series in flow_series() %}
        {%- for window in flow_windows() %}
        or flows.{{ series }}_{{ window }} <> 0
        {%- endfor %}
        {%- endfor %}

),

final as (

    select
        absent.snapshot_date,
        absent.model_key,
        sights.snapshot_date as sighted_on,
        sights.model_id,
        sights.organization,
        {{ is_new_365d('sights.created_at', 'absent.snapshot_date') }}
            as is_new_365d,
        sights.is_language_model,
        sights.is_lineage_known

    from absent
    inner join sights on absent.model_key = sights.model_key
    qualify row_number() over (
        partition by absent.snapshot_date, absent.model_key
        order by
            sights.snapshot_date < absent.snapshot_date desc,
            abs(sights.snapshot_date - absent.snapshot_date)
    ) = 1

)

select * from final
