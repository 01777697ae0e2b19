"""The hand-written script's claims: what is measured for each, and the verdicts.

What belongs here: the measures of the day as one query a kind, read from the marts of the day.
"""

from __future__ import annotations

from benchmarks import lean_names
from benchmarks.lean_marts import HOMELESS, SLICE
from benchmarks.lean_models import CHANGED

CLAIMS = """
create temp table claim as
select * replace (nullif(window_name, '') as window_name, nullif(entity, '') as entity),
    coalesce(nullif(window_name, ''), '30d') as w,
    coalesce(nullif(attribution, ''), 'publisher') as a,
    coalesce(nullif(cohort, ''), 'all') as c, coalesce(nullif(scope, ''), 'all') as s,
    string_split(entity, ';') as entities,
    regexp_matches(entity, '(^|;)([A-Z]{2}|international)(;|$)') as is_of_homes
from read_csv('{seeds}/claims.csv', header = true, quote = '"', types = {
    'claimed_period_from': 'date', 'claimed_period_to': 'date', 'claimed_value': 'double',
    'tolerance': 'double', 'parameter': 'double', 'entity': 'varchar', 'note': 'varchar',
    'entity_kind': 'varchar', 'source_url_or_citation': 'varchar'});
create temp table claimed_owner as
select home.o from claim join home on split_part(entity, '/', 1) = canonical_organization
where measure = 'family_models_count'
union
select md5_number(split_part(entity, '/', 1)) from claim where measure = 'family_models_count';
"""


def _of_day(mart: str) -> str:
    return (
        f"claim join (select * rename (window_name as w, attribution as a, cohort as c, "
        f"scope as s) from out.{mart} where snapshot_date = date '{{day}}') as fact "
        "using (w, a, c, s)"
    )


