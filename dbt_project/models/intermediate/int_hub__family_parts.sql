{#-
    Downloads and new derivatives by family, for the organizations that may own one of the largest
    lines, in all their namespaces. What is others' has no name. Both attributions are read off
    these rows.
-#}
{% set label = ['organization', 'family_name', 'line_name'] %}
{% set flags = ['is_new_365d', 'is_language_model'] %}
{% set measured = ['models_count'] %}
{%- for window in download_windows() %}
{%- for measure in ['downloads', 'largest', 'new_derivatives'] %}
{%- do measured.append(measure ~ '_' ~ window) %}
{%- endfor %}
{%- endfor %}
{%- for window in flow_windows() %}
{%- do measured.append('uncorrected_' ~ window) %}
{%- endfor %}

with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

owners as (

    select snapshot_date, organization, canonical_organization
    from {{ ref('int_hub__owner_days') }}

),

family_owners as (

    select * from {{ ref('int_hub__family_owners') }}

),

large_owners as (

    select
        owners.snapshot_date,
        owners.organization as namespace,
        owners.canonical_organization as organization
    from owners
    semi join family_owners
        on
            owners.snapshot_date = family_owners.snapshot_date
            and owners.canonical_organization = family_owners.organization

),

ids as (

    select distinct model_downloads.model_id
    from model_downloads
    semi join large_owners
        on
            model_downloads.snapshot_date = large_owners.snapshot_date
            and model_downloads.organization = large_owners.namespace

),

families as (

    {{ families_by_name('ids') }}

),

roots as (

    select
        roots.snapshot_date,
        roots.root_model_id,
        roots.root_organization,
        roots.is_unknown,
        family_owners.organization,
        case when family_owners.organization is not null
            then roots.family_name end as family_name,
        case when family_owners.organization is not null
            then roots.line_name end as line_name
    from {{ ref('int_hub__family_roots') }} as roots
    left join family_owners
        on
            roots.snapshot_date = family_owners.snapshot_date
            and roots.canonical_organization = family_owners.organization

),

-- Each model with the family of its publisher's and that of its root.
labelled as {{ read_anew() }} (

    select
        models.*,
        large_owners.organization as own_organization,
        case when large_owners.namespace is not null
            then families.family_name end as own_family_name,
        case when large_owners.namespace is not null
            then families.line_name end as own_line_name,
        {% for name in label -%}
        roots.{{ name }} as root_{{ name }},
        {% endfor -%}
        models.is_root_unknown or coalesce(roots.is_unknown, false)
            as is_unknown,
        -- Who is in a cycle, or names a parent that cannot be read, is his own root.
        models.root_model_id is not null
        and (models.root_model_id <> models.model_id or roots.is_unknown)
            as is_derivative
    from (
        select
            snapshot_date,
            model_key,
            model_id,
            organization,
            is_present,
            {%- for flag in flags %}
            {{ flag }},
            {%- endfor %}
            created_at,
            {%- for window in download_windows() %}
            downloads_{{ window }},
            {%- endfor %}
            {%- for window in flow_windows() %}
            uncorrected_{{ window }},
            {%- endfor %}
            is_divided,
            root_model_id,
            -- What the label calls root_organization is its canonical owner.
            root_organization as root_namespace,
            root_model_id is null and not is_divided as is_own_root,
            is_root_unknown
        from model_downloads
    ) as models
    left join large_owners
        on
            models.snapshot_date = large_owners.snapshot_date
            and models.organization = large_owners.namespace
    left join families on models.model_id = families.model_id
    left join roots
        on
            models.snapshot_date = roots.snapshot_date
            and models.root_model_id = roots.root_model_id
            and models.root_namespace = roots.root_organization

),

-- One look at the models gives what all of them have in common.
parts as (

    select
        snapshot_date,
        {% for name in label -%}
        own_{{ name }},
        root_{{ name }},
        {% endfor -%}
        is_own_root,
        is_divided,
        is_unknown,
        is_derivative,
        date_trunc('month', created_at)::date as created_month,
        {{ flags | join(', ') }},
        {{ measures_of_models() }}
        {{- new_derivatives_of('1') }}
    from labelled
    group by all

),

-- One row a merge and family: of two models of one family it is one model.
divided as (

    select
        models.snapshot_date,
        models.model_key,
        roots.is_unknown,
        {% for name in label -%}
        roots.{{ name }},
        {% endfor -%}
        {% for name in label -%}
        models.own_{{ name }},
        {% endfor -%}
        models.is_present,
        models.created_at,
        {%- for flag in flags %}
        models.{{ flag }},
        {%- endfor %}
        {%- for window in download_windows() %}
        any_value(models.downloads_{{ window }}) as model_downloads_{{ window }},
        {%- endfor %}
        {%- for window in flow_windows() %}
        any_value(models.uncorrected_{{ window }}) as model_uncorrected_{{ window }},
        {%- endfor %}
        sum(lineage.credit)::decimal(18, 12) as credit,
        coalesce(sum(lineage.credit) filter (
            lineage.root_model_id <> models.model_id or roots.is_unknown
        ), 0)::decimal(18, 12) as derivative_credit
    from labelled as models
    inner join lineage
        on
            models.snapshot_date = lineage.snapshot_date
            and models.model_key = lineage.model_key
    inner join roots
        on
            lineage.snapshot_date = roots.snapshot_date
            and lineage.root_model_id = roots.root_model_id
            and lineage.root_organization = roots.root_organization
    where models.is_divided and lineage.credit < 0.999999999
    group by all

),

divided_parts as (

    select
        snapshot_date,
        {% for name in label -%}
        {{ name }},
        own_{{ name }},
        {% endfor -%}
        is_unknown,
        date_trunc('month', created_at)::date as created_month,
        {{ flags | join(', ') }},
        {{ measures_of_models() }}
        {{- new_derivatives_of('derivative_credit') }}
    from (
        select
            divided.*
            {%- for window in download_windows() %},
            {{ credited('model_downloads_' ~ window, 'credit') }}
                as downloads_{{ window }}
            {%- endfor %}
            {%- for window in flow_windows() %},
            {{ credited('model_uncorrected_' ~ window, 'credit') }}
                as uncorrected_{{ window }}
            {%- endfor %}
        from divided
    )
    group by all

),

final as (

    select
        snapshot_date,
        {% for name in label -%}
        own_{{ name }},
        root_{{ name }},
        {% endfor -%}
        is_own_root,
        is_divided,
        false as is_part_of_one,
        is_unknown,
        is_derivative,
        created_month,
        {{ flags | join(', ') }},
        {{ measured | join(', ') }}
    from parts

    union all

    select
        snapshot_date,
        {% for name in label -%}
        own_{{ name }},
        {{ name }} as root_{{ name }},
        {% endfor -%}
        false as is_own_root,
        true as is_divided,
        true as is_part_of_one,
        is_unknown,
        true as is_derivative,
        created_month,
        {{ flags | join(', ') }},
        {{ measured | join(', ') }}
    from divided_parts

)

select * from final
