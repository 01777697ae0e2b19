{{ accumulates_events_by_day() }}

{%- set slice = ['window_name', 'attribution', 'cohort', 'scope', 'entity_kind'] %}
{%- set pass = ['snapshot_date'] + slice + ['leader', 'follower'] %}

with largest as (

    select * from {{ ref('int_hub__standings') }}

),

unnamed as (

    select * from largest
    where is_from_other

),

models_of_unnamed as (

    select
        'publisher' as attribution,
        organization as entity,
        snapshot_date,
        model_key,
        is_new_365d,
        is_language_model
    from {{ ref('int_hub__model_downloads') }}
    where is_present and organization in (select entity from unnamed)

    union all

    select
        'base_model' as attribution,
        coalesce(root_organization, organization) as entity,
        snapshot_date,
        model_key,
        is_new_365d,
        is_language_model
    from {{ ref('int_hub__model_downloads') }}
    where
        is_present
        and not is_divided
        and coalesce(root_organization, organization)
        in (select entity from unnamed)

),

flow_days as (

    select snapshot_date, usable_before
    from {{ ref('int_hub__flow_days') }}
    where series = 'corrected'

),

-- Who has a model in the slice that was there on the day before. Of a model that was away in the
-- time that is looked back nobody knows.
sighted as (

    select distinct
        unnamed.snapshot_date,
        {%- for name in slice + ['entity'] %}
        unnamed.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from unnamed
    inner join models_of_unnamed as models
        on
            unnamed.snapshot_date = models.snapshot_date
            and unnamed.attribution = models.attribution
            and unnamed.entity = models.entity
            and (unnamed.cohort = 'all' or models.is_new_365d)
            and (unnamed.scope = 'all' or models.is_language_model)
    inner join {{ ref('int_hub__known_models') }} as known_models
        on
            models.model_key = known_models.model_key
            and unnamed.previous_date >= known_models.first_seen_on
    left join flow_days
        on known_models.first_seen_on = flow_days.snapshot_date
    anti join {{ ref('int_hub__last_sights') }} as last_sights
        on
            models.model_key = last_sights.model_key
            and unnamed.previous_date > last_sights.snapshot_date
            and unnamed.looked_back_to <= last_sights.snapshot_date
    -- On the day of its first sight an older model has no flow.
    where
        unnamed.previous_date > known_models.first_seen_on
        or unnamed.window_name not in ({{ quoted(flow_windows()) }})
        or known_models.created_at::date >= flow_days.usable_before

),

-- Who is new was behind nobody; who was there and not named, behind all that were in the list.
steps as (

    select * from largest
    where share_before is not null or was_unknown

    union all

    select unnamed.*
    from unnamed
    semi join sighted
        using (snapshot_date, {{ slice | join(', ') }}, entity)

),

ahead as (

    select
        leaders.snapshot_date,
        {%- for name in slice %}
        leaders.{{ name }},
        {%- endfor %}
        leaders.entity as leader,
        followers.entity as follower,
        leaders.share_of_all as leader_share,
        followers.share_of_all as follower_share,
        leaders.day_number,
        -- What the day before does not tell, the days before it may.
        leaders.was_unknown
        or followers.was_unknown
        or coalesce(leaders.share_before = followers.share_before, false)
            as was_open
    from steps as leaders
    inner join steps as followers
        using (snapshot_date, {{ slice | join(', ') }})
    where
        leaders.share_of_all > followers.share_of_all
        and (
            leaders.share_before <= followers.share_before
            or (leaders.share_before is null and followers.was_in_list)
            or leaders.was_unknown
            or followers.was_unknown
        )

),

undecided as (

    select
        *,
        row_number() over (order by {{ pass | join(', ') }}) as pass_number
    from ahead
    where was_open

),

-- Both of these, on each of the days before. The leader's share counts up, the follower's down.
sides as (

    {%- for role, sign in {'leader': 1, 'follower': -1}.items() %}
    select
        pass_number,
        {%- for name in slice %}
        {{ name }},
        {%- endfor %}
        {{ role }} as entity,
        {{ sign }} as sign,
        day_number,
        {{ unnested(numbers(1, days_looked_back()), 'days_ago') }}
    from undecided
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

shares as (

    {%- for model, share in {
        'int_hub__entity_shares': 'share_of_all',
        'int_hub__unknown_shares': 'null::double',
    }.items() %}
    select
        {%- for name in slice + ['entity'] %}
        shares.{{ name }},
        {%- endfor %}
        {{ share }} as share_of_all,
        measured_days.snapshot_date,
        measured_days.day_number
    from {{ ref(model) }} as shares
    inner join {{ ref('int_hub__measured_days') }} as measured_days
        using (snapshot_date, window_name, attribution, cohort, scope)
    where shares.snapshot_date >= (select min(looked_back_to) from largest)
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- The days on which both were there; without a lead where one was unknown.
days_before as (

    select
        sides.pass_number,
        sides.days_ago,
        shares.snapshot_date,
        case when count(shares.share_of_all) = 2
            then sum(sides.sign * shares.share_of_all) end as lead
    from sides
    inner join shares
        on
            sides.day_number - sides.days_ago = shares.day_number
            {%- for name in slice + ['entity'] %}
            and sides.{{ name }} = shares.{{ name }}
            {%- endfor %}
    group by sides.pass_number, sides.days_ago, shares.snapshot_date
    having count(*) = 2

),

-- From a day back on which one of the two was not there, nothing is known.
unbroken as (

    select * from days_before
    qualify days_ago = row_number() over (
        partition by pass_number
        order by days_ago
    )

),

-- Each day that is no lead parts one lead from the next.
leads as (

    select
        *,
        count(*) filter (lead < 0) over since as times_behind,
        count(*) filter (lead <= 0) over since as lead_number
    from unbroken
    window since as (partition by pass_number order by days_ago)

),

were_behind as (

    select distinct pass_number
    from leads
    where lead < 0

),

-- What was a lead of a week since then has been an overtake itself; what no day ended goes on.
led as (

    select distinct pass_number
    from leads
    where lead > 0 and times_behind = 0
    group by pass_number, lead_number
    having
        max(snapshot_date) - min(snapshot_date) >= {{ days_ahead() }}
        or lead_number = 0

),

{% set columns = pass + ['leader_share', 'follower_share'] -%}
final as (

    select
        {{ columns | join(',\n        ') }}
    from ahead
    where not was_open

    union all

    select
        {{ columns | join(',\n        ') }}
    from undecided
    semi join were_behind on undecided.pass_number = were_behind.pass_number
    anti join led on undecided.pass_number = led.pass_number

)

select * from final
