with models as (

    select * from {{ ref('int_hub__model_history') }}

),

classes as (

    select * from {{ ref('int_hub__release_classes') }}

),

corrections as (

    select * from {{ ref('release_date_corrections') }}

),

snapshots as (

    select
        snapshot_date,
        lag(snapshot_date) over (order by snapshot_date) as previous_date
    from {{ source('raw', 'snapshots') }}

),

-- A repository older than a whole snapshot that does not have it was private: it came out when
-- it was first seen.
facts as (

    select
        models.model_key,
        models.model_id,
        models.organization,
        models.first_seen_on,
        models.created_at,
        models.created_at::date as created_on,
        corrections.released_on as corrected_on,
        models.was_absent_from_previous_whole_snapshot
        and coalesce(models.created_at::date < snapshots.previous_date, true)
            as was_private,
        classes.release_type,
        classes.family,
        classes.release_group

    from models
    inner join classes on models.model_key = classes.model_key
    left join corrections on models.model_id = corrections.model_id
    left join snapshots on models.first_seen_on = snapshots.snapshot_date

),

dated as (

    select
        * exclude (created_on, corrected_on, was_private),
        case
            when corrected_on is not null then corrected_on
            when was_private then first_seen_on
            else created_on
        end as released_on,
        case
            when corrected_on is not null then 'correction'
            when was_private then 'first_seen'
            when created_on is not null then 'created_at'
            else 'unknown'
        end as release_date_source

    from facts

),

known as (

    select * from dated where released_on is not null

),

launches as (

    {{ launches_of('known', ['organization', 'release_group']) }}

),

in_launches as (

    select
        dated.*,
        launches.launched_on
    from dated
    left join launches
        on
            dated.organization = launches.organization
            and dated.release_group = launches.release_group
            and dated.released_on >= launches.launched_on
            and dated.released_on < coalesce(
                launches.next_launched_on, date '2999-12-31'
            )

),

final as (

    select
        *,
        organization || '/' || release_group || '@' || launched_on as launch_id,
        launched_on is not null and row_number() over (
            partition by organization, release_group, launched_on
            order by
                {{ release_type_rank('release_type') }},
                released_on,
                model_id,
                model_key
        ) = 1 as is_launch

    from in_launches

)

select * from final
