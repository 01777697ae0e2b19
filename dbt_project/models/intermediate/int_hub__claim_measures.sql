{% call names_days() %}
{% raw %}
select unnest([snapshot_date, snapshot_date - 30]) as snapshot_date
from {{ ref('int_hub__slices') }}
{% endraw %}
{% endcall %}
{%- set slice = claim_slice() %}
{%- set unmapped = "('unattributed_organization', 'unattributed_unknown')" %}

with slices as (

    select * from {{ ref('int_hub__slices') }}

),

claims as (

    select
        *,
        {%- for name, default in slice.items() %}
        coalesce({{ name }}, '{{ default }}') as slice_{{ name }},
        {%- endfor %}
        split(entity, ';') as entities,
        -- Whether who may be anywhere may be one of them.
        regexp_matches(entity, '(^|;)([A-Z]{2}|international)(;|$)')
            as names_a_home,
        split_part(entity, ';', 1) as first_entity,
        split_part(entity, ';', 2) as second_entity
    from {{ ref('claims') }}

),

days as (

    select
        snapshots.snapshot_date,
        snapshots.is_whole,
        snapshot_days.has_created_at,
        snapshot_days.has_tags
    from {{ source('raw', 'snapshots') }} as snapshots
    inner join {{ ref('int_hub__snapshot_days') }} as snapshot_days
        on snapshots.snapshot_date = snapshot_days.snapshot_date
    where snapshots.snapshot_date in (select snapshot_date from slices)

),

asked as (

    select
        days.*,
        claims.*,
        slices.null_reason as slice_reason
    from days
    cross join claims
    left join slices
        on
            days.snapshot_date = slices.snapshot_date
            -- What is created needs no counter.
            and claims.measure <> 'family_derivative_share'
            {%- for name in slice %}
            and claims.{{ name }} = slices.{{ name }}
            {%- endfor %}

),

country_sums as (

    select
        asked.snapshot_date,
        asked.claim_id,
        asked.measure,
        sum(shares.downloads) as all_downloads,
        sum(shares.models_count)::double as all_models,
        -- Without all of them nobody knows what they have together.
        max(shares.null_reason) filter (
            shares.downloads is null
            and array_contains(asked.entities, shares.country_key)
            and asked.measure in ('country_share', 'country_downloads')
        ) as reason,
        coalesce(sum(shares.downloads) filter (
            array_contains(asked.entities, shares.country_key)
        ), 0) as downloads
    from asked
    inner join {{ ref('fct_country_share_daily') }} as shares
        on {{ is_of_the_claim('shares') }}
    where asked.measure in (
        'country_share', 'country_downloads', 'downloads_total', 'models_count'
    )
    group by asked.snapshot_date, asked.claim_id, asked.measure

),

-- Downloads whose home is doubtful. Where no other is named it may be any.
doubtful_slices as (

    select
        snapshot_date,
        {%- for name in slice %}
        {{ name }},
        {%- endfor %}
        country_key,
        alternative_country_key,
        downloads
    from {{ ref('int_hub__contested_slices') }}

    union all

    select
        snapshot_date,
        {%- for name in slice %}
        {{ name }},
        {%- endfor %}
        country_key,
        null as alternative_country_key,
        downloads
    from {{ ref('fct_country_share_daily') }}
    where country_key in {{ unmapped }}

),

-- What may leave the entities of a claim, and what may come to them.
doubtful_sums as (

    select
        asked.snapshot_date,
        asked.claim_id,
        coalesce(sum(slices.downloads) filter (
            array_contains(asked.entities, slices.country_key)
            and not coalesce(array_contains(
                asked.entities, slices.alternative_country_key
            ), false)
        ), 0) as leaving,
        coalesce(sum(slices.downloads) filter (
            not array_contains(asked.entities, slices.country_key)
            and coalesce(array_contains(
                asked.entities, slices.alternative_country_key
            ), asked.names_a_home)
        ), 0) as coming
    from asked
    inner join doubtful_slices as slices on {{ is_of_the_claim('slices') }}
    where asked.measure in ('country_share', 'country_downloads')
    group by asked.snapshot_date, asked.claim_id

),

