{{ accumulates_events_by_day() }}

-- Kept, so that a model that a correction names is known by its key whatever it is called later,
-- and no day of the history is read again.
with models as {{ read_anew() }} (

    select snapshot_date, model_key, model_id from {{ ref('stg_hub__models') }}

),

ids as (

    {{ ids_of_corrections() }}

),

{% if is_incremental() %}
known as (

    select * from {{ this }}

),
{% else %}
known as (

    select
        null::date as snapshot_date,
        null::varchar as model_key,
        null::varchar as model_id
    where false

),
{% endif %}

keys as (

    select model_key
    from models
    where model_id in (select model_id from ids)

    union

    select model_key from known

),

final as (

    select
        min(models.snapshot_date) as snapshot_date,
        models.model_key,
        models.model_id
    from models
    semi join keys on models.model_key = keys.model_key
    anti join known
        on
            models.model_key = known.model_key
            and models.model_id = known.model_id
    group by models.model_key, models.model_id

)

select * from final
