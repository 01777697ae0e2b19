"""What one mart tells and another must tell as well, each as SQL that gives the differences.

What belongs here: the pairs of tellings that the check `marts_agree` asks about. What a table
tells of itself, of its slices or of the raw snapshot is measured in `candidate_frames.py`.
"""

from __future__ import annotations

from orchestration.gates.tables import SLICE

# By name: the tables that it needs, and the SQL of rows (place, gap); 0 is agreement.
AGREEMENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "releases of organizations add up to (all)": (
        ("fct_release_cadence_weekly",),
        """
        select week_start_date::varchar || ' ' || release_type as place, greatest(
            abs(sum(if(organization = '(all)', releases_count, -releases_count))),
            abs(sum(if(organization = '(all)', launches_count, -launches_count)))
        ) as gap
        from fct_release_cadence_weekly group by week_start_date, release_type
        """,
    ),
    "releases of types add up to all": (
        ("fct_release_cadence_weekly",),
        """
        select week_start_date::varchar || ' ' || organization as place, greatest(
            abs(sum(if(release_type = 'all', releases_count, -releases_count))),
            abs(sum(if(release_type = 'all', launches_count, -launches_count)))
        ) as gap
        from fct_release_cadence_weekly group by week_start_date, organization
        """,
    ),
    "releases of countries add up to (all)": (
        ("fct_country_cadence_weekly", "fct_release_cadence_weekly"),
        """
        select week_start_date::varchar || ' ' || release_type as place,
            greatest(abs(sum(releases)), abs(sum(launches))) as gap
        from (
            select week_start_date, release_type, releases_count as releases,
                launches_count as launches
            from fct_release_cadence_weekly where organization = '(all)'
            union all
            select week_start_date, release_type, -releases_count, -launches_count
            from fct_country_cadence_weekly
        )
        group by week_start_date, release_type
        """,
    ),
    "releases, dated or not, are the models": (
        ("fct_release_dates",),
        """
        select 'dim_models' as place, abs(sum(releases_count) - (select count(*) from dim_models))
            as gap
        from fct_release_dates where release_type = 'all'
        """,
    ),
    "gaps are differences of shares": (
        ("fct_country_gap_daily",),
        f"""
        select gaps.snapshot_date::varchar || ' ' || gaps.country_key as place, abs(
            gaps.gap - (one.share_of_all - other.share_of_all)
        ) as gap
        from fct_country_gap_daily as gaps
        join fct_country_share_daily as one using ({SLICE}, country_key)
        join (
            select {SLICE}, country_key as other_country_key, share_of_all
            from fct_country_share_daily
        ) as other using ({SLICE}, other_country_key)
        """,
    ),
    "the largest organization has the share of the top 1": (
        ("fct_concentration_daily",),
        f"""
        select snapshot_date::varchar || ' ' || window_name as place,
            abs(top_1_share - largest) as gap
        from fct_concentration_daily
        join (
            select {SLICE}, max(share_of_all) as largest
            from fct_organization_share_daily where organization <> '(other)' group by all
        ) using ({SLICE})
        where level = 'organization'
        """,
    ),
    # Of the newest day: where nobody knows who is in a cohort, all that may be in it stand there.
    # A panel without createdAt had no row of new_365d, as if nobody were new.
    "a cohort that nobody can tell has its rows": (
        ("fct_mapping_coverage_daily", "fct_organization_share_daily", "fct_family_share_daily"),
        f"""
        with days as (select max(snapshot_date) as snapshot_date from fct_mapping_coverage_daily),
        shares as (
            select {SLICE}, 'fct_country_share_daily' as mart
            from fct_country_share_daily semi join days using (snapshot_date)
            union
            select {SLICE}, 'fct_organization_share_daily'
            from fct_organization_share_daily semi join days using (snapshot_date)
            union
            select {SLICE}, 'fct_family_share_daily'
            from fct_family_share_daily semi join days using (snapshot_date)
        )
        select slices.window_name || ' ' || slices.attribution || ' ' || slices.scope as place,
            count(*) as gap
        from fct_mapping_coverage_daily as slices
        join shares as everybody
            on slices.snapshot_date = everybody.snapshot_date
            and slices.window_name = everybody.window_name
            and slices.attribution = everybody.attribution
            and slices.scope = everybody.scope
            and everybody.cohort = 'all'
        anti join shares as own
            on everybody.mart = own.mart
            and slices.window_name = own.window_name
            and slices.attribution = own.attribution
            and slices.scope = own.scope
            and slices.cohort = own.cohort
        where slices.organizations_mapped_count is null
        group by all
        """,
    ),
    "new derivatives of a month sum to one": (
        ("fct_family_derivatives_monthly",),
        """
        select month_start_date::varchar || ' ' || scope as place,
            abs(sum(share_of_new_derivatives) - 1) as gap
        from fct_family_derivatives_monthly group by month_start_date, scope
        having sum(new_derivatives) filter (family <> '(unknown)') > 0
        """,
    ),
    "new derivatives of the months are among those of all time": (
        ("fct_family_derivatives_monthly",),
        """
        select scope as place,
            greatest(sum(months.new_derivatives) / nullif(any_value(whole), 0) - 1, 0) as gap
        from fct_family_derivatives_monthly as months
        join (
            select snapshot_date, scope, sum(new_derivatives) as whole
            from fct_family_share_daily
            where window_name = 'all_time' and attribution = 'base_model' and cohort = 'all'
            group by all
        ) using (snapshot_date, scope)
        group by scope
        """,
    ),
    "relative adoption is downloads by the reference": (
        ("fct_relative_adoption",),
        """
        select model || ' ' || age_days as place, if(
            (relative_adoption is null) <> (null_reason is not null), 1,
            abs(relative_adoption * reference_median / downloads - 1)
        ) as gap
        from fct_relative_adoption
        """,
    ),
    # Who is not listed had 100 to 1,000 downloads at that age: the median is between those with ten
    # of the one and ten of the other, which are the same where six listed ones had 1,000.
    "the reference is the median of the ten largest": (
        ("fct_relative_adoption",),
        """
        with known as (
            select size_bucket, age_days, any_value(reference_median) as reference,
                list(downloads) as listed
            from (
                select size_bucket, age_days, reference_median, reference_date
                from fct_relative_adoption where reference_date is not null
                qualify row_number() over (
                    partition by size_bucket, age_days order by reference_date desc
                ) = 1
            ) as newest
            join (
                select size_bucket, age_days, measured_on, downloads
                from fct_relative_adoption
            ) as levels using (size_bucket, age_days)
            where measured_on <= reference_date
            group by size_bucket, age_days
        )
        select size_bucket || ' ' || age_days as place, greatest(
            {least} / reference - 1, reference / {most} - 1, 0
        ) as gap
        from known
        """.format(
            **{
                name: "list_median(list_reverse_sort("
                f"list_concat(listed, [{level} for _ in range(10)]))[:10])"
                for name, level in {"least": 100.0, "most": 1000.0}.items()
            }
        ),
    ),
    # Of the newest day: the weeks are as they are known now. Its own week is not compared: a crawl
    # that passes midnight brings launches of the day after its date.
    "the rhythm of an organization is that of its weeks": (
        ("fct_organization_cadence_daily", "fct_release_cadence_weekly"),
        """
        with newest as (
            select *, date_trunc('week', snapshot_date)::date as this_week, date_trunc(
                'week', snapshot_date - days_since_last_launch::integer
            )::date as last_week
            from fct_organization_cadence_daily
            where snapshot_date = (select max(snapshot_date) from fct_organization_cadence_daily)
        ),
        weeks as (
            select newest.*, launches_count, week_start_date,
                (this_week - week_start_date) / 7 as weeks_ago
            from fct_release_cadence_weekly join newest using (organization)
            where release_type = 'all' and launches_count > 0
        )
        select organization as place, greatest(
            if(last_week in (this_week, max(week_start_date) filter (weeks_ago > 0)), 0, 1),
            count(*) filter (weeks_ago between 1 and 51) - 52 * share_of_weeks_with_launch,
            52 * share_of_weeks_with_launch - count(*) filter (weeks_ago between 0 and 51) - 1e-9,
            coalesce(sum(launches_count) filter (weeks_ago between 1 and 51), 0) - launches_365d,
            launches_365d - coalesce(sum(launches_count) filter (weeks_ago between 0 and 53), 0),
            0
        ) as gap
        from weeks
        group by organization, this_week, last_week, share_of_weeks_with_launch, launches_365d
        """,
    ),
    # Those of the last five weeks, whatever else is asked of: older ones were looked at when they
    # were new.
    "who overtook had more, and has when it is confirmed": (
        ("fct_overtakes",),
        f"""
        with overtakes as (
            select * from fct_overtakes
            where overtaken_on > (select max(snapshot_date) - 35 from fct_country_share_daily)
        ),
        entities as (select leader as entity from overtakes union select follower from overtakes),
        shares as (
            select {SLICE}, 'country' as entity_kind, country_key as entity, share_of_all,
                downloads is null as is_unknown
            from candidate.main.fct_country_share_daily
            where country_key in (from entities)
                and snapshot_date >= (select min(overtaken_on) from overtakes)
            union all
            select {SLICE}, 'organization', organization, share_of_all, downloads is null
            from candidate.main.fct_organization_share_daily
            where organization in (from entities)
                and snapshot_date >= (select min(overtaken_on) from overtakes)
        ),
        days as (
            select *, 'then' as moment, overtaken_on as snapshot_date from overtakes
            union all
            select *, 'confirmed', confirmed_on from overtakes where confirmed
        )
        select overtaken_on::varchar || ' ' || leader || ' ' || follower as place, greatest(
            if(confirmed = (confirmed_on is not null)
                and coalesce(confirmed_on >= overtaken_on + 7, true), 0, 1),
            if(coalesce(leaders.share_of_all, 0) > coalesce(followers.share_of_all, 0), 0, 1),
            if(leaders.is_unknown or followers.is_unknown, 1, 0),
            if(moment = 'then', coalesce(greatest(
                abs(leader_share - leaders.share_of_all),
                abs(follower_share - followers.share_of_all)
            ), 1), 0)
        ) as gap
        from days
        left join (
            select * rename (entity as leader) from shares
        ) as leaders using ({SLICE}, entity_kind, leader)
        left join (
            select * rename (entity as follower) from shares
        ) as followers using ({SLICE}, entity_kind, follower)
        """,
    ),
    "a verdict is that of what was measured": (
        ("fct_claims",),
        """
        select snapshot_date::varchar || ' ' || claim_id as place, case verdict_today
            when 'not measurable yet' then 0
            when 'holds' then if(measured_low >= least - slack and measured_high <= most + slack,
                0, 1)
            when 'does not hold' then if(measured_high > least + slack
                and measured_low < most - slack, 1, 0)
            else if(measured_low >= least + slack and measured_high <= most - slack, 1, 0)
        end + if(verdict_today <> 'not measurable yet' and measured_value is null, 1, 0) as gap
        from (
            select *, 1e-6 * greatest(1, abs(claimed_value)) as slack, case
                when comparison in ('equals', 'at_least') then claimed_value - tolerance
                when comparison = 'greater_than' then claimed_value + tolerance
                else '-infinity'::double end as least, case
                when comparison in ('equals', 'at_most') then claimed_value + tolerance
                when comparison = 'less_than' then claimed_value - tolerance
                else 'infinity'::double end as most
            from fct_claims
        )
        """,
    ),
    # Of the newest day: those measures that one sum of one mart tells.
    "what is measured for a claim is what the marts say": (
        ("fct_claims",),
        f"""
        with claims as (
            select *, string_split(entity, ';') as entities from fct_claims
            where snapshot_date = (select max(snapshot_date) from fct_claims)
                and measured_value is not null and window_name is not null
        ),
        told as (
            select claim_id, sum(share_of_all) filter (list_contains(entities, country_key)) as told
            from claims join fct_country_share_daily using ({SLICE})
            where measure = 'country_share' group by claim_id
            union all
            select claim_id, sum(downloads)
            from claims join fct_country_share_daily using ({SLICE})
            where measure = 'downloads_total' group by claim_id
            union all
            select claim_id, sum(share_of_all)
                filter (list_contains(entities, canonical_organization))
            from claims join fct_organization_share_daily using ({SLICE})
            where measure = 'organizations_share' group by claim_id
            union all
            select claim_id, downloads_with_known_lineage_share
            from claims join fct_mapping_coverage_daily using ({SLICE})
            where measure = 'derivative_share'
        )
        select claim_id as place,
            abs(measured_value - coalesce(told, 0)) / greatest(1, abs(measured_value)) as gap
        from claims join told using (claim_id)
        """,
    ),
}