countries as (

    select
        country_sums.snapshot_date,
        country_sums.claim_id,
        {%- for name, downloads in {
            'value': 'downloads',
            'low': 'downloads - coalesce(leaving, 0)',
            'high': 'downloads + coalesce(coming, 0)',
        }.items() %}
        case measure
            when 'country_share'
                then case when reason is null then {{ published_share(
                    ratio(downloads, 'all_downloads')
                ) }} end
            when 'country_downloads'
                then case when reason is null and all_downloads is not null
                    then {{ downloads }} end
            when 'downloads_total' then all_downloads
            else all_models
        end as measured_{{ name }},
        {%- endfor %}
        reason
    from country_sums
    left join doubtful_sums using (snapshot_date, claim_id)

),

gaps as (

    select
        asked.snapshot_date,
        asked.claim_id,
        asked.measure,
        gaps.snapshot_date as gap_date,
        case when gaps.country_key = asked.first_entity
            then gaps.gap else -gaps.gap end as gap,
        case when gaps.country_key = asked.first_entity
            then gaps.gap_low else -gaps.gap_high end as gap_low,
        case when gaps.country_key = asked.first_entity
            then gaps.gap_high else -gaps.gap_low end as gap_high,
        case when gaps.country_key = asked.first_entity
            then gaps.gap_change_7d else -gaps.gap_change_7d end as gap_change
    from asked
    inner join {{ ref('fct_country_gap_daily') }} as gaps
        on
            gaps.country_key = least(asked.first_entity, asked.second_entity)
            and gaps.other_country_key
            = greatest(asked.first_entity, asked.second_entity)
            and gaps.snapshot_date <= asked.snapshot_date
            and gaps.snapshot_date > asked.snapshot_date - 365
            {%- for name in slice %}
            and asked.slice_{{ name }} = gaps.{{ name }}
            {%- endfor %}
    where asked.measure in ('country_share_gap', 'weekly_gap_change')

),

country_gaps as (

    select
        snapshot_date,
        claim_id,
        gap as measured_value,
        gap_low as measured_low,
        gap_high as measured_high,
        null as reason
    from gaps
    where measure = 'country_share_gap' and gap_date = snapshot_date

),

weekly_changes as (

    select
        *,
        gap_date - max(gap_date) filter (gap_change is not null) over (
            partition by snapshot_date, claim_id
            order by gap_date
            rows between unbounded preceding and 1 preceding
        ) as days_count
    from gaps
    where measure = 'weekly_gap_change'

),

-- One week without a rise refutes a rise of every week. That each had one is
-- known only where no seven days of the 365 are without a measured change.
gap_changes as (

    select
        snapshot_date,
        claim_id,
        min(gap_change) as measured_value,
        min(gap_change) as measured_low,
        min(gap_change) as measured_high,
        case
            when min(gap_change) is null
                then 'no change from one week to the next is measured yet'
            when
                min(gap_change) > 0
                and (
                    min(gap_date) filter (gap_change is not null)
                    > snapshot_date - 358
                    or max(days_count) filter (gap_change is not null) > 7
                    or max(gap_date) filter (gap_change is not null)
                    <= snapshot_date - 7
                )
                then 'not every week of the 365 days before is measured yet'
        end as reason
    from weekly_changes
    group by snapshot_date, claim_id

),

organization_sums as (

    select
        asked.snapshot_date,
        asked.claim_id,
        case
            when
                count(distinct shares.canonical_organization) filter (
                    shares.downloads is not null
                    and array_contains(
                        asked.entities, shares.canonical_organization
                    )
                ) = count(distinct shares.canonical_organization) filter (
                    array_contains(
                        asked.entities, shares.canonical_organization
                    )
                )
                and sum(shares.downloads) is not null
                then coalesce(sum(shares.share_of_all) filter (
                    array_contains(
                        asked.entities, shares.canonical_organization
                    )
                ), 0)
        end as measured_value,
        max(shares.null_reason) filter (
            shares.downloads is null
            and array_contains(
                asked.entities, shares.canonical_organization
            )
        ) as unknown_reason
    from asked
    inner join {{ ref('fct_organization_share_daily') }} as shares
        on {{ is_of_the_claim('shares') }}
    where asked.measure = 'organizations_share'
    group by asked.snapshot_date, asked.claim_id

),