MEASURES = f"""
create temp table measure as
with country as (
    select claim_id, any_value(measure) as measure, sum(downloads) as total,
        sum(models_count) as models,
        coalesce(sum(downloads) filter (list_contains(entities, country_key)), 0) as downloads,
        max(null_reason) filter (fact.downloads is null and list_contains(entities, country_key)
            and measure in ('country_share', 'country_downloads')) as unknown
    from {_of_day("fct_country_share_daily")}
    where measure in ('country_share', 'country_downloads', 'downloads_total', 'models_count')
    group by claim_id
),
doubtful as (
    select {SLICE}, country_key, alternative_country_key as other, downloads from contested
    union all
    select {SLICE}, country_key, null, downloads from country_slice
    where country_key in {HOMELESS}
),
doubt as (
    select claim_id,
        sum(downloads) filter (list_contains(entities, country_key)
            and not coalesce(list_contains(entities, other), false)) as leaving,
        sum(downloads) filter (not list_contains(entities, country_key)
            and coalesce(list_contains(entities, other), is_of_homes)) as coming
    from claim join (select * rename (window_name as w, attribution as a, cohort as c,
        scope as s) from doubtful) as doubtful using (w, a, c, s)
    where measure in ('country_share', 'country_downloads') group by claim_id
),
gap as (
    select claim_id, measure, snapshot_date,
        case when country_key = entities[1] then gap else -gap end as gap,
        case when country_key = entities[1] then gap_low else -gap_high end as low,
        case when country_key = entities[1] then gap_high else -gap_low end as high,
        case when country_key = entities[1] then gap_change_7d else -gap_change_7d end as change
    from claim join (select * rename (window_name as w, attribution as a, cohort as c,
        scope as s) from out.fct_country_gap_daily
        where snapshot_date > date '{{day}}' - 365) as fact using (w, a, c, s)
    where measure in ('country_share_gap', 'weekly_gap_change')
        and country_key = least(entities[1], entities[2])
        and other_country_key = greatest(entities[1], entities[2])
),
organization as (
    select claim_id, max(null_reason) filter (downloads is null
            and list_contains(entities, canonical_organization)) as unknown,
        case when sum(downloads) is null then null
        when count(distinct canonical_organization) filter (downloads is not null
                and list_contains(entities, canonical_organization))
            < count(distinct canonical_organization) filter (
                list_contains(entities, canonical_organization)) then null
        else coalesce(sum(share_of_all)
            filter (list_contains(entities, canonical_organization)), 0) end as value
    from {_of_day("fct_organization_share_daily")}
    where measure = 'organizations_share' group by claim_id
),
leader as (
    select claim_id, downloads, is_of_homes, rank <= parameter as is_in,
        list_contains(entities, case entity_kind when 'country' then fact.country_key
            when 'ultimate_parent' then fact.parent else fact.canonical_organization end) as here,
        entity_kind = 'country' and (is_contested or fact.country_key in {HOMELESS})
            as is_doubtful,
        list_contains(entities, case when fact.country_key not in {HOMELESS}
            then alternative_country_key end) as there
    from {_of_day("fct_organization_share_daily")} left join owner using (organization)
    where measure = 'organizations_in_top_k'
),
leaders as (
    select claim_id, count(*) filter (is_in and here) as value,
        count(*) filter (is_in and here and not (is_doubtful and not coalesce(there, false)))
            as low,
        count(*) filter (is_in and (here or (is_doubtful and coalesce(there, is_of_homes))))
            as high
    from leader group by claim_id
    having sum(downloads) is not null and bool_and(downloads is not null or not here)
),
model as (
    select claim_id, case any_value(measure)
        when 'top_k_share' then sum(downloads * greatest(
            least(parameter - above, entities_count), 0)) / any_value(total)
        when 'top_percent_share' then sum(downloads * greatest(least(
            ceil(n * parameter / 100) - above, entities_count), 0)) / any_value(total)
        else coalesce(sum(entities_count) filter (downloads < parameter), 0) / any_value(n)
        end as value
    from claim join (select * exclude (entities), entities as entities_count from placed
        where level = 'model') as placed on placed.window_name = w
        and placed.attribution = a and placed.cohort = c and placed.scope = s
    where measure in ('top_k_share', 'top_percent_share', 'models_below_downloads_share')
    group by claim_id
),
namespace as (
    select claim_id, measure, o
    from claim join owner on entities[1] = canonical_organization
    where is_today and measure in ('share_of_weeks_with_launch', 'launches_per_week_median')
),
launched as (
    select claim_id, count(*) as launches,
        row_number() over (partition by claim_id order by count(*) desc) as place
    from namespace join launch using (o)
    where launched_on <= date '{{day}}'
        and launched_on >= date_trunc('week', date '{{day}}')::date - 357
    group by claim_id, date_trunc('week', launched_on)
),
rhythm as (
    select claim_id, case any_value(measure) when 'share_of_weeks_with_launch'
        then count(place) / 52.0 else coalesce(sum(launches)
            filter (place in (26, 27)), 0) / 2.0 end::double as value
    from (select distinct claim_id, measure from namespace) left join launched using (claim_id)
    group by claim_id
),
family_model as (
    select claim_id, count(family) filter (starts_with(family, split_part(entity, '/', 2)))
        as value
    from claim
    join owner on split_part(entity, '/', 1) = canonical_organization and is_today
    left join (select organization, family from ({lean_names.READ_FAMILIES})) as classes
        on classes.organization = owner.organization
    where measure = 'family_models_count' group by claim_id
),
family_share as (
    select claim_id, case any_value(measure) when 'family_share' then sum(share_of_all)
        else sum(share_of_new_derivatives) end as value,
        case when any_value(measure) = 'family_derivative_share'
            then max(derivatives_null_reason)
            when sum(share_of_all) is null then max(null_reason) end as reason
    from {_of_day("fct_family_share_daily")}
    where measure in ('family_share', 'family_derivative_share')
        and starts_with(family, entity) group by claim_id
),
created as (
    select claim_id, coalesce(sum(credit) filter (starts_with(
        name.organization || '/' || family_name, entity)), 0)
        / nullif(sum(credit) filter (not is_unknown), 0) as value
    from claim
    join derivative on derivative.attribution = a
        and created_at >= date_trunc('month', claimed_period_from)
        and date_trunc('month', created_at) <= claimed_period_to
        and (c = 'all' or is_new) and (s = 'all' or is_language_model)
    left join (select distinct f, organization, family_name from family) as name using (f)
    where measure = 'family_derivative_share' and claimed_period_to <= date '{{day}}'
    group by claim_id
),
overtaken as (
    select claim_id, count(overtaken_on)::double as value
    from claim
    left join (select * rename (window_name as w, attribution as a, cohort as c, scope as s,
        entity_kind as kind) from out.fct_overtakes) as overtake
        on (overtake.w, overtake.a, overtake.c, overtake.s, kind, leader, follower) =
            (claim.w, claim.a, claim.c, claim.s, entity_kind, entities[1], entities[2])
        and confirmed_on <= date '{{day}}' and overtaken_on >= claimed_period_from
        and overtaken_on <= claimed_period_to
    where measure = 'overtakes_count'
    group by claim_id
),
passed as (
    select claim_id, value,
        case when claimed_period_to > date '{{day}}'
                then 'its period ends on ' || claimed_period_to
            when case when comparison in ('at_least', 'less_than')
                then value >= claimed_value - tolerance
                else value > claimed_value + tolerance end then null
            when coalesce(first_on >= claimed_period_from, true)
                then 'what is published does not begin before ' || claimed_period_from
            when last_on < claimed_period_to + 7 then 'who overtook at its end is confirmed from '
                || (claimed_period_to + 7) || ' on' end as reason
    from claim join overtaken using (claim_id)
    left join (
        select window_name as w, attribution as a, cohort as c, scope as s,
            min(snapshot_date) as first_on, max(snapshot_date) as last_on
        from out.fct_country_share_daily where null_reason is null group by all
    ) as measured using (w, a, c, s)
),
measured as (
    select claim_id, {
    ", ".join(
        f'''case measure when 'country_share' then case when unknown is null
            then round(({downloads}) / nullif(total, 0), 10) end
        when 'country_downloads' then case when unknown is null and total is not null
            then {downloads} end
        when 'downloads_total' then total else models end as {name}'''
        for name, downloads in {
            "value": "downloads",
            "low": "downloads - coalesce(leaving, 0)::double",
            "high": "downloads + coalesce(coming, 0)::double",
        }.items()
    )
}, unknown as reason
    from country left join doubt using (claim_id)
    union all
    select claim_id, gap, low, high, null from gap
    where measure = 'country_share_gap' and snapshot_date = date '{{day}}'
    union all
    select claim_id, min(change), min(change), min(change),
        case when min(change) is null then 'no change from one week to the next is measured yet'
            when min(change) > 0 and (min(snapshot_date) filter (change is not null)
                > date '{{day}}' - 358 or max(days) filter (change is not null) > 7
                or max(snapshot_date) filter (change is not null) <= date '{{day}}' - 7)
                then 'not every week of the 365 days before is measured yet' end
    from (
        select *, snapshot_date - max(snapshot_date) filter (change is not null) over (
            partition by claim_id order by snapshot_date
            rows between unbounded preceding and 1 preceding) as days
        from gap where measure = 'weekly_gap_change'
    ) group by claim_id
    union all
    select claim_id, value, value, value, case when value is null then unknown end
    from organization
    union all select claim_id, value, low, high, null from leaders
    union all select claim_id, value, value, value, null from model
    union all select claim_id, value, value, value, null from rhythm
    union all select claim_id, value, value, value, null from family_model
    union all
    select claim_id, downloads_with_known_lineage_share, downloads_with_known_lineage_share,
        downloads_with_known_lineage_share, null
    from {_of_day("fct_mapping_coverage_daily")} where measure = 'derivative_share'
    union all select claim_id, value, value, value, reason from family_share
    union all
    select claim_id, case when reason is null then value end,
        case when reason is null then value end, case when reason is null then value end, reason
    from passed
)
select claim_id, measured.value::double as value, measured.low::double as low,
    measured.high::double as high, created.value as of_period,
    coalesce(slice_reason, measured.reason, case when measured.value is null then case
        when measure in ('country_share_gap', 'weekly_gap_change')
            then 'not both are among the 20 largest countries'
        when measure = 'counter_ratio_median'
            then 'no snapshot of 30 days before has both counters'
        when measure in ('family_share', 'family_derivative_share')
            then entity || ' is not among the largest families'
        when entity is not null
            then 'these records hold no model of ' || split_part(entity, '/', 1)
        else 'these records tell nothing of it' end end) as reason
from (
    select claim.*, reason as slice_reason
    from claim left join (select window_name as name, reason from measured_window)
        on window_name = name and nullif(attribution, '') is not null
        and nullif(cohort, '') is not null and nullif(scope, '') is not null
        and measure <> 'family_derivative_share'
) as claim
left join measured using (claim_id)
left join created using (claim_id)
""".replace("{rows}", CHANGED)

