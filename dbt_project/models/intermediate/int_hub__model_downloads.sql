{#-
    Downloads of each model in every window. A model that is gone is there as long as a window
    has downloads of it, but is not present: it is not counted as a model. Nearly all give what
    they have to one root, which stands beside it: so nobody has to join millions to their roots.
-#}
with model_days as (

    select * from {{ ref('int_hub__model_days') }}

),

flows as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_flows') }}

),

lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

heirs as (

    select
        snapshot_date,
        model_key,
        case when credit >= 0.999999999 then root_model_id end as root_model_id,
        case when credit >= 0.999999999 then root_organization
        end as root_organization
    from lineage
    where is_main_root

),

true_roots as (

    select model_key
    from {{ ref('int_hub__corrected_models') }}
    where corrected = 'lineage' and base_model_id is null

),

roots as (

    select distinct snapshot_date, root_model_id
    from lineage

),

{% set flow_columns %}
        {%- for window in flow_windows() %},
        flows.corrected_{{ window }} as downloads_{{ window }},
        flows.uncorrected_{{ window }}
        {%- endfor %}
{% endset %}

present as (

    select
        model_days.snapshot_date,
        model_days.model_key,
        model_days.model_id,
        model_days.organization,
        true as is_present,
        model_days.is_new_365d,
        model_days.is_language_model,
        model_days.is_lineage_known,
        model_days.created_at,
        model_days.downloads_30d,
        model_days.downloads_all_time
        {{- flow_columns }}

    from model_days
    left join flows
        on
            model_days.snapshot_date = flows.snapshot_date
            and model_days.model_key = flows.model_key

),

absent as (

    select
        absent_models.snapshot_date,
        absent_models.model_key,
        absent_models.model_id,
        absent_models.organization,
        false as is_present,
        absent_models.is_new_365d,
        absent_models.is_language_model,
        absent_models.is_lineage_known,
        null::timestamp as created_at,
        null::bigint as downloads_30d,
        null::bigint as downloads_all_time
        {{- flow_columns }}

    from {{ ref('int_hub__absent_models') }} as absent_models
    inner join flows
        on
            absent_models.snapshot_date = flows.snapshot_date
            and absent_models.model_key = flows.model_key

),

models as (

    select * from present

    union all

    select * from absent

),

final as (

    select
        models.*,
        heirs.root_model_id,
        heirs.root_organization,
        heirs.model_key is not null and heirs.root_model_id is null as is_divided,
        roots.root_model_id is not null as is_root,
        models.is_lineage_known
        and true_roots.model_key is null as is_derivative,
        case
            when heirs.model_key is null and true_roots.model_key is null
                then {{ is_made_of_another('models.model_id') }}
            else false
        end as is_root_unknown

    from models
    left join true_roots on models.model_key = true_roots.model_key
    left join heirs
        on
            models.snapshot_date = heirs.snapshot_date
            and models.model_key = heirs.model_key
    left join roots
        on
            models.snapshot_date = roots.snapshot_date
            and models.model_id = roots.root_model_id

)

select * from final
