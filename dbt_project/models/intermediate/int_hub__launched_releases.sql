-- Narrow on purpose: of 5 million rows most of the time goes into writing
-- texts. The texts of a release are joined to it in int_hub__releases.
with models as (

    select * from {{ ref('int_hub__model_history') }}

),

classes as (

    select * from {{ ref('int_hub__release_classes') }}

),

corrections as (

    select model_key, released_on
    from {{ ref('int_hub__corrected_models') }}
    where corrected = 'release_date'

),

snapshots as (

    select
        snapshot_date,
        lag(snapshot_date) over (order by snapshot_date) as previous_date
    from {{ source('raw', 'snapshots') }}

),

-- A repository older than a whole snapshot that does not have it was private:
-- it came out when it was first seen.
facts as (

    select
        models.model_key,
        models.organization,
        models.first_seen_on,
        models.created_at::date as created_on,
        corrections.released_on as corrected_on,
        models.was_absent_from_previous_whole_snapshot
        and coalesce(models.created_at::date < snapshots.previous_date, true)
            as was_private,
        classes.release_type,
        classes.release_group_key

    from models
    inner join classes on models.model_key = classes.model_key
    left join corrections on models.model_key = corrections.model_key
    left join snapshots on models.first_seen_on = snapshots.snapshot_date

),

dated as (

    select
        model_key,
        organization,
        first_seen_on,
        release_type,
        release_group_key,
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

shared as (

    select release_group_key
    from dated
    where released_on is not null
    group by release_group_key
    having count(*) > 1

),

together as (

    select
        dated.model_key,
        dated.release_type,
        dated.release_group_key,
        dated.released_on
    from dated
    semi join shared on dated.release_group_key = shared.release_group_key
    where dated.released_on is not null

),

launches as (

    {{ launches_of('together', ['release_group_key']) }}

),

members as (

    select
        together.model_key,
        launches.launched_on,
        row_number() over (
            partition by together.release_group_key, launches.launched_on
            order by
                {{ release_type_rank('together.release_type') }},
                together.released_on,
                together.model_key
        ) = 1 as is_launch

    from together
    inner join launches
        on
            together.release_group_key = launches.release_group_key
            and together.released_on >= launches.launched_on
            and together.released_on < coalesce(
                launches.next_launched_on, date '2999-12-31'
            )

),

final as (

    select
        dated.*,
        coalesce(members.launched_on, dated.released_on) as launched_on,
        coalesce(members.is_launch, dated.released_on is not null) as is_launch

    from dated
    left join members on dated.model_key = members.model_key

)

select * from final
