{#-
    Who a record is about: the Hub's own key, else the id; where the rename rule found that it
    is somebody's new name, the key of that model.
-#}
{% macro model_key(records, names) -%}
    coalesce({{ names }}.model_key, {{ records }}."_id", {{ records }}.id)
{%- endmacro %}

{#- The ids that do not stand for themselves, each with the days from which and to which. -#}
{% macro names_with_keys() -%}
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
    from {{ ref('stg_hub__renames') }}
{%- endmacro %}

{% macro is_named(records, names) -%}
    coalesce({{ records }}."_id", {{ records }}.id) = {{ names }}.model_id
    and {{ records }}.snapshot_date >= {{ names }}.known_from
    and {{ records }}.snapshot_date < {{ names }}.known_to
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