-- The same of owners as doubtful_slices of downloads.
doubtful_owners as (

    select
        snapshot_date,
        organization,
        case when country_key not in {{ unmapped }}
            then alternative_country_key end as alternative_country_key
    from {{ ref('int_hub__owner_days') }}
    where is_contested or country_key in {{ unmapped }}

),

ranked_organizations as (

    select
        asked.snapshot_date,
        asked.claim_id,
        shares.downloads,
        shares.null_reason,
        shares.rank <= asked.parameter as is_among_largest,
        array_contains(
            asked.entities,
            case asked.entity_kind
                when 'country' then shares.country_key
                when 'ultimate_parent' then shares.parent
                else shares.canonical_organization
            end
        ) as is_meant,
        asked.entity_kind = 'country'
        and owners.organization is not null as is_doubtful,
        array_contains(
            asked.entities, owners.alternative_country_key
        ) as is_meant_elsewhere,
        asked.names_a_home
    from asked
    inner join {{ ref('fct_organization_share_daily') }} as shares
        on {{ is_of_the_claim('shares') }}
    left join doubtful_owners as owners
        on
            shares.snapshot_date = owners.snapshot_date
            and shares.organization = owners.organization
    where asked.measure = 'organizations_in_top_k'

),

largest_organizations as (

    select
        snapshot_date,
        claim_id,
        {%- for name, condition in {
            'value': 'is_meant',
            'low': 'is_meant '
                ~ 'and (not is_doubtful or coalesce(is_meant_elsewhere, false))',
            'high': 'is_meant '
                ~ 'or is_doubtful and coalesce(is_meant_elsewhere, names_a_home)',
        }.items() %}
        case
            when
                sum(downloads) is not null
                and bool_and(downloads is not null or not is_meant)
                then count(*) filter (is_among_largest and ({{ condition }}))
        end as measured_{{ name }},
        {%- endfor %}
        max(null_reason) filter (downloads is null and is_meant) as reason
    from ranked_organizations
    group by snapshot_date, claim_id

),

largest_models as (

    select
        asked.snapshot_date,
        asked.claim_id,
        asked.measure,
        asked.parameter,
        counts.downloads,
        counts.entities_count,
        counts.entities_before,
        sum(counts.entities_count) over (
            partition by asked.snapshot_date, asked.claim_id
        ) as all_entities
    from asked
    inner join {{ ref('int_hub__download_counts') }} as counts
        on {{ is_of_the_claim('counts') }}
    where
        counts.level = 'model'
        and asked.measure in (
            'top_k_share', 'top_percent_share', 'models_below_downloads_share'
        )

),

model_sums as (

    select
        snapshot_date,
        claim_id,
        case measure
            {%- for measure, k in {
                'top_k_share': 'parameter',
                'top_percent_share': entities_of_percent('parameter'),
            }.items() %}
            when '{{ measure }}' then {{ ratio(
                'sum(' ~ downloads_within(k) ~ ')',
                'sum(downloads * entities_count)'
            ) }}
            {%- endfor %}
            else {{ ratio(
                'coalesce(sum(entities_count) filter ('
                ~ 'downloads < parameter), 0)',
                'max(all_entities)'
            ) }}
        end as measured_value
    from largest_models
    group by snapshot_date, claim_id, measure

),

derivatives as (

    select
        asked.snapshot_date,
        asked.claim_id,
        {{ ratio('lineage.derivative_downloads', 'lineage.downloads') }}
            as measured_value
    from asked
    inner join {{ ref('int_hub__lineage_slices') }} as lineage
        on {{ is_of_the_claim('lineage') }}
    where
        asked.measure = 'derivative_share'
        and asked.has_tags
        and asked.slice_reason is null

),

-- The namespaces that an organization has among the records of a day.
namespaces as (

    select
        asked.snapshot_date,
        asked.claim_id,
        asked.measure,
        owners.organization
    from asked
    inner join {{ ref('int_hub__owner_days') }} as owners
        on
            asked.snapshot_date = owners.snapshot_date
            and asked.first_entity = owners.canonical_organization
    where
        asked.has_created_at
        and asked.measure in (
            'share_of_weeks_with_launch', 'launches_per_week_median'
        )

),

