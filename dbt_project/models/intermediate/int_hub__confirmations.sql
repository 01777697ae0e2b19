{{ config(materialized='view') }}

{%- set slice = ['window_name', 'attribution', 'cohort', 'scope'] %}
{%- set pass = ['snapshot_date'] + slice + ['entity_kind', 'leader', 'follower'] %}

with days as (

    select * from {{ ref('int_hub__measured_days') }}

),

unknown as (

    select * from {{ ref('int_hub__unknown_shares') }}

),

passes as (

    select passes.*, days.confirming_date
    from {{ ref('int_hub__passes') }} as passes
    inner join days using (snapshot_date, {{ slice | join(', ') }})

),

-- Where one of the two is unknown on a day, the next may tell.
candidates as (

    select {{ pass | join(', ') }}, confirming_date
    from passes
    {% for role in ['leader', 'follower'] %}
    union all

    select
        {%- for name in pass %}
        passes.{{ name }},
        {%- endfor %}
        days.snapshot_date as confirming_date
    from passes
    inner join unknown
        on
            passes.confirming_date <= unknown.snapshot_date
            {%- for name in slice + ['entity_kind'] %}
            and passes.{{ name }} = unknown.{{ name }}
            {%- endfor %}
            and passes.{{ role }} = unknown.entity
    inner join days
        on
            unknown.snapshot_date = days.previous_date
            {%- for name in slice %}
            and unknown.{{ name }} = days.{{ name }}
            {%- endfor %}
    {% endfor %}
),

confirming as (

    select
        {%- for name in pass %}
        candidates.{{ name }},
        {%- endfor %}
        min(candidates.confirming_date) as confirming_date
    from candidates
    {%- for role in ['leader', 'follower'] %}
    anti join unknown as unknown_{{ role }}s
        on
            candidates.confirming_date = unknown_{{ role }}s.snapshot_date
            {%- for name in slice + ['entity_kind'] %}
            and candidates.{{ name }} = unknown_{{ role }}s.{{ name }}
            {%- endfor %}
            and candidates.{{ role }} = unknown_{{ role }}s.entity
    {%- endfor %}
    group by all

),

final as (

    select passes.* replace (confirming.confirming_date as confirming_date)
    from passes
    left join confirming using ({{ pass | join(', ') }})

)

select * from final
