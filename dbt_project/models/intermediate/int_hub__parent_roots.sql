{#-
    The roots of those alone that are somebody's parent: they are fewer, and of the others each has
    one step to them.
-#}
with recursive edges as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage_edges') }}

),

-- Edges of those that are somebody's child and somebody's parent.
between_both as (

    select
        edges.snapshot_date,
        edges.model_key,
        edges.parent_key,
        edges.ancestor_id,
        edges.ancestor_organization,
        edges.parents_count
    from edges
    semi join edges as below
        on
            edges.snapshot_date = below.snapshot_date
            and edges.model_key = below.parent_key

),

ancestors as (

    select snapshot_date, model_key, parent_key as ancestor_key
    from between_both
    where parent_key is not null

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
    where between_both.parent_key is not null

),

-- Whoever is in a cycle is its own root.
cycle_members as (

    select distinct snapshot_date, model_key
    from ancestors
    where model_key = ancestor_key

),

onward as (

    select between_both.*
    from between_both
    left join cycle_members
        on
            between_both.snapshot_date = cycle_members.snapshot_date
            and between_both.model_key = cycle_members.model_key
    where cycle_members.model_key is null

),

-- The walk carries numbers alone: a join of keys and names for each generation of a day of 5 million
-- models is more than 2 GiB.
nodes as (

    select
        snapshot_date,
        model_key,
        row_number() over (order by snapshot_date, model_key) as node
    from (select distinct snapshot_date, model_key from onward)

),

named_steps as (

    select
        *,
        row_number() over (
            order by snapshot_date, model_key, ancestor_id, parent_key
        ) as step
    from onward

),

{#- A step without a next node leads to a root, or to a parent that the snapshot has not. -#}
steps as (

    select
        named_steps.step,
        nodes.node,
        next_nodes.node as next_node,
        named_steps.parents_count = 1 as is_undivided,
        (1.0 / named_steps.parents_count)::decimal(18, 12) as credit
    from named_steps
    inner join nodes
        on
            named_steps.snapshot_date = nodes.snapshot_date
            and named_steps.model_key = nodes.model_key
    left join nodes as next_nodes
        on
            named_steps.snapshot_date = next_nodes.snapshot_date
            and named_steps.parent_key = next_nodes.model_key

),

-- From each up, a generation at a time, until nobody has a next one. Ways that meet go on as one.
ways as (

    select
        node as first_node,
        step,
        next_node,
        is_undivided,
        credit
    from steps

    union all

    select
        ways.first_node,
        steps.step,
        steps.next_node,
        ways.is_undivided and steps.is_undivided as is_undivided,
        sum(
            (ways.credit * steps.credit)::decimal(18, 12)
        )::decimal(18, 12) as credit
    from ways
    inner join steps on ways.next_node = steps.node
    group by all

),

final as (

    select
        nodes.snapshot_date,
        nodes.model_key,
        named_steps.ancestor_id as root_model_id,
        named_steps.ancestor_organization as root_organization,
        ways.is_undivided,
        sum(ways.credit)::decimal(18, 12) as credit
    from ways
    inner join nodes on ways.first_node = nodes.node
    inner join named_steps on ways.step = named_steps.step
    where ways.next_node is null
    group by all

    union all

    select
        snapshot_date,
        model_key,
        null as root_model_id,
        null as root_organization,
        false as is_undivided,
        null::decimal(18, 12) as credit
    from cycle_members

)

select * from final
