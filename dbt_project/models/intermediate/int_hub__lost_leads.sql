{{ accumulates_events_by_day() }}

{%- set slice = ['window_name', 'attribution', 'cohort', 'scope'] %}

with days as (

    select * from {{ ref('int_hub__measured_days') }}

),

passes as (

    select * from {{ ref('int_hub__confirmations') }}

),

unknown as (

    select * from {{ ref('int_hub__unknown_shares') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

shares as (

    select * from {{ ref('int_hub__entity_shares') }}
    where snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

-- The days of this build on which a leader has yet to stay ahead.
trials as (

    select
        days.snapshot_date,
        {%- for name in slice %}
        passes.{{ name }},
        {%- endfor %}
        passes.entity_kind,
        passes.leader,
        passes.follower,
        passes.snapshot_date as passed_on
    from passes
    inner join days
        on
            passes.snapshot_date < days.snapshot_date
            and days.snapshot_date
            <= coalesce(passes.confirming_date, date '2999-12-31')
            {%- for name in slice %}
            and passes.{{ name }} = days.{{ name }}
            {%- endfor %}
    where days.snapshot_date in (
        select distinct snapshot_date from {{ ref('int_hub__slices') }}
    )

),

-- Who is gone has nothing; who is unknown has lost nothing.
final as (

    select trials.*
    from trials
    {% for role in ['leader', 'follower'] %}
    left join shares as {{ role }}s
        on
            trials.snapshot_date = {{ role }}s.snapshot_date
            {%- for name in slice %}
            and trials.{{ name }} = {{ role }}s.{{ name }}
            {%- endfor %}
            and trials.entity_kind = {{ role }}s.entity_kind
            and trials.{{ role }} = {{ role }}s.entity
    anti join unknown as unknown_{{ role }}s
        on
            trials.snapshot_date = unknown_{{ role }}s.snapshot_date
            {%- for name in slice + ['entity_kind'] %}
            and trials.{{ name }} = unknown_{{ role }}s.{{ name }}
            {%- endfor %}
            and trials.{{ role }} = unknown_{{ role }}s.entity
    {% endfor %}
    where
        coalesce(leaders.share_of_all, 0) <= coalesce(followers.share_of_all, 0)

)

select * from final
