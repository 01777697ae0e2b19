{{ config(materialized='table') }}

with levels as (

    select * from {{ ref('int_hub__adoption_levels') }}

),

releases as (

    select * from {{ ref('int_hub__launched_releases') }}

),

models as (

    select * from {{ ref('int_hub__model_history') }}
    where is_language_model

),

last_downloads as (

    select model_key, downloads_30d
    from {{ ref('int_hub__known_models') }}
    where
        last_seen_on is not null
        and downloads_30d >= {{ listed_level() }}

    union all

    select model_key, downloads_30d
    from {{ ref('int_hub__last_sights') }}
    where
        downloads_30d >= {{ listed_level() }}
        and snapshot_date = (
            select max(snapshot_date) from {{ source('raw', 'snapshots') }}
        )

),

usable as (

    select
        min(snapshot_date) as first_date,
        max(snapshot_date) as last_date
    from {{ ref('int_hub__flow_days') }}
    where series = 'corrected' and is_usable

),

newest as (

    select
        min(snapshot_date) as first_date,
        max(snapshot_date) as last_date
    from {{ source('raw', 'snapshots') }}

),

ages as (

    {% for age in adoption_ages() %}
    select {{ age }} as age_days
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- What was said once stays, should a release date move.
first_levels as (

    select * from levels
    qualify row_number() over (
        partition by model_key, age_days order by snapshot_date
    ) = 1

),

adopted as (

    select model_key, max(downloads) as downloads
    from (
        select model_key, downloads from levels

        union all

        select model_key, downloads_30d as downloads from last_downloads
    )
    group by model_key

),

-- Weights that somebody trained: what is packed anew or cut is not a model of its own.
trained as (

    select
        models.model_key,
        models.model_id,
        models.organization,
        releases.released_on,
        {{ size_bucket('models.parameters_count') }} as size_bucket,
        adopted.downloads >= {{ listed_level() }} as is_listed
    from models
    inner join releases on models.model_key = releases.model_key
    inner join adopted on models.model_key = adopted.model_key
    cross join newest
    where
        releases.release_type in ('base', 'finetune')
        and releases.released_on
        > newest.first_date - {{ adoption_ages() | max }}
    -- An id that was deleted and made anew is the newest model of it.
    qualify row_number() over (
        partition by models.model_id
        order by models.last_seen_on desc, models.model_key
    ) = 1

),

reached as (

    select
        trained.*,
        ages.age_days,
        trained.released_on + ages.age_days as reached_on
    from trained
    cross join ages
    cross join newest
    where trained.released_on + ages.age_days <= newest.last_date

),

measured as (

    select
        reached.*,
        first_levels.snapshot_date as measured_on,
        first_levels.downloads
    from reached
    left join first_levels
        on
            reached.model_key = first_levels.model_key
            and reached.age_days = first_levels.age_days

),

-- Who is not among the largest of the day is not among those known by then.
largest_of_days as (

    select
        size_bucket,
        age_days,
        measured_on,
        downloads,
        count(*) over (
            partition by size_bucket, age_days, measured_on
        ) as models_of_day,
        row_number() over (
            partition by size_bucket, age_days, measured_on
            order by downloads desc
        ) as place
    from measured
    where size_bucket is not null and downloads is not null
    qualify place <= {{ reference_models() }}

),

-- The largest of their size at that age, as each day knew them, listed or not: whether a model is
-- listed depends on what became of it later, and a figure would move with it.
standards as (

    select distinct
        size_bucket,
        age_days,
        measured_on,
        sum(case when place = 1 then models_of_day end) over known
            as models_count,
        {{ median_of_largest('downloads', reference_models(), 'known') }}
            as reference_median
    from largest_of_days
    window known as (
        partition by size_bucket, age_days order by measured_on
        range between unbounded preceding and current row
    )

),

full_standards as (

    select
        *,
        min(measured_on) over (
            partition by size_bucket, age_days
        ) as first_full_on
    from standards
    where models_count >= {{ reference_models() }}

),

first_full as (

    select distinct size_bucket, age_days, first_full_on
    from full_standards

),

compared as (

    select
        measured.*,
        full_standards.reference_median,
        full_standards.measured_on as reference_date
    from measured
    left join first_full
        on
            measured.size_bucket = first_full.size_bucket
            and measured.age_days = first_full.age_days
    left join full_standards
        on
            measured.size_bucket = full_standards.size_bucket
            and measured.age_days = full_standards.age_days
            and greatest(measured.measured_on, first_full.first_full_on)
            = full_standards.measured_on
            and measured.downloads is not null
    where measured.is_listed

),

final as (

    select
        compared.model_id as model,
        compared.age_days::integer as age_days,
        compared.organization,
        compared.released_on,
        compared.size_bucket,
        compared.measured_on,
        compared.downloads,
        compared.reference_median,
        compared.reference_date,
        compared.downloads / compared.reference_median as relative_adoption,
        case
            when usable.first_date is null
                then 'the source records no downloadsAllTime'
            when compared.reached_on < usable.first_date
                then 'the age was reached before the counters are known, since '
                    || usable.first_date
            when compared.reached_on > usable.last_date
                then 'the counters stood still: known when they move again'
            when compared.downloads is null
                then 'fewer than {{ least_level() }} downloads then, or not seen around that day'
            when compared.size_bucket is null
                then 'the source tells no number of parameters'
            when compared.reference_median is null
                then 'fewer than {{ reference_models() }} models of this size are known at this age'
        end as null_reason

    from compared
    cross join usable

)

select * from final