_ROUNDING = "1e-9 * greatest(1, abs(claimed_value))"
_LEAST = f"(claimed_value - tolerance - {_ROUNDING})"
_MOST = f"(claimed_value + tolerance + {_ROUNDING})"


def _verdict(low: str, high: str, reason: str) -> str:
    return f"""case when {reason} is not null then 'not measurable yet'
        when case comparison when 'equals' then {low} >= {_LEAST} and {high} <= {_MOST}
            when 'at_least' then {low} >= {_LEAST} when 'at_most' then {high} <= {_MOST}
            when 'greater_than' then {low} > {_MOST} when 'less_than' then {high} < {_LEAST} end
            then 'holds'
        when case comparison when 'equals' then {high} < {_LEAST} or {low} > {_MOST}
            when 'at_least' then {high} < {_LEAST} when 'at_most' then {low} > {_MOST}
            when 'greater_than' then {high} <= {_MOST}
            when 'less_than' then {low} >= {_LEAST} end then 'does not hold'
        else 'undecided' end"""


def _figure(value: str) -> str:
    return f"""case when unit in ('share', 'share of weeks')
            then round(100 * ({value}), 1)::varchar || ' %'
        when abs({value}) >= 1e9 then round(({value}) / 1e9, 3)::varchar || ' billion'
        when abs({value}) >= 1e6 then round(({value}) / 1e6, 2)::varchar || ' million'
        when abs({value}) >= 1000 or {value} = round({value})
            then round({value})::bigint::varchar
        else round({value}, 3)::varchar end"""