launch_weeks as (

    select
        namespaces.snapshot_date,
        namespaces.claim_id,
        date_trunc('week', launches.launched_on) as week_start_date,
        count(*) as launches_count,
        row_number() over (
            partition by namespaces.snapshot_date, namespaces.claim_id
            order by count(*) desc
        ) as place
    from namespaces
    inner join {{ ref('int_hub__known_launches') }} as launches
        on
            namespaces.organization = launches.organization
            and launches.known_from <= namespaces.snapshot_date
            and launches.known_to > namespaces.snapshot_date
            and launches.launched_on <= namespaces.snapshot_date
            and launches.launched_on
            >= date_trunc('week', namespaces.snapshot_date)::date - 51 * 7
    group by
        namespaces.snapshot_date,
        namespaces.claim_id,
        date_trunc('week', launches.launched_on)

),

-- Of 52 weeks, those without a launch come last.
rhythm as (

    select
        namespaces.snapshot_date,
        namespaces.claim_id,
        case namespaces.measure
            when 'share_of_weeks_with_launch'
                then count(launch_weeks.place) / 52.0::double
            else coalesce(sum(launch_weeks.launches_count) filter (
                launch_weeks.place in (26, 27)
            ), 0) / 2.0::double
        end as measured_value
    from (
        select distinct snapshot_date, claim_id, measure from namespaces
    ) as namespaces
    left join launch_weeks
        on
            namespaces.snapshot_date = launch_weeks.snapshot_date
            and namespaces.claim_id = launch_weeks.claim_id
    group by
        namespaces.snapshot_date, namespaces.claim_id, namespaces.measure

),

-- A family is named by its owner: of an owner that has no model among these
-- records nothing is known.
owners_of_families as (

    select distinct
        asked.snapshot_date,
        asked.claim_id,
        owners.organization
    from asked
    inner join {{ ref('int_hub__owner_days') }} as owners
        on
            asked.snapshot_date = owners.snapshot_date
            and split_part(asked.entity, '/', 1) = owners.canonical_organization
    where asked.measure = 'family_models_count'

),

models_of_families as (

    select
        claims.claim_id,
        models.snapshot_date,
        models.organization
    from claims
    inner join {{ ref('int_hub__release_classes') }} as classes
        on
            split_part(claims.entity, '/', 2)
            = left(classes.family, length(split_part(claims.entity, '/', 2)))
    inner join {{ ref('int_hub__model_days') }} as models
        on classes.model_key = models.model_key
    where claims.measure = 'family_models_count'

),

family_models as (

    select
        owners_of_families.snapshot_date,
        owners_of_families.claim_id,
        count(models_of_families.organization) as measured_value
    from owners_of_families
    left join models_of_families
        on
            owners_of_families.snapshot_date = models_of_families.snapshot_date
            and owners_of_families.claim_id = models_of_families.claim_id
            and owners_of_families.organization
            = models_of_families.organization
    group by owners_of_families.snapshot_date, owners_of_families.claim_id

),

family_shares as (

    select
        asked.snapshot_date,
        asked.claim_id,
        case asked.measure
            when 'family_share' then sum(shares.share_of_all)
            else sum(shares.share_of_new_derivatives)
        end as measured_value,
        case
            when asked.measure = 'family_derivative_share'
                then max(shares.derivatives_null_reason)
            when sum(shares.share_of_all) is null
                then max(shares.null_reason)
        end as reason
    from asked
    inner join {{ ref('fct_family_share_daily') }} as shares
        on
            {{ is_of_the_claim('shares') }}
            and left(shares.family, length(asked.entity)) = asked.entity
    where asked.measure in ('family_share', 'family_derivative_share')
    group by asked.snapshot_date, asked.claim_id, asked.measure

),

-- Whom the models that are still there were made of, by the months of their
-- creation that the claim's own period touches.
derivatives_of_period as (

    select
        asked.snapshot_date,
        asked.claim_id,
        {{ ratio(
            'coalesce(sum(families.new_derivatives) filter ('
            ~ "left(families.organization || '/' || families.family_name, "
            ~ 'length(asked.entity)) = asked.entity), 0)',
            'sum(families.new_derivatives) '
            ~ 'filter (not families.is_unknown)'
        ) }} as measured_value
    from asked
    inner join {{ ref('int_hub__family_months') }} as families
        on
            asked.snapshot_date = families.snapshot_date
            and asked.slice_attribution = families.attribution
            and families.created_month
            >= date_trunc('month', asked.claimed_period_from)
            and families.created_month <= asked.claimed_period_to
            and (asked.slice_cohort = 'all' or families.is_new_365d)
            and (asked.slice_scope = 'all' or families.is_language_model)
    where
        asked.is_whole
        and asked.measure = 'family_derivative_share'
        and asked.claimed_period_to <= asked.snapshot_date
    group by asked.snapshot_date, asked.claim_id

),

