{#-
    Who a record is about: the Hub's own key, else the id; where the rename rule found that it
    is somebody's new name, the key of that model.
-#}
{% macro model_key(records, names) -%}
    coalesce({{ names }}.model_key, {{ records }}."_id", {{ records }}.id)
{%- endmacro %}

{#- The ids in `names` with the key of whose name each is, from which day on and until which. -#}
{% macro names_with_keys(names) -%}
    select
        model_id,
        model_key,
        snapshot_date as known_from,
        coalesce(
            lead(snapshot_date) over (
                partition by model_id order by snapshot_date
            ),
            date '2999-12-31'
        ) as known_to
    from {{ names }}
{%- endmacro %}

{% macro is_named(records, names) -%}
    coalesce({{ records }}."_id", {{ records }}.id) = {{ names }}.model_id
    and {{ records }}.snapshot_date >= {{ names }}.known_from
    and {{ records }}.snapshot_date < {{ names }}.known_to
{%- endmacro %}

{#-
    The ids by which corrections mean a model: as the seeds name it, and as a renamed namespace
    called it before the day of the renaming, or calls it since.
-#}
{% macro ids_of_corrections() -%}
    with corrected as (

        select model_id from {{ ref('lineage_overrides') }}

        union

        select model_id from {{ ref('release_date_corrections') }}

    )

    select
        corrected.model_id as corrected_id,
        corrected.model_id,
        date '1900-01-01' as known_from,
        date '2999-12-31' as known_to,
        false as is_former
    from corrected

    union all

    select
        corrected.model_id,
        renames.old_namespace || '/' || split_part(corrected.model_id, '/', 2),
        date '1900-01-01',
        renames.renamed_on,
        true
    from corrected
    inner join {{ ref('hub_namespace_renames') }} as renames
        on split_part(corrected.model_id, '/', 1) = renames.new_namespace

    union all

    select
        corrected.model_id,
        renames.new_namespace || '/' || split_part(corrected.model_id, '/', 2),
        renames.renamed_on,
        date '2999-12-31',
        false
    from corrected
    inner join {{ ref('hub_namespace_renames') }} as renames
        on split_part(corrected.model_id, '/', 1) = renames.old_namespace
{%- endmacro %}

{#- What the Hub tells of a dataset or a Space alike: who, whose, since when. -#}
{% macro repository_columns(kind) -%}
    snapshot_date,
        coalesce("_id", id) as {{ kind }}_key,
        id as {{ kind }}_id,
        coalesce(
            case when id like '%/%' then split_part(id, '/', 1) end,
            nullif(author, ''),
            '(no namespace)'
        ) as organization,
        case
            when not coalesce({{ is_default_date('"createdAt"') }}, false)
                then "createdAt"
        end as created_at,
        "lastModified" as last_modified_at
{%- endmacro %}
