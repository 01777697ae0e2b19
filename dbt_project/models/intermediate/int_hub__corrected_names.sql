{{ accumulates_events_by_day() }}

-- Kept, so that a model that a correction names is known by its key whatever it is called later,
-- and no day of the history is read again.
with models as {{ read_anew() }} (

    select snapshot_date, model_key, model_id from {{ ref('stg_hub__models') }}

),

ids as (

    {{ ids_of_corrections() }}

),

keys as (

    select model_key
    from models
    where model_id in (select model_id from ids)

    {% if is_incremental() %}
    union

    select model_key from {{ this }}
    {% endif %}

),

final as (

    select
        min(models.snapshot_date) as snapshot_date,
        models.model_key,
        models.model_id
    from models
    semi join keys on models.model_key = keys.model_key
    {% if is_incremental() %}
    anti join {{ this }} as known
        on
            models.model_key = known.model_key
            and models.model_id = known.model_id
    {% endif %}
    group by models.model_key, models.model_id

)

select * from final