def _why(value: str, low: str, high: str, reason: str) -> str:
    least, most = "claimed_value - tolerance", "claimed_value + tolerance"
    return f"""coalesce({reason}, 'measured ' || {_figure(value)}
        || case when {high} - {low} > {_ROUNDING} then ', by doubtful homes anything from '
            || {_figure(low)} || ' to ' || {_figure(high)} else '' end
        || '; the claim wants ' || case comparison
            when 'equals' then case when tolerance = 0 then {_figure("claimed_value")}
                else {_figure(least)} || ' to ' || {_figure(most)} end
            when 'at_least' then 'at least ' || {_figure(least)}
            when 'at_most' then 'at most ' || {_figure(most)}
            when 'greater_than' then 'more than ' || {_figure(most)}
            when 'less_than' then 'less than ' || {_figure(least)} end)"""


VERDICTS = f"""
with kind as (
    select *, case
        when measure in ('share_of_weeks_with_launch', 'launches_per_week_median',
            'weekly_gap_change') then 365
        when window_name = '30d' or measure = 'counter_ratio_median' then 30
        when window_name in ('1d', '7d', '28d', '365d')
            then regexp_extract(window_name, '[0-9]+')::integer else 0 end as measure_days,
        claimed_period_to is null or measure = 'overtakes_count' as is_of_any_day
    from claim
),
told as (
    select date '{{day}}' as snapshot_date, claim_id, value, low, high from measure
    where reason is null
    union all
    select snapshot_date, claim_id, measured_value, measured_low, measured_high
    from {{earlier:fct_claims}} where verdict_today <> 'not measurable yet'
),
of_period as (
    select claim_id, claimed_period_to, measure_days, snapshot_date, value, low, high,
        greatest(coalesce(snapshot_date - lag(snapshot_date)
            over (partition by claim_id order by snapshot_date),
            case when measure_days > 0
                then snapshot_date - claimed_period_from - measure_days + 2 end, 1), 1) as days,
        case when lag(snapshot_date) over (partition by claim_id order by snapshot_date) is null
            then 7 else greatest(measure_days, 7) end as most
    from kind join told using (claim_id)
    where snapshot_date = claimed_period_to or (measure_days > 0
        and snapshot_date < claimed_period_to
        and snapshot_date - measure_days >= claimed_period_from - 1)
),
period as (
    select claim_id, sum(value * days) / sum(days) as value, sum(low * days) / sum(days) as low,
        sum(high * days) / sum(days) as high,
        max(snapshot_date) = claimed_period_to and bool_and(days <= most) as is_covered
    from of_period group by claim_id, claimed_period_to
),
judged as (
    select kind.*, measure.value, measure.low, measure.high, measure.reason, of_period,
        case when is_of_any_day then case when measure.reason is null then measure.value end
            when of_period is not null then of_period
            when date '{{day}}' >= claimed_period_to and is_covered then period.value end
            as period_value,
        case when is_of_any_day then measure.low when of_period is not null then of_period
            else period.low end as period_low,
        case when is_of_any_day then measure.high when of_period is not null then of_period
            else period.high end as period_high,
        case when is_of_any_day then measure.reason when of_period is not null then null
            when date '{{day}}' < claimed_period_to
                then 'its period ends on ' || claimed_period_to
            when date '{{first}}' > claimed_period_to
                then 'what is published begins on {{first}}, after its period'
            when not coalesce(is_covered, false)
                then 'the days measured do not cover its period' end as period_reason
    from kind join (select * from measure) as measure using (claim_id)
    left join period using (claim_id)
)
select date '{{day}}' as snapshot_date, claim_id, claim, source,
    source_url_or_citation as citation,
    coalesce(claimed_period_from || ' to ', 'until ') || claimed_period_to as claimed_period,
    claimed_value, tolerance, unit, comparison, measure, parameter, entity,
    judged.window_name, nullif(judged.attribution, '') as attribution,
    nullif(judged.cohort, '') as cohort, nullif(judged.scope, '') as scope,
    value as measured_value, low as measured_low, high as measured_high,
    period_value as measured_value_for_period,
    {_verdict("period_low", "period_high", "period_reason")} as verdict_for_period,
    {_verdict("low", "high", "reason")} as verdict_today,
    {_why("value", "low", "high", "reason")} as why,
    {_why("period_value", "period_low", "period_high", "period_reason")}
        || case when of_period is not null
            then '; of what was created then and is still there' else '' end as why_for_period,
    note, downloads_attributed_share,
    coalesce(judged.window_name in ('1d', '7d', '28d', '365d'), false) as is_provisional
from judged
left join (select * from out.fct_mapping_coverage_daily where snapshot_date = date '{{day}}')
    as coverage on (coverage.window_name, coverage.attribution, coverage.cohort, coverage.scope)
    = (judged.window_name, judged.attribution, judged.cohort, judged.scope)
"""
