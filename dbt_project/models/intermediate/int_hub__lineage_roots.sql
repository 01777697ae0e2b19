{#- How many generations are followed; what is deeper counts as its own root there. -#}
{% set generations = 12 %}

with recursive model_days as (

    select snapshot_date, model_key, model_id, organization
    from {{ ref('int_hub__model_days') }}

),

edges as (

    select * from {{ ref('int_hub__lineage_edges') }}

),

-- Whoever is in a cycle is both somebody's child and somebody's parent: few are.
between_both as (

    select edges.snapshot_date, edges.model_key, edges.parent_key
    from edges
    semi join edges as below
        on
            edges.snapshot_date = below.snapshot_date
            and edges.model_key = below.parent_key
    where edges.parent_key is not null

),

ancestors as (

    select snapshot_date, model_key, parent_key as ancestor_key
    from between_both

    union

    select
        ancestors.snapshot_date,
        ancestors.model_key,
        between_both.parent_key as ancestor_key
    from ancestors
    inner join between_both
        on
            ancestors.snapshot_date = between_both.snapshot_date
            and ancestors.ancestor_key = between_both.model_key

),

cycle_members as (

    select distinct snapshot_date, model_key
    from ancestors
    where model_key = ancestor_key

),

steps as (

    select
        edges.snapshot_date,
        edges.model_key,
        case when edges.is_readable then edges.parent_key else edges.model_key
        end as parent_key,
        case when not edges.is_readable then null else edges.parent_id
        end as parent_id,
        edges.is_readable,
        (1.0 / edges.parents_count)::decimal(18, 12) as credit

    from edges
    anti join cycle_members
        on
            edges.snapshot_date = cycle_members.snapshot_date
            and edges.model_key = cycle_members.model_key

),

generation_0 as (

    select
        snapshot_date,
        model_key,
        parent_key as node_key,
        parent_id as node_id,
        not is_readable or parent_key is null as is_root,
        credit
    from steps

),

{% for generation in range(1, generations + 1) %}
generation_{{ generation }} as (

    select
        above.snapshot_date,
        above.model_key,
        case when steps.model_key is null then above.node_key
            when steps.is_readable then steps.parent_key
            else steps.model_key end as node_key,
        case when steps.model_key is null then above.node_id
            else steps.parent_id end as node_id,
        steps.model_key is null
        or not steps.is_readable
        or steps.parent_key is null as is_root,
        -- Nearly all have one parent: multiplying decimals is slow.
        sum(
            case
                when coalesce(steps.credit, 1) = 1 then above.credit
                when above.credit = 1 then steps.credit
                else (above.credit * steps.credit)::decimal(18, 12)
            end
        )::decimal(18, 12) as credit

    from generation_{{ generation - 1 }} as above
    left join steps
        on
            above.snapshot_date = steps.snapshot_date
            and above.node_key = steps.model_key
    where not above.is_root
    group by all

),

{% endfor %}
roots as (

    {% for generation in range(0, generations) %}
    select * from generation_{{ generation }} where is_root
    union all
    {% endfor %}
    select * from generation_{{ generations }}

),

final as (

    select
        roots.snapshot_date,
        roots.model_key,
        coalesce(model_days.model_id, roots.node_id) as root_model_id,
        coalesce(
            model_days.organization,
            case when roots.node_id like '%/%'
                then split_part(roots.node_id, '/', 1) end,
            split_part(legacy_ids.new_model_id, '/', 1),
            '(no namespace)'
        ) as root_organization,
        sum(roots.credit)::decimal(18, 12) as credit

    from roots
    left join model_days
        on
            roots.snapshot_date = model_days.snapshot_date
            and roots.node_key = model_days.model_key
    left join {{ ref('legacy_model_ids') }} as legacy_ids
        on roots.node_id = legacy_ids.model_id
    group by all

)

select * from final