-- Days are chosen before models are joined: of the others no counter is read.
compared_days as (

    select
        snapshot_date,
        claim_id,
        snapshot_date - 30 as before_date
    from asked
    where measure = 'counter_ratio_median'

),

counters_today as (

    select *
    from {{ ref('stg_hub__counters') }}
    where
        {{ is_of_days('compared_days') }}
        and downloads_30d >= {{ compared_counters_from() }}

),

counters_before as (

    select *
    from {{ ref('stg_hub__counters') }}
    where {{ is_of_days('compared_days', 'before_date') }}

),

-- How much the cumulative counter grew in 30 days, by the one of 30 days.
counter_ratios as (

    select
        compared_days.snapshot_date,
        compared_days.claim_id,
        median(
            (today.counter - before.counter)::double / today.downloads_30d
        ) as measured_value
    from compared_days
    inner join counters_today as today
        on compared_days.snapshot_date = today.snapshot_date
    inner join counters_before as before
        on
            compared_days.before_date = before.snapshot_date
            and today.model_key = before.model_key
    group by compared_days.snapshot_date, compared_days.claim_id

),

-- The measured days of two who may have passed one another, and on which of them
-- the shares of both are known.
days_of_both as (

    select
        asked.snapshot_date,
        asked.claim_id,
        asked.claimed_period_from,
        asked.claimed_period_to,
        days.snapshot_date as measured_date,
        count(unknown.entity) = 0 as are_known
    from asked
    inner join {{ ref('int_hub__measured_days') }} as days
        on
            asked.snapshot_date >= days.snapshot_date
            {%- for name in slice %}
            and asked.slice_{{ name }} = days.{{ name }}
            {%- endfor %}
    left join {{ ref('int_hub__unknown_shares') }} as unknown
        on
            days.snapshot_date = unknown.snapshot_date
            {%- for name in slice %}
            and days.{{ name }} = unknown.{{ name }}
            {%- endfor %}
            and asked.entity_kind = unknown.entity_kind
            and unknown.entity in (asked.first_entity, asked.second_entity)
    where asked.measure = 'overtakes_count'
    group by all

),

dated_days_of_both as (

    select
        *,
        max(measured_date) filter (are_known) over (
            partition by snapshot_date, claim_id
            order by measured_date
            rows between unbounded preceding and 1 preceding
        ) as previous_date
    from days_of_both

),

-- What is known of the claim's own period, and of the week after it: so long it
-- takes until an overtake is confirmed.
measured_periods as (

    select
        snapshot_date,
        claim_id,
        min(measured_date) as first_day,
        max(measured_date) filter (are_known) as last_day,
        max(measured_date - previous_date) filter (
            are_known
            and measured_date >= claimed_period_from
            and previous_date < claimed_period_to + {{ days_ahead() }}
        ) as longest_gap,
        bool_or(
            not are_known
            and measured_date >= claimed_period_from
            and measured_date <= claimed_period_to + {{ days_ahead() }}
        ) as has_unknown_days
    from dated_days_of_both
    group by snapshot_date, claim_id

),

-- Who is ahead after more than a week of which nobody knows may have passed
-- before the period.
overtakes_of_period as (

    select
        asked.snapshot_date,
        asked.claim_id,
        count(*)::double as overtakes_count
    from asked
    inner join {{ ref('fct_overtakes') }} as overtakes
        on
            asked.first_entity = overtakes.leader
            and asked.second_entity = overtakes.follower
            and asked.entity_kind = overtakes.entity_kind
            and overtakes.confirmed_on <= asked.snapshot_date
            and overtakes.overtaken_on >= asked.claimed_period_from
            and overtakes.overtaken_on <= asked.claimed_period_to
            {%- for name in slice %}
            and asked.slice_{{ name }} = overtakes.{{ name }}
            {%- endfor %}
    inner join dated_days_of_both as days
        on
            asked.snapshot_date = days.snapshot_date
            and asked.claim_id = days.claim_id
            and overtakes.overtaken_on = days.measured_date
            and days.previous_date
            >= least(asked.claimed_period_from, overtakes.overtaken_on - 7)
    where asked.measure = 'overtakes_count'
    group by asked.snapshot_date, asked.claim_id

),

