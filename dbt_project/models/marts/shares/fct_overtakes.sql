{#-
    What was confirmed before the days of this build stays: its days are not computed again. The
    rest is made anew.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=empty_where_unconfirmed(),
) }}

{%- set slice = ['window_name', 'attribution', 'cohort', 'scope'] %}

with passes as (

    select * from {{ ref('int_hub__confirmations') }}

),

lost_leads as (

    select * from {{ ref('int_hub__lost_leads') }}

),

shares as (

    select * from {{ ref('int_hub__entity_shares') }}
    where {{ is_in_build_window() }}

),

lasting as (

    select passes.*
    from passes
    anti join lost_leads
        on
            passes.snapshot_date = lost_leads.passed_on
            {%- for name in slice + ['entity_kind', 'leader', 'follower'] %}
            and passes.{{ name }} = lost_leads.{{ name }}
            {%- endfor %}
    where
        passes.confirming_date is null
        or {{ is_in_build_window('passes.confirming_date') }}

),

final as (

    select
        lasting.snapshot_date as overtaken_on,
        lasting.window_name,
        lasting.attribution,
        lasting.cohort,
        lasting.scope,
        lasting.entity_kind,
        lasting.leader,
        lasting.follower,
        lasting.leader_share,
        lasting.follower_share,
        lasting.confirming_date is not null as confirmed,
        lasting.confirming_date as confirmed_on,
        coalesce(
            leaders.share_of_all_low > followers.share_of_all_high,
            lasting.confirming_date is not null and leaders.entity is not null
        ) as is_certain

    from lasting
    {% for role in ['leader', 'follower'] %}
    left join shares as {{ role }}s
        on
            lasting.confirming_date = {{ role }}s.snapshot_date
            {%- for name in slice %}
            and lasting.{{ name }} = {{ role }}s.{{ name }}
            {%- endfor %}
            and lasting.entity_kind = {{ role }}s.entity_kind
            and lasting.{{ role }} = {{ role }}s.entity
    {% endfor %}

)

select * from final
