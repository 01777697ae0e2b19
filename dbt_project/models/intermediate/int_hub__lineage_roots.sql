with edges as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage_edges') }}

),

roots_of_parents as {{ read_anew() }} (

    select * from {{ ref('int_hub__parent_roots') }}
    where root_model_id is not null

),

-- Whoever is in a cycle is its own root.
cycle_members as {{ read_anew() }} (

    select * from {{ ref('int_hub__parent_roots') }}
    where root_model_id is null

),

-- Undivided: one parent, of which one root is known, or none; then the parent is the root.
traced as {{ read_anew() }} (

    select
        edges.snapshot_date,
        edges.model_key,
        coalesce(above.root_model_id, edges.ancestor_id) as root_model_id,
        coalesce(above.root_organization, edges.ancestor_organization)
            as root_organization,
        edges.parents_count = 1 and coalesce(above.is_undivided, true)
            as is_undivided,
        (
            coalesce(above.credit, 1)
            * (1.0 / edges.parents_count)::decimal(18, 12)
        )::decimal(18, 12) as credit
    from edges
    left join cycle_members
        on
            edges.snapshot_date = cycle_members.snapshot_date
            and edges.model_key = cycle_members.model_key
    left join roots_of_parents as above
        on
            edges.snapshot_date = above.snapshot_date
            and edges.parent_key = above.model_key
    where cycle_members.model_key is null

),

divided as (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        sum(credit)::decimal(18, 12) as credit
    from traced
    where not is_undivided
    group by all

),

final as (

    select
        snapshot_date,
        model_key,
        root_model_id,
        root_organization,
        1::decimal(18, 12) as credit,
        true as is_main_root
    from traced
    where is_undivided

    union all

    select
        *,
        row_number() over (
            partition by snapshot_date, model_key
            order by round(credit, 9) desc, root_model_id
        ) = 1 as is_main_root
    from divided

)

select * from final