-- There may be more of them where the period is not measured, or one of both is
-- unknown.
passes as (

    select
        asked.snapshot_date,
        asked.claim_id,
        coalesce(overtakes_of_period.overtakes_count, 0) as measured_value,
        case
            when asked.claimed_period_to > asked.snapshot_date
                then 'its period ends on ' || asked.claimed_period_to::varchar
            when {{ is_decided_from_below('measured_value') }} then null
            when coalesce(
                measured_periods.first_day >= asked.claimed_period_from, true
            )
                then 'what is published does not begin before '
                    || asked.claimed_period_from::varchar
            when measured_periods.has_unknown_days
                then 'what one of both has is unknown on days of its period'
            when measured_periods.longest_gap > 7
                then 'the days measured do not cover its period'
            when
                measured_periods.last_day
                < asked.claimed_period_to + {{ days_ahead() }}
                then 'who overtook at its end is confirmed from '
                    || (asked.claimed_period_to + {{ days_ahead() }})::varchar
                    || ' on'
        end as reason
    from asked
    left join measured_periods using (snapshot_date, claim_id)
    left join overtakes_of_period using (snapshot_date, claim_id)
    where asked.measure = 'overtakes_count'

),

measured as (

    select * from countries

    union all

    select * from country_gaps

    union all

    select * from gap_changes

    union all

    select * from largest_organizations

    {%- for sums, reason in {
        'model_sums': 'null',
        'derivatives': 'null',
        'rhythm': 'null',
        'family_models': 'null',
        'counter_ratios': 'null',
        'organization_sums':
            'case when measured_value is null then unknown_reason end',
        'family_shares': 'reason',
    }.items() %}

    union all

    select
        snapshot_date,
        claim_id,
        measured_value,
        measured_value as measured_low,
        measured_value as measured_high,
        {{ reason }} as reason
    from {{ sums }}
    {%- endfor %}

    union all

    select
        snapshot_date,
        claim_id,
        case when reason is null then measured_value end as measured_value,
        case when reason is null then measured_value end as measured_low,
        case when reason is null then measured_value end as measured_high,
        reason
    from passes

),

final as (

    select
        asked.snapshot_date,
        asked.claim_id,
        measured.measured_value::double as measured_value,
        measured.measured_low::double as measured_low,
        measured.measured_high::double as measured_high,
        derivatives_of_period.measured_value as measured_of_period,
        coalesce(
            asked.slice_reason,
            measured.reason,
            case when measured.measured_value is null then
                case
                    when asked.measure in ('country_share_gap', 'weekly_gap_change')
                        then 'not both are among the 20 largest countries'
                    when asked.measure = 'derivative_share' and not asked.has_tags
                        then 'the source records no tags: lineage is unknown'
                    when asked.measure = 'counter_ratio_median'
                        then 'no snapshot of 30 days before has both counters'
                    when not asked.has_created_at
                        then 'the source records no createdAt'
                    when asked.measure in ('family_share', 'family_derivative_share')
                        then asked.entity || ' is not among the largest families'
                    when asked.entity is not null
                        then 'these records hold no model of '
                            || split_part(asked.entity, '/', 1)
                    else 'these records tell nothing of it'
                end
            end,
            case
                when
                    not asked.is_whole
                    and not (
                        asked.measure in (
                            {{ quoted(claim_measures_of_a_panel()) }}
                        )
                        and {{ is_decided_from_below() }}
                    )
                    then 'the claim is about the whole Hub, these records '
                        || 'are a selection'
            end
        ) as unmeasurable_reason
    from asked
    left join measured
        on
            asked.snapshot_date = measured.snapshot_date
            and asked.claim_id = measured.claim_id
    left join derivatives_of_period
        on
            asked.snapshot_date = derivatives_of_period.snapshot_date
            and asked.claim_id = derivatives_of_period.claim_id

)

select * from final
