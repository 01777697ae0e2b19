{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

with measures as (

    select * from {{ ref('int_hub__claim_measures') }}

),

claims as (

    select
        *,
        coalesce(claimed_period_from::varchar || ' to ', 'until ')
        || claimed_period_to::varchar as claimed_period,
        {{ claim_days() }} as measure_days,
        -- Such a claim is dated by itself: it has one verdict.
        claimed_period_to is null or measure = 'overtakes_count' as is_of_any_day
    from {{ ref('claims') }}

),

first_day as (

    select min(snapshot_date) as snapshot_date
    from {{ source('raw', 'snapshots') }}

),

coverage as (

    select * from {{ ref('fct_mapping_coverage_daily') }}

),

status as (

    select * from {{ ref('int_hub__counter_status') }}

),

known_measures as (

    select
        snapshot_date,
        claim_id,
        measured_value,
        measured_low,
        measured_high
    from measures
    where unmeasurable_reason is null
    {% if is_incremental() %}
    union all

    select
        snapshot_date,
        claim_id,
        measured_value,
        measured_low,
        measured_high
    from {{ this }}
    where
        verdict_today <> 'not measurable yet'
        and snapshot_date not in (select snapshot_date from measures)
    {% endif %}

),

-- Days of the claim's own period of which a measure looks at no day before it.
-- Where it always would, and where it is of one moment, the last day tells.
days_of_period as (

    select
        claims.claim_id,
        claims.claimed_period_from,
        claims.claimed_period_to,
        claims.measure_days,
        known_measures.snapshot_date,
        known_measures.measured_value,
        known_measures.measured_low,
        known_measures.measured_high,
        greatest(coalesce(
            known_measures.snapshot_date
            - lag(known_measures.snapshot_date) over (
                partition by claims.claim_id
                order by known_measures.snapshot_date
            ),
            case when claims.measure_days > 0
                then known_measures.snapshot_date - claims.claimed_period_from
                    - claims.measure_days + 2 end,
            1
        ), 1) as days_count,
        -- What lies before the first of them is in the window of no other.
        case when lag(known_measures.snapshot_date) over (
            partition by claims.claim_id
            order by known_measures.snapshot_date
        ) is null then 7 else greatest(claims.measure_days, 7)
        end as most_days_count
    from claims
    inner join known_measures on claims.claim_id = known_measures.claim_id
    where
        known_measures.snapshot_date = claims.claimed_period_to
        or (
            claims.measure_days > 0
            and known_measures.snapshot_date < claims.claimed_period_to
            and known_measures.snapshot_date - claims.measure_days
            >= claims.claimed_period_from - 1
        )

),

-- A day stands for those without a snapshot before it; a week of them at most,
-- or, after another day, as many as the measure looks at.
periods as (

    select
        claim_id,
        {%- for name in ['value', 'low', 'high'] %}
        sum(measured_{{ name }} * days_count) / sum(days_count)
            as measured_{{ name }},
        {%- endfor %}
        max(snapshot_date) = claimed_period_to
        and bool_and(days_count <= most_days_count) as is_covered
    from days_of_period
    group by claim_id, claimed_period_to

),

judged as (

    select
        measures.snapshot_date,
        claims.*,
        measures.measured_value,
        measures.measured_low,
        measures.measured_high,
        measures.unmeasurable_reason,
        case
            when is_of_any_day then case
                when measures.unmeasurable_reason is null
                    then measures.measured_value end
            when measures.measured_of_period is not null
                then measures.measured_of_period
            when measures.snapshot_date >= claimed_period_to and is_covered
                then periods.measured_value
        end as period_value,
        {%- for name in ['low', 'high'] %}
        case
            when is_of_any_day then measures.measured_{{ name }}
            when measures.measured_of_period is not null
                then measures.measured_of_period
            else periods.measured_{{ name }}
        end as period_{{ name }},
        {%- endfor %}
        measures.measured_of_period,
        case
            when is_of_any_day then measures.unmeasurable_reason
            when measures.measured_of_period is not null then null
            when measures.snapshot_date < claimed_period_to
                then 'its period ends on ' || claimed_period_to::varchar
            when first_day.snapshot_date > claimed_period_to
                then 'what is published begins on '
                    || first_day.snapshot_date::varchar || ', after its period'
            when not coalesce(is_covered, false)
                then 'the days measured do not cover its period'
        end as period_reason
    from measures
    inner join claims on measures.claim_id = claims.claim_id
    left join periods on measures.claim_id = periods.claim_id
    cross join first_day

),

final as (

    select
        judged.snapshot_date,
        judged.claim_id,
        judged.claim,
        judged.source,
        judged.source_url_or_citation as citation,
        judged.claimed_period,
        judged.claimed_value,
        judged.tolerance,
        judged.unit,
        judged.comparison,
        judged.measure,
        judged.parameter,
        judged.entity,
        judged.window_name,
        judged.attribution,
        judged.cohort,
        judged.scope,
        judged.measured_value,
        judged.measured_low,
        judged.measured_high,
        judged.period_value as measured_value_for_period,
        {{ verdict('period_low', 'period_high', 'period_reason') }}
            as verdict_for_period,
        {{ verdict('measured_low', 'measured_high', 'unmeasurable_reason') }}
            as verdict_today,
        {{ why(
            'measured_value', 'measured_low', 'measured_high',
            'unmeasurable_reason'
        ) }} as why,
        {{ why('period_value', 'period_low', 'period_high', 'period_reason') }}
        || case when judged.measured_of_period is not null
            then '; of what was created then and is still there' else ''
        end as why_for_period,
        judged.note,
        coverage.downloads_attributed_share,
        coalesce({{ is_provisional('judged') }}, false) as is_provisional

    from judged
    inner join status on judged.snapshot_date = status.snapshot_date
    left join coverage
        on
            judged.snapshot_date = coverage.snapshot_date
            and judged.window_name = coverage.window_name
            and judged.attribution = coverage.attribution
            and judged.cohort = coverage.cohort
            and judged.scope = coverage.scope

)

select * from final
