"""The hand-written script's marts: sums of the models' table, and what they say.

What belongs here: every published mart as one query over the temporary tables of
`lean_models.py` and over the marts made before it. `{{day}}` is the day, `state` the database of
the day before, `out` the one that is written.
"""

from __future__ import annotations

from benchmarks import lean_names
from benchmarks.lean_models import FLOOR, SOURCES
from benchmarks.lean_names import TYPES

SLICE = "window_name, attribution, cohort, scope"
FLOWS = {"1d": 1, "7d": 7, "28d": 28, "365d": 365}
WINDOWS = ("1d", "7d", "28d", "30d", "365d", "all_time")
CREATED_WITHIN = {"1d": 1, "7d": 7, "28d": 28, "30d": 30, "365d": 365, "all_time": 0}
AGES = (7, 14, 30, 60, 90, 180, 365)
MEASURES = ("d_1d", "d30", "d_all")
HOMELESS = "('unattributed_organization', 'unattributed_unknown')"

_SUMS = ", ".join(f"sum({one}) as {one}, max({one}) as l_{one}" for one in MEASURES)
_COUNTED = f"count(*) as models_count, {_SUMS}, sum(u_1d) as u_1d"
_RESUMMED = (
    "sum(models_count)::bigint as models_count, "
    + ", ".join(f"sum({one}) as {one}, max(l_{one}) as l_{one}" for one in MEASURES)
    + ", sum(u_1d) as u_1d"
)
_CREDITED = ", ".join(
    f"case when credit >= 0.999999999 then {one} else {one} * credit end as {one}"
    for one in (*MEASURES, "u_1d")
)

CUTS = """
create temp table cut as
from (values ('all', 'all'), ('all', 'language_models'), ('new_365d', 'all'),
    ('new_365d', 'language_models')) as cuts (cohort, scope)
"""
IN_CUT = "(cohort = 'all' or is_new) and (scope = 'all' or is_language_model)"

# All whose models or whose descendants are there, and who was there before. Whoever any day calls
# an organization is one.
OWNERS = """
create temp table owner as
with seen as (
    select distinct o, organization, author_type as recorded_type, true as is_today from today
    union all
    select distinct o, organization, null, true from absent
    where m in (select root from root)
    union all
    select md5_number(organization), organization, recorded_type, false from known_owner
),
typed as (
    select o, any_value(organization) as organization, bool_or(is_today) as is_today,
        coalesce(max(recorded_type) filter (recorded_type = 'org'), max(recorded_type))
            as recorded_type
    from seen group by o
)
select o, typed.organization, recorded_type, is_today,
    case when person.confidence is not null then 'individual'
        when recorded_type = 'org' then 'organization'
        when recorded_type = 'user' then 'individual' else 'unknown' end as owner_type,
    case when person.confidence is not null then person.evidence
        when recorded_type is not null then 'the records say so'
        else 'nobody told us' end as owner_evidence,
    coalesce(country_key, 'unattributed_' || owner_type) as country_key,
    alternative_country_key, coalesce(canonical_organization, typed.organization)
        as canonical_organization, parent, home.o is not null as is_curated,
    coalesce(is_contested, false) as is_contested
from typed
left join person on typed.organization = person.organization
left join (
    select * from home
    where valid_from <= date '{day}' and coalesce(valid_to, date '2999-12-31') >= date '{day}'
) as home using (o)
"""

HEIRS = f"""
create temp table heir as
select m, o, credit >= 0.999999999 as is_whole, is_new, is_language_model, {_CREDITED}
from (select m, root_o as o, sum(credit) as credit from root group by all)
join (select * exclude (o) from fact) as fact using (m)
"""
OWNER_SUMS = f"""
create temp table owner_sum as
with part as (
    select o, is_new, is_language_model, is_heir, {_COUNTED} from fact group by all
)
select 'publisher' as attribution, o, is_new, is_language_model, true as is_whole, {_RESUMMED}
from part group by all
union all
select 'base_model', o, is_new, is_language_model, true, * exclude (o, is_new,
    is_language_model, is_heir)
from part where not is_heir
union all
select 'base_model', o, is_new, is_language_model, is_whole, {_COUNTED} from heir group by all
"""
# A merge of two models of one country is one model of that country.
COUNTRY_SUMS = f"""
create temp table country_sum as
select attribution, country_key, is_new, is_language_model, {_RESUMMED}
from (
    select attribution, country_key, is_new, is_language_model, models_count,
        {", ".join(f"{one}, l_{one}" for one in MEASURES)}, u_1d
    from owner_sum join owner using (o) where is_whole
    union all
    select 'base_model', country_key, is_new, is_language_model, 1,
        {", ".join(f"sum({one}), sum({one})" for one in MEASURES)}, sum(u_1d)
    from heir join owner using (o) where not is_whole
    group by m, country_key, is_new, is_language_model
)
group by all
"""


def _by_window(column: str) -> str:
    return (
        f"case window_name when '1d' then {column}d_1d when '30d' then {column}d30 "
        f"when 'all_time' then {column}d_all end"
    )


def sliced(rows: str, keys: str, counts: str = "") -> str:
    """Rows of sums by `keys` in every slice; what a window cannot tell is null."""
    count = f"case window_name {counts} end as new_derivatives, " if counts else ""
    summed = "".join(f"sum(n_{w}) as n_{w}, " for w in WINDOWS) if counts else ""
    return f"""
        select {SLICE}, {keys}, models_count, {count}
            case when reason is null then {_by_window("")} end as downloads,
            case when reason is null then {_by_window("l_")} end as largest,
            case when is_uncorrected_known then case window_name when '1d' then u_1d
                when '30d' then d30 when 'all_time' then d_all end end
                as downloads_uncorrected, reason
        from (
            select attribution, cohort, scope, {keys}, {summed} {_RESUMMED}
            from {rows} join cut on {IN_CUT} group by all
        ) cross join measured_window
        where models_count > 0 or downloads > 0 or downloads_uncorrected <> 0"""


CONTESTED = f"""
create temp table contested as
with doubtful as (
    select owner_sum.*, country_key, alternative_country_key
    from owner_sum join owner using (o)
    where is_contested and country_key not in {HOMELESS}
)
{sliced("doubtful", "country_key, alternative_country_key")}
"""
COUNTRY_SLICES = f"""
create temp table country_slice as
with found as ({sliced("country_sum", "country_key")}),
other as (
    select distinct {SLICE}, alternative_country_key as country_key from contested
    where alternative_country_key is not null and downloads > 0
)
from found
union all by name
select *, 0 as models_count, 0 as downloads, 0 as largest, 0 as downloads_uncorrected
from other anti join found using ({SLICE}, country_key)
"""

# The 500 largest of each slice: half a million owners are summed up before they are cut.
_TOTALS = {
    (window, cohort, scope): f"t_{window}_{cohort}_{scope}"
    for window in ("1d", "30d", "all_time")
    for cohort in ("all", "new_365d")
    for scope in ("all", "language_models")
}
_MEASURE = dict(zip(("1d", "30d", "all_time"), MEASURES, strict=True))


def _condition(cohort: str, scope: str) -> str:
    conditions = ["is_new"] * (cohort != "all") + ["is_language_model"] * (scope != "all")
    return " and ".join(conditions) or "true"


NAMED = f"""
create temp table named as
with total as (
    select attribution, o, {
    ", ".join(
        f"sum({_MEASURE[window]}) filter ({_condition(cohort, scope)}) as {name}"
        for (window, cohort, scope), name in _TOTALS.items()
    )
}
    from owner_sum group by all
),
least_of as (
    select attribution, {
    ", ".join(f"list_min(max(round({name}, 6), 500)) as {name}" for name in _TOTALS.values())
}
    from total group by all
),
contender as (
    select total.*, organization
    from total join least_of using (attribution) join owner using (o)
    where {
    " or ".join(
        f"(total.{name} > 0 and round(total.{name}, 6) >= least_of.{name})"
        for name in _TOTALS.values()
    )
}
)
{
    " union all ".join(
        f'''
select '{window}' as window_name, attribution, '{cohort}' as cohort, '{scope}' as scope, o
from contender where {name} > 0
qualify row_number() over (partition by attribution
    order by round({name}, 6) desc, organization) <= 500'''
        for (window, cohort, scope), name in _TOTALS.items()
    )
}
"""
ORGANIZATION_SLICES = f"""
create temp table organization_slice as
with shown_always as (
    select o, is_curated or (select count(*) from owner where is_today) <= 2000 as is_always
    from owner where is_today
),
condensed as (
    select attribution, case when is_always or once.o is not null then owner_sum.o end as o,
        country_key, is_always, is_new, is_language_model, {_RESUMMED}
    from owner_sum
    join shown_always using (o)
    join owner using (o)
    left join (select distinct o from named) as once on owner_sum.o = once.o
    group by all
),
cut_out as ({sliced("condensed", "o, country_key, is_always")})
select {SLICE.replace("window_name", "cut_out.window_name")},
    case when is_always or named.o is not null then cut_out.o end as o, country_key,
    sum(models_count)::bigint as models_count, sum(downloads) as downloads,
    max(largest) as largest, sum(downloads_uncorrected) as downloads_uncorrected, reason
from cut_out
left join named using ({SLICE}, o)
group by all
"""

# Families are read off names, once a name.
TRACED = f"""
create temp table traced as
select root.m, root.root, root_o, credit, coalesce(fact.is_made, absent_made.is_made, false)
    as is_unknown
from root
left join (select m, is_made from fact where is_ancestor) as fact on root = fact.m
left join (
    select m, {lean_names.is_made_of_another("model_id", lean_names.NAME)}
        and m not in (select m from override where base_model_id is null) as is_made
    from absent
) as absent_made on root = absent_made.m
"""
ROOT_NAMES = f"""
create temp table new_family as
with asked as (
    select m, model_id from today union all select m, model_id from absent
)
{lean_names.FAMILIES}
""".replace(
    "{rows}",
    f"""(
    select m, model_id, {lean_names.NAME} as name
    from asked
    where m in (select root from traced where not is_unknown)
        and m not in (select m from known_family))""",
)
FAMILY_NAMES = f"""
insert into new_family
with asked as (
    select m, model_id from today where o in (select o from large_owner)
    union all
    select m, model_id from absent
    where o in (select o from large_owner) and m in (select root from root)
)
{lean_names.FAMILIES}
""".replace(
    "{rows}",
    f"""(
    select m, model_id, {lean_names.NAME} as name
    from asked where m not in (select m from known_family union all select m from new_family))""",
)
FAMILIES = """
create temp table family as
with named as (
    select m, o from fact
    union all
    select m, o from absent where m in (select root from root)
)
select m, md5_number(concat_ws('/', canonical_organization, family_name, line_name)) as f,
    canonical_organization as organization, family_name, line_name
from named
join large_owner using (o)
join (from new_family union all from known_family) using (m)
"""
INHERITED = """
create temp table inherited as
select traced.m, is_unknown, case when not is_unknown then f end as f,
    sum(credit) as credit,
    coalesce(sum(credit) filter (traced.root <> traced.m or is_unknown), 0) as derivative_credit
from traced left join family on traced.root = family.m
group by all
"""
_DERIVED = ", ".join(
    f"coalesce(sum(credit) filter (created_at >= timestamp '{{day}}' - interval {days} day "
    f"and created_at < timestamp '{{day}}'), 0) as n_{window}"
    if days
    else f"coalesce(sum(credit), 0) as n_{window}"
    for window, days in CREATED_WITHIN.items()
)
# Who may own one of the largest lines: he has no less, in all, than what others have in one line.
LARGE_OWNERS = f"""
create temp table large_owner as
with made as (
    select traced.m, canonical_organization as organization, line_name, credit, created_at, is_new,
        is_language_model
    from traced join fact using (m) join owner on root_o = owner.o
    join (from new_family union all from known_family) as name on root = name.m
    where not is_unknown and root <> traced.m
),
original as (
    select canonical_organization as organization, is_new, is_language_model,
        {", ".join(f"max({one}) as {one}" for one in MEASURES)}
    from fact join owner using (o) where not is_heir and not is_made group by all
),
large_original as (
    select window_name, cohort, scope, organization, max({_by_window("")}) as least
    from original join cut on {IN_CUT} cross join measured_window group by all
),
total as (
    select {SLICE}, canonical_organization as organization, sum(downloads) as most,
        max(largest) as least
    from organization_slice join owner using (o) where downloads > 0 group by all
),
made_line as (
    select organization, line_name, is_new, is_language_model, {_DERIVED} from made group by all
),
made_month as (
    select date_trunc('month', created_at) as month, scope, organization, line_name,
        sum(credit) as credit
    from made join (select distinct scope from cut) on scope = 'all' or is_language_model
    where created_at is not null group by all
),
published as (
    select canonical_organization as organization, is_new, is_language_model, {_DERIVED}
    from (select m, credit from traced where not is_unknown and root <> m)
    join fact using (m) join owner using (o) group by all
),
part as (
    select concat_ws(' ', {SLICE}) as list, 50 as places, organization, most,
        if(attribution = 'publisher', total.least, large_original.least) as least
    from total left join large_original using (window_name, cohort, scope, organization)
    union all
    select concat_ws(' ', 'made', month, scope), 20, organization, credit, credit from made_month
    {{by_window}}
),
one as (
    select list, places, organization, round(max(most)::double, 6) as most,
        round(max(least)::double, 6) as least
    from part where most > 0 group by all
),
last as (
    select list, organization as last_organization, least as least_of_last
    from one where least > 0
    qualify row_number() over (partition by list order by least desc, organization) = places
)
select o, canonical_organization
from owner
where is_today and canonical_organization in (
    select organization from one left join last using (list)
    where last_organization is null or most > least_of_last
        or (most = least_of_last and organization <= last_organization))
""".replace(
    "{by_window}",
    " ".join(
        f"""
    union all
    select concat_ws(' ', '{kind} {window}', cohort, scope), {places}, organization,
        sum(n_{window}) as n, n
    from {rows} join cut on {IN_CUT} group by cohort, scope, organization{line}"""
        for window in WINDOWS
        for kind, rows, places, line in (
            ("made", "made_line", 50, ", line_name"),
            ("published", "published", 100, ""),
        )
    ),
)
_NONE_DERIVED = ", ".join(f"0 as n_{window}" for window in WINDOWS)
_NOTHING = (
    "0 as models_count, "
    + ", ".join(f"null as {one}, null as l_{one}" for one in MEASURES)
    + ", null as u_1d"
)
DERIVATIVES = """
create temp table derivative as
select 'base_model' as attribution, f, is_unknown, derivative_credit as credit, created_at,
    is_new, is_language_model
from inherited join fact using (m) where derivative_credit > 0
union all
select 'base_model', null, true, 1, created_at, is_new, is_language_model
from fact where is_made and not is_heir
union all
select 'publisher', family.f, false, derivative_credit, created_at, is_new, is_language_model
from inherited join fact using (m) left join family using (m)
where derivative_credit > 0 and not is_unknown
"""
FAMILY_SUMS = f"""
create temp table family_sum as
with own as (
    select f, is_made and not is_heir as is_unknown, is_heir, is_new, is_language_model, {_COUNTED}
    from fact left join family using (m) group by all
)
select 'publisher' as attribution, f, false as is_unknown, is_new, is_language_model,
    * exclude (f, is_unknown, is_heir, is_new, is_language_model), {_NONE_DERIVED}
from own
union all
select 'base_model', case when not is_unknown then f end, is_unknown, is_new, is_language_model,
    * exclude (f, is_unknown, is_heir, is_new, is_language_model), {_NONE_DERIVED}
from own where not is_heir
union all
select 'base_model', f, is_unknown, is_new, is_language_model, {_COUNTED}, {_NONE_DERIVED}
from (
    select f, is_unknown, is_new, is_language_model, {_CREDITED}
    from inherited join fact using (m)
)
group by all
union all
select attribution, f, is_unknown, is_new, is_language_model, {_NOTHING}, {_DERIVED}
from derivative group by all
"""
_N = " ".join(f"when '{window}' then n_{window}" for window in WINDOWS)
FAMILY_SLICES = f"""
create temp table family_slice as
with name as (
    select distinct f, organization, family_name, line_name from family
),
cut_out as ({sliced("family_sum", "f, is_unknown", _N)}),
line as (
    select {SLICE}, organization, line_name, coalesce(sum(downloads), 0) as downloads,
        sum(new_derivatives) as new_derivatives
    from cut_out join name using (f) group by all
),
shown as (
    select {SLICE}, organization, line_name, true as is_shown
    from line
    qualify (downloads > 0 and row_number() over (partition by {SLICE}
            order by round(downloads, 6) desc, organization, line_name) <= 50)
        or (new_derivatives > 0 and row_number() over (partition by {SLICE}
            order by round(new_derivatives, 6) desc, organization, line_name) <= 50)
)
select {SLICE},
    case when is_unknown then '(unknown)' when is_shown then organization || '/' || family_name
        else '(other)' end as family,
    case when is_unknown then '(unknown)' when is_shown then organization || '/' || line_name
        else '(other)' end as family_line,
    case when is_shown then organization end as organization,
    sum(models_count)::bigint as models_count, sum(downloads) as downloads,
    max(largest) as largest, sum(downloads_uncorrected) as downloads_uncorrected,
    sum(new_derivatives) as new_derivatives, reason
from cut_out
left join name using (f)
left join shown using ({SLICE}, organization, line_name)
group by all
"""

# How many have how many downloads: of millions of models some 100,000 counts differ.
COUNTS = f"""
create temp table download_count as
with alone as (
    {
    " union all ".join(
        f'''
    select '{window}' as window_name, is_heir or is_ancestor as is_of_a_family, is_new,
        is_language_model, {measure} as downloads, count(*) as entities
    from fact where {measure} >= 0 group by all'''
        for window, measure in _MEASURE.items()
    )
}
),
together as (
    select 'organization' as level, attribution, o as entity, is_new, is_language_model,
        d_1d, d30, d_all
    from owner_sum
    union all
    select 'model', 'base_model', root, is_new, is_language_model, {
    _CREDITED.replace(
        ", case when credit >= 0.999999999 then u_1d else u_1d * credit end as u_1d", ""
    )
}
    from root join fact using (m)
    union all
    select 'model', 'base_model', m, is_new, is_language_model, d_1d, d30, d_all
    from fact where is_ancestor and not is_heir
),
summed as (
    select level, attribution, cohort, scope, entity, sum(d_1d) as d_1d, sum(d30) as d30,
        sum(d_all) as d_all
    from together join cut on {IN_CUT} group by all
),
counted as (
    select 'model' as level, {SLICE}, downloads, sum(entities)::bigint as entities
    from alone join cut on {IN_CUT}
    join (values ('publisher'), ('base_model')) as a (attribution)
        on attribution = 'publisher' or not is_of_a_family
    group by all
    {
    " ".join(
        f'''
    union all
    select level, '{window}', attribution, cohort, scope, round({measure}, 6), count(*)
    from summed where {measure} >= 0 group by all'''
        for window, measure in _MEASURE.items()
    )
}
)
select level, {SLICE}, downloads, sum(entities)::bigint as entities
from counted
where window_name in (select window_name from measured_window where reason is null)
group by all
"""
PLACED = f"""
create temp table placed as
select *, sum(entities) over (partition by level, {SLICE} order by downloads desc
        rows unbounded preceding) - entities as above,
    sum(entities) over (partition by level, {SLICE}) as n,
    nullif(sum(downloads * entities) over (partition by level, {SLICE}), 0) as total
from download_count
"""

# Releases and launches by week, organization, type, and the home that it had then.
WEEKS = """
create temp table week as
select date_trunc('week', counted_on)::date as week_start_date, counted.o, release_type,
    home.country_key, sum(releases)::bigint as releases, sum(launches)::bigint as launches
from (
    select released_on as counted_on, o, release_type, 1 as releases, 0 as launches
    from release where released_on is not null
    union all
    select launched_on, o, release_type, 0, 1 from launch
) as counted
left join home on counted.o = home.o and counted_on >= home.valid_from
    and counted_on <= coalesce(home.valid_to, date '2999-12-31')
group by all
"""
_TYPE = f"list_extract([{lean_names.quoted(list(TYPES))}], release_type)"


def _share(part: str, whole: str) -> str:
    return f"({part}) / nullif({whole}, 0)"


def _rounded(share: str) -> str:
    """As published; figures of coverage and concentration are not rounded."""
    return f"round({share}, 10)"


# Of rows that are measured, and of whose models no figure is known.
_UNKNOWN = """case when downloads is null then case window_name
            when '30d' then 'the source records no downloads of these models'
            when 'all_time' then 'the source records no downloadsAllTime of these models'
            else 'the counters of these models tell of no part of the window' end end"""


def _measures(is_ranked: str, place: str = "") -> str:
    among_each_other = (
        f"rank() over (partition by {SLICE}, {is_ranked} order by round(downloads, 6) desc)"
    )
    return f"""downloads, models_count,
        {_rounded(_share("downloads", "all_downloads"))} as share_of_all,
        {_rounded(_share("downloads - largest", "all_downloads - largest"))}
            as share_of_all_without_largest_model,
        case when {is_ranked} and downloads is not null and all_downloads > 0
            then {place or among_each_other} end::integer as rank,
        downloads_uncorrected,
        coalesce(reason, {_UNKNOWN}, case when all_downloads = 0
            then 'no model of this slice has downloads' end) as null_reason"""


_PROVISIONAL = "window_name in ('1d', '7d', '28d', '365d')"


def _changes(mart: str, keys: str) -> str:
    """Joins what the state says of a week and of a month before; `{{earlier}}` is its mart."""
    return " ".join(
        f"""left join (
            select {SLICE}, {keys}, share_of_all from {{earlier:{mart}}}
            where snapshot_date = date '{{day}}' - {days}
        ) as {name} using ({SLICE}, {keys})"""
        for name, days in (("week", 7), ("month", 30))
    )


_CHANGED = f"""{_rounded("share.share_of_all - week.share_of_all")} as share_change_7d,
    {_rounded("share.share_of_all - month.share_of_all")} as share_change_30d"""

COUNTRY_SHARE = f"""
with anywhere as (
    select {SLICE}, sum(downloads) as anywhere from contested
    where alternative_country_key is null group by all
),
here as (
    select {SLICE}, country_key, sum(downloads) as here,
        coalesce(sum(downloads) filter (alternative_country_key is null), 0)
            as here_or_anywhere
    from contested group by all
),
elsewhere as (
    select {SLICE}, alternative_country_key as country_key, sum(downloads) as elsewhere
    from contested
    where alternative_country_key <> country_key group by all
),
whole as (
    select {SLICE}, sum(downloads) as all_downloads,
        sum(downloads) filter (length(country_key) = 2) as attributed,
        coalesce(sum(downloads) filter (country_key in {HOMELESS}), 0) as homeless
    from country_slice group by all
),
share as (
    select {SLICE}, country_key, length(country_key) = 2 as is_country,
        case when is_country then country_key end as country_code, {_measures("is_country")},
        case when is_country then {_rounded(_share("downloads", "attributed"))} end
            as share_of_attributed,
        case when is_country then {
    _rounded(_share("downloads - coalesce(here, 0)", "all_downloads"))
} end
            as share_of_all_low,
        case when is_country then {
    _rounded(
        _share(
            "downloads + coalesce(elsewhere, 0) + homeless "
            "+ coalesce(anywhere, 0) - coalesce(here_or_anywhere, 0)",
            "all_downloads",
        )
    )
} end
            as share_of_all_high
    from country_slice
    join whole using ({SLICE})
    left join anywhere using ({SLICE})
    left join here using ({SLICE}, country_key)
    left join elsewhere using ({SLICE}, country_key)
)
select date '{{day}}' as snapshot_date, {SLICE}, country_key, country_code, downloads,
    models_count, share.share_of_all, share_of_attributed, share_of_all_low, share_of_all_high,
    share_of_all_without_largest_model, rank, {_CHANGED}, downloads_uncorrected,
    {_PROVISIONAL} as is_provisional, null_reason
from share {_changes("fct_country_share_daily", "country_key")}
"""
# A rank is the place among all, whether they are listed or not.
ORGANIZATION_SHARE = f"""
with place as (
    select {SLICE}, downloads as rounded, above + 1 as place from placed
    where level = 'organization' and downloads > 0
    union all
    select {SLICE}, 0, sum(entities) + 1 from placed
    where level = 'organization' and downloads > 0
    group by all
),
whole as (
    select {SLICE}, sum(downloads) as all_downloads,
        sum(downloads) filter (length(country_key) = 2) as attributed
    from organization_slice group by all
),
share as (
    select {SLICE}, coalesce(owner.organization, '(other)') as organization, country_key,
        case when length(country_key) = 2 then country_key end as country_code,
        coalesce(owner.canonical_organization, '(other)') as canonical_organization,
        owner.parent, owner.o is not null as is_named, {_measures("is_named", "place")},
        case when length(country_key) = 2 then {_rounded(_share("downloads", "attributed"))} end
            as share_of_attributed
    from organization_slice
    join whole using ({SLICE})
    -- Of more than 10 million downloads two sums of doubles differ in the sixth decimal.
    asof left join place on organization_slice.window_name = place.window_name
        and organization_slice.attribution = place.attribution
        and organization_slice.cohort = place.cohort and organization_slice.scope = place.scope
        and organization_slice.downloads + 1e-5 >= place.rounded
    left join (select * exclude (country_key) from owner) as owner using (o)
)
select date '{{day}}' as snapshot_date, {SLICE}, organization, country_key, country_code,
    canonical_organization, parent, downloads, models_count, share.share_of_all,
    share_of_attributed, share_of_all_without_largest_model, rank, {_CHANGED},
    downloads_uncorrected, {_PROVISIONAL} as is_provisional, null_reason
from share {_changes("fct_organization_share_daily", "organization, country_key")}
"""
FAMILY_SHARE = f"""
with whole as (
    select {SLICE}, sum(downloads) as all_downloads,
        sum(new_derivatives) filter (family <> '(unknown)') as all_derivatives
    from family_slice group by all
),
share as (
    select {SLICE}, family, family_line, organization, organization is not null as is_named,
        {_measures("is_named")}, new_derivatives,
        case when family <> '(unknown)'
            then {_rounded(_share("new_derivatives", "all_derivatives"))} end
            as share_of_new_derivatives,
        case when family = '(unknown)' then 'their root is unknown'
            when coalesce(all_derivatives, 0) = 0
                then 'no new model of this slice has a known root' end
            as derivatives_null_reason
    from family_slice join whole using ({SLICE})
)
select date '{{day}}' as snapshot_date, {SLICE}, family, family_line, organization, downloads,
    models_count, share.share_of_all, share_of_all_without_largest_model, rank, {_CHANGED},
    downloads_uncorrected, new_derivatives::double as new_derivatives,
    share_of_new_derivatives, {_PROVISIONAL} as is_provisional, null_reason,
    derivatives_null_reason
from share {_changes("fct_family_share_daily", "family")}
"""
DERIVATIVES_MONTHLY = """
with scopes as (from (values ('all'), ('language_models')) as scopes (scope)),
name as (select distinct f, organization, family_name, line_name from family),
summed as (
    select date_trunc('month', created_at)::date as month_start_date, scope, f, is_unknown,
        sum(credit) as credit
    from derivative join scopes on scope = 'all' or is_language_model
    where attribution = 'base_model' and created_at is not null
    group by all
),
shown as (
    select month_start_date, scope, organization, line_name, true as is_shown
    from summed join name using (f) where not is_unknown
    group by month_start_date, scope, organization, line_name having sum(credit) > 0
    qualify row_number() over (partition by month_start_date, scope
        order by round(sum(credit), 6) desc, organization, line_name) <= 20
),
labelled as (
    select month_start_date, scope, credit,
        case when is_unknown then '(unknown)'
            when is_shown then organization || '/' || family_name else '(other)' end as family,
        case when is_unknown then '(unknown)'
            when is_shown then organization || '/' || line_name else '(other)' end as family_line
    from summed
    left join name using (f)
    left join shown using (month_start_date, scope, organization, line_name)
)
select month_start_date, scope, family, family_line, date '{day}' as snapshot_date,
    credit as new_derivatives,
    case when family <> '(unknown)' then credit / nullif(sum(credit)
        filter (family <> '(unknown)') over (partition by month_start_date, scope), 0) end
        as share_of_new_derivatives
from (
    select month_start_date, scope, family, family_line, sum(credit)::double as credit
    from labelled group by all
)
"""
COVERAGE = f"""
with slice as (
    select {SLICE}, reason from measured_window cross join cut
    cross join (values ('publisher'), ('base_model')) as attributions (attribution)
),
share as (
    select * from out.fct_organization_share_daily where snapshot_date = date '{{day}}'
),
covered as (
    select {SLICE}, sum(downloads) as all_downloads, max(null_reason) as unknown,
        coalesce(sum(downloads) filter (country_code is not null), 0) as attributed,
        coalesce(sum(downloads) filter (country_code is not null
            or country_key in ('international', 'unattributed_individual')), 0) as accounted,
        -- Of equal ones the first by name.
        min_by(organization, (-downloads, organization)) filter (country_key in {HOMELESS}
            and organization <> '(other)' and downloads > 0) as top
    from share group by all
),
mapped as (
    select {SLICE}, count(*) filter (is_curated) as mapped
    from share join owner using (organization) group by all
),
lineage as (
    select window_name, cohort, scope,
        coalesce(sum({_by_window("")}) filter (is_lineage_known), 0) as known,
        sum({_by_window("")}) as known_of
    from (
        select is_new, is_language_model, is_lineage_known, sum(d_1d) as d_1d,
            sum(d30) as d30, sum(d_all) as d_all
        from fact group by all
    ) join cut on {IN_CUT} cross join measured_window group by all
)
select date '{{day}}' as snapshot_date, {SLICE},
    {_share("attributed", "all_downloads")} as downloads_attributed_share,
    {_share("accounted", "all_downloads")} as downloads_accounted_share,
    case when all_downloads > 0 then {_share("known", "known_of")} end
        as downloads_with_known_lineage_share,
    coalesce(mapped, 0)::bigint as organizations_mapped_count,
    top as unattributed_top_organization,
    coalesce(reason, case when all_downloads is null then unknown end,
        case when coalesce(all_downloads, 0) = 0
        then 'no model of this slice has downloads' end) as null_reason
from slice
left join covered using ({SLICE})
left join mapped using ({SLICE})
left join lineage using (window_name, cohort, scope)
"""


def _within(k: str) -> str:
    return f"sum(downloads * greatest(least({k} - above, entities), 0)) / any_value(total)"


CONCENTRATION = f"""
with slice as (
    select level, {SLICE}, reason from measured_window cross join cut
    cross join (values ('publisher'), ('base_model')) as attributions (attribution)
    cross join (values ('model'), ('organization')) as levels (level)
),
measured as (
    select level, {SLICE}, any_value(n)::bigint as all_entities,
        10000 * sum(power(downloads / total, 2) * entities) as hhi,
        (any_value(n) + 1 - sum(downloads * entities * (2 * above + entities + 1)
            / total)) / any_value(n) as gini,
        {_within("1")} as top_1_share, {_within("10")} as top_10_share,
        {_within("100")} as top_100_share, {_within("1000")} as top_1000_share,
        {_within("ceil(n / 100)")} as top_1_percent_share
    from placed group by all
),
unknown as (
    select {SLICE}, max(null_reason) as unknown from out.fct_country_share_daily
    where snapshot_date = date '{{day}}' group by all having count(downloads) = 0
)
select date '{{day}}' as snapshot_date, {SLICE}, level,
    case when reason is null and unknown is null then coalesce(all_entities, 0)::bigint end
        as entities_count,
    hhi, gini, top_1_share, top_10_share, top_100_share, top_1000_share, top_1_percent_share,
    coalesce(reason, unknown, case when hhi is null
        then 'no model of this slice has downloads' end) as null_reason
from slice left join measured using (level, {SLICE}) left join unknown using ({SLICE})
"""
COUNTRY_GAP = f"""
with share as (
    select * from out.fct_country_share_daily
    where snapshot_date = date '{{day}}' and rank <= 20 and downloads > 0
)
select date '{{day}}' as snapshot_date, {SLICE}, one.country_key,
    other.country_key as other_country_key,
    {_rounded("one.share_of_all - other.share_of_all")} as gap,
    {_rounded("one.share_of_all_low - other.share_of_all_high")} as gap_low,
    {_rounded("one.share_of_all_high - other.share_of_all_low")} as gap_high,
    {_rounded("one.share_change_7d - other.share_change_7d")} as gap_change_7d,
    one.is_provisional
from share as one join share as other using ({SLICE})
where one.country_key < other.country_key
"""
# Who passed whom since the last measured day, and who of those before is still ahead. Who was there
# and not listed was behind the 500 largest. Who was equal or unknown then was behind on a day
# before: a lead of a week, which would count, is not known here yet, one that goes on is.
OVERTAKES = f"""
with entity as (
    select snapshot_date, {SLICE}, 'country' as entity_kind, country_key as entity, share_of_all,
        share_of_all_low as low, share_of_all_high as high, rank <= 20 as is_large,
        true as is_listed
    from out.fct_country_share_daily
    where rank is not null
    union all
    select snapshot_date, {SLICE}, 'organization', organization, share_of_all, share_of_all,
        share_of_all, rank <= 50, rank <= 500
    from out.fct_organization_share_daily
    where rank is not null
    union all
    select snapshot_date, {SLICE}, 'country', country_key, null, null, null, false, false
    from out.fct_country_share_daily
    where downloads is null and country_code is not null
    union all
    select snapshot_date, {SLICE}, 'organization', organization, null, null, null, false, false
    from out.fct_organization_share_daily
    where downloads is null and organization <> '(other)'
),
today as (select * from entity where snapshot_date = date '{{day}}'),
large as (
    select today.*, before.share_of_all as share_before, before.is_listed as was_listed,
        before.entity is not null and before.share_of_all is null as was_unknown
    from today left join (select * from entity where snapshot_date = date '{{before}}') as before
        using ({SLICE}, entity_kind, entity)
    where today.is_large and date '{{before}}' < date '{{day}}'
),
unlisted as (
    select large.*, md5_number(entity) as o
    from large
    semi join (
        select * from {{earlier:fct_organization_share_daily}}
        where organization = '(other)' and snapshot_date = date '{{before}}'
    ) using ({SLICE})
    where share_before is null and not was_unknown and entity_kind = 'organization'
        and entity in (select organization from known_owner)
),
own as (
    select m, 'publisher' as attribution, o from fact where o in (select o from unlisted)
    union all
    select m, 'base_model', o from fact where not is_heir and o in (select o from unlisted)
    union all
    select m, 'base_model', root_o from root
    where credit >= 0.999999999 and root_o in (select o from unlisted)
),
model as (
    select own.*, is_new, is_language_model, first_seen_on < date '{{before}}'
        or first_created_at::date >= first_seen_on - 1 as has_flow
    from own join (select * exclude (o) from temp.today) as model_today using (m) where was_there
),
step as (
    select * from large where share_before is not null or was_unknown
    union all
    select * exclude (o) from unlisted
    semi join model on model.o = unlisted.o and model.attribution = unlisted.attribution
        and (cohort = 'all' or is_new) and (scope = 'all' or is_language_model)
        and (window_name in ('30d', 'all_time') or has_flow)
),
ahead as (
    select {SLICE}, entity_kind, leader.entity as leader, follower.entity as follower,
        leader.share_of_all as leader_share, follower.share_of_all as follower_share,
        leader.was_unknown or follower.was_unknown
            or coalesce(leader.share_before = follower.share_before, false) as was_open
    from step as leader join step as follower using ({SLICE}, entity_kind)
    where leader.share_of_all > follower.share_of_all
        and (leader.share_before <= follower.share_before
            or (leader.share_before is null and follower.was_listed)
            or leader.was_unknown or follower.was_unknown)
),
together as (
    select {SLICE}, entity_kind, leader, follower,
        one.share_of_all - other.share_of_all as lead, one.snapshot_date,
        date '{{day}}' - one.snapshot_date = row_number() over (
            partition by {SLICE}, entity_kind, leader, follower
            order by one.snapshot_date desc) as is_unbroken
    from (select * from ahead where was_open)
    join (select *, entity as leader from entity
        where entity in (select leader from ahead where was_open)) as one
        using ({SLICE}, entity_kind, leader)
    join (select *, entity as follower from entity
        where entity in (select follower from ahead where was_open)) as other
        using ({SLICE}, entity_kind, follower, snapshot_date)
    where one.snapshot_date < date '{{day}}'
),
passed as (
    select * from ahead where not was_open
    union all
    select * from ahead
    semi join (
        select {SLICE}, entity_kind, leader, follower from together
        where is_unbroken and lead is not null
        group by all having min(lead) < 0 and arg_max(lead, snapshot_date) <= 0
    ) using ({SLICE}, entity_kind, leader, follower)
    where was_open
),
waiting as (
    select earlier.*, one.low > other.high as is_clear, one.entity is not null as is_there,
        (one.entity is not null and one.share_of_all is null)
            or (other.entity is not null and other.share_of_all is null) as is_open,
        coalesce(one.share_of_all, 0) > coalesce(other.share_of_all, 0) as is_ahead,
        not is_open and overtaken_on <= date '{{day}}' - 7 as is_told
    from {{earlier:fct_overtakes}} as earlier
    left join today as one on one.entity = leader
        and (one.entity_kind, one.window_name, one.attribution, one.cohort, one.scope) =
            (earlier.entity_kind, earlier.window_name, earlier.attribution, earlier.cohort,
                earlier.scope)
    left join today as other on other.entity = follower
        and (other.entity_kind, other.window_name, other.attribution, other.cohort, other.scope) =
            (earlier.entity_kind, earlier.window_name, earlier.attribution, earlier.cohort,
                earlier.scope)
    where not confirmed
)
select date '{{day}}' as overtaken_on, {SLICE}, entity_kind, leader, follower, leader_share,
    follower_share, false as confirmed, null::date as confirmed_on, false as is_certain
from passed
union all
select * from {{earlier:fct_overtakes}} where confirmed
union all
select * exclude (is_ahead, is_open, is_clear, is_there, is_told) replace (
    is_told as confirmed, case when is_told then date '{{day}}' end as confirmed_on,
    is_told and coalesce(is_clear, is_there) as is_certain)
from waiting where is_ahead or is_open
"""
# Millions of owners who are not listed are one, before anything is named.
RELEASE_CADENCE = f"""
with listed as (
    select o from week group by o
    qualify count(*) over () <= 20000 or sum(releases) >= 20 or o in (select o from home)
),
by_type as (
    select week_start_date, coalesce(listed.o, 0) as o, release_type,
        sum(releases) as releases, sum(launches) as launches
    from week left join listed using (o) group by all
),
summed as (
    select week_start_date, o, grouping(o) = 1 as is_all, release_type,
        sum(releases)::bigint as releases, sum(launches)::bigint as launches
    from by_type
    group by grouping sets ((week_start_date, o, release_type), (week_start_date, o),
        (week_start_date, release_type), (week_start_date))
)
select week_start_date, case when is_all then '(all)' else coalesce(organization, '(other)') end
    as organization, coalesce({_TYPE}, 'all') as release_type, releases as releases_count,
    launches as launches_count
from summed left join owner using (o)
"""
COUNTRY_CADENCE = f"""
with by_owner as (
    select week_start_date, coalesce(week.country_key, 'unattributed_' || owner_type)
        as country_key, o, release_type, sum(releases) as releases, sum(launches) as launches
    from week join owner using (o) group by all
),
summed as (
    select week_start_date, country_key, release_type, sum(releases)::bigint as releases,
        sum(launches)::bigint as launches, count(*) filter (releases > 0) as organizations
    from by_owner group by all
    union all
    select week_start_date, country_key, null, sum(releases)::bigint, sum(launches)::bigint,
        count(*) filter (releases > 0)
    from (
        select week_start_date, country_key, o, sum(releases) as releases,
            sum(launches) as launches
        from by_owner group by all
    )
    group by all
)
select week_start_date, country_key, coalesce({_TYPE}, 'all') as release_type,
    releases as releases_count, launches as launches_count, organizations as organizations_count
from summed
"""
ORGANIZATION_CADENCE = """
with year as (
    select o, count(*) as launches, max(launched_on) as last_on from launch
    where launched_on <= date '{day}' and launched_on > date '{day}' - 365
    group by o
    qualify count(*) over () <= 20000 or launches >= 12 or o in (select o from home)
),
launched as (
    select o, launched_on, ((date_trunc('week', date '{day}')::date
        - date_trunc('week', launched_on)::date) / 7)::integer as weeks_ago
    from launch semi join year using (o) where launched_on <= date '{day}'
),
gap as (
    select o, launched_on - lag(launched_on) over (partition by o order by launched_on) as days
    from launched where launched_on > date '{day}' - 365
),
rhythm as (
    select o, median(days)::double as median_days, quantile_cont(days, 0.9)::double as p90_days
    from gap where days is not null group by o
),
weeks as (
    select o, weeks_ago, weeks_ago - row_number() over (partition by o order by weeks_ago)
        as unbroken
    from (select distinct o, weeks_ago from launched)
),
in_weeks as (
    select o, count(*) filter (weeks_ago < 52) / 52.0::double as share from weeks group by o
),
-- The week of the day is not over: without a launch it breaks no streak.
streak as (
    select o, count(*) as streak from weeks where unbroken in (-1, 0)
    group by o, unbroken having min(weeks_ago) <= 1
),
released as (
    select o, count(*) filter (released_on > date '{day}' - 365 and released_on <= date '{day}')
        as releases, count(*) filter (released_on is null) as undated
    from release semi join year using (o) group by o
)
select date '{day}' as snapshot_date, organization, launches as launches_365d,
    releases as releases_365d, median_days as median_days_between_launches,
    p90_days as p90_days_between_launches, coalesce(share, 0) as share_of_weeks_with_launch,
    coalesce(streak, 0)::bigint as current_week_streak,
    date '{day}' - last_on as days_since_last_launch, undated as releases_undated_count
from year join owner using (o) join released using (o)
left join rhythm using (o) left join in_weeks using (o) left join streak using (o)
"""
RELEASE_DATES = f"""
select list_extract([{lean_names.quoted(list(SOURCES))}], source) as release_date_source,
    case when grouping(release_type) = 1 then 'all' else {_TYPE} end as release_type,
    count(*) as releases_count, min(released_on) as first_released_on,
    max(released_on) as last_released_on
from release group by grouping sets ((source, release_type), (source))
"""
DIM_MODELS = f"""
with single as (
    select m, root from root where credit >= 0.999999999
    union all
    select m, root from root
    left join (select m as root, model_id from today) as here using (root)
    left join (select m as root, model_id from absent) as away using (root)
    where credit < 0.999999999
    qualify row_number() over (partition by m order by round(credit, 9) desc,
        coalesce(here.model_id, away.model_id)) = 1
),
told as (
    select single.m, coalesce(here.model_id, absent.model_id) as root_id,
        coalesce(here.organization, absent.organization) as root_organization
    from single
    left join (select m, model_id, organization from today) as here on root = here.m
    left join absent on root = absent.m
)
select model_key, model_id, organization, first_created_at as created_at, {_TYPE} as release_type,
    release_group, coalesce(root_id, model_id) as root_base_model,
    coalesce(root_organization, organization) as root_organization, library_name, pipeline_tag,
    license, parameters_count, first_seen_on, date '{{day}}' as last_seen_on
from (
    select today.* exclude (release_type, release_group),
        coalesce(classes.release_type, today.release_type) as release_type,
        coalesce(classes.release_group, today.release_group) as release_group
    from today left join classes using (k)
) as today
left join told on today.m = told.m
union all
select * from {{earlier:dim_models}}
where md5_number(model_key) in (select k from release where not is_here)
"""
DIM_ORGANIZATIONS = """
select organization, valid_from, canonical_organization, country_key, alternative_country_key,
    organization_type, parent, confidence, evidence, valid_to,
    date '{day}' >= valid_from and date '{day}' <= coalesce(valid_to, date '2999-12-31')
        as is_current
from home
union all
select organization, date '1900-01-01', organization, 'unattributed_' || owner_type, null,
    owner_type, null, null, owner_evidence, null, true
from owner where o not in (select o from home)
"""
DIM_COUNTRIES = """
select country_code as country_key, country_code, country_name, region, sub_region, is_eu
from read_csv('{seeds}/countries.csv', header = true, quote = '"', types = {
    'country_code': 'varchar', 'is_eu': 'boolean'}, nullstr = '')
union all
select country_key, null, country_name, null, null, false
from (values ('international', 'International communities'),
    ('unattributed_individual', 'Individuals'),
    ('unattributed_organization', 'Organizations not yet mapped'),
    ('unattributed_unknown', 'Owners nobody told us of')) as keys (country_key, country_name)
"""
DIM_DATES = """
select date_day, date_trunc('week', date_day)::date as week_start_date,
    extract(isoyear from date_day)::integer as iso_year,
    extract(week from date_day)::integer as iso_week,
    date_trunc('month', date_day)::date as month_start_date,
    date_day in (select snapshot_date from known_day union all select date '{day}')
        as has_snapshot
from (
    select unnest(generate_series(date_trunc('week', least(date '2022-01-03',
        (select min(released_on) from release), date '{first}')), timestamp '{day}',
        interval 1 day))::date as date_day
)
"""

_BUCKET = """case when parameters_count is null or parameters_count <= 0 then null
    when parameters_count < 1e9 then '<1B' when parameters_count < 5e9 then '1-5B'
    when parameters_count < 1e10 then '5-10B' when parameters_count < 5e10 then '10-50B'
    when parameters_count < 1e11 then '50-100B' when parameters_count < 2.5e11 then '100-250B'
    else '250B+' end"""
# Levels on the day that a model reaches an age; what was said once stays.
LEVELS = f"""
create temp table level as
select release.k, age_days, date '{{day}}' as told_on,
    greatest(counter, coalesce({FLOOR}, counter))::double as downloads
from release
join (select unnest([{", ".join(map(str, AGES))}]) as age_days)
    on released_on = date '{{day}}' - age_days
join (select k, counter, counter_before, counted_on, floor from today) as today
    on release.k = today.k
where downloads >= 100 and '{{state}}' = 'ok'
union all
from known_level
"""
RELATIVE_ADOPTION = f"""
with adopted as (select k, max(downloads) as downloads from level group by k),
recent as (
    select k, o, released_on, is_here from release
    where release_type in (1, 2) and released_on > date '{{first}}' - 365
),
trained as (
    select k, model_id, organization, released_on, {_BUCKET} as size_bucket,
        greatest(coalesce(adopted.downloads, 0), coalesce(d30, 0)) >= 1000 as is_listed
    from (
        select k, recent.o, released_on, model_id, parameters_count, d30, last_seen_on
        from recent
        join (select k, model_id, parameters_count, d30, date '{{day}}' as last_seen_on
            from today where is_language_model) as here using (k)
        union all
        select k, recent.o, released_on, model_id, gone.parameters_count, downloads_30d,
            known.last_seen_on
        from recent
        join known using (k)
        join {{earlier:dim_models}} as gone on md5_number(gone.model_key) = k
        where not is_here and is_language_model
    )
    left join adopted using (k) join owner using (o)
    where is_listed or adopted.k is not null
    qualify row_number() over (partition by model_id order by last_seen_on desc, k) = 1
),
once as (
    from level qualify row_number() over (partition by k, age_days order by told_on) = 1
),
measured as (
    select trained.*, age_days, released_on + age_days as reached_on, told_on as measured_on,
        downloads
    from trained
    join (select unnest([{", ".join(map(str, AGES))}]) as age_days)
        on released_on + age_days <= date '{{day}}'
    left join once using (k, age_days)
),
standard as (
    select distinct size_bucket, age_days, measured_on, count(*) over known as models,
        list_aggregate(max(downloads, 10) over known, 'median') as reference_median
    from measured where size_bucket is not null and downloads is not null
    window known as (partition by size_bucket, age_days order by measured_on
        range between unbounded preceding and current row)
),
full_one as (
    select *, min(measured_on) over (partition by size_bucket, age_days) as first_full_on
    from standard where models >= 10
)
select model_id as model, measured.age_days::integer as age_days, organization, released_on,
    measured.size_bucket, measured.measured_on, downloads, reference_median,
    full_one.measured_on as reference_date, downloads / reference_median as relative_adoption,
    case when date '{{first_usable}}' is null then 'the source records no downloadsAllTime'
        when reached_on < date '{{first_usable}}'
            then 'the age was reached before the counters are known, since {{first_usable}}'
        when reached_on > date '{{last_usable}}'
            then 'the counters stood still: known when they move again'
        when downloads is null
            then 'fewer than 100 downloads then, or not seen around that day'
        when measured.size_bucket is null then 'the source tells no number of parameters'
        when reference_median is null
            then 'fewer than 10 models of this size are known at this age' end as null_reason
from measured
left join (select distinct size_bucket, age_days, first_full_on from full_one) as first_one
    using (size_bucket, age_days)
left join full_one on measured.size_bucket = full_one.size_bucket
    and measured.age_days = full_one.age_days and downloads is not null
    and full_one.measured_on = greatest(measured.measured_on, first_one.first_full_on)
where is_listed
"""
# The 1,000 largest corrections of a kind, the others together.
ADJUSTMENTS = """
with corrected as (
    select model_key, counter, counter_before, counted_on, floor,
        coalesce(counter < counter_before, false) as is_fall,
        counter_before is null as is_arrival, counted_on < date '{before}' as is_return,
        {corrected} as corrected, {uncorrected} as uncorrected
    from today
    where counter is not null and {is_measured} and '{state}' = 'ok' and (counter < counter_before
        or floor is not null or (counter_before is null
            and not coalesce(created_at::date >= date '{before}', false)))
),
told as (
    select model_key, counted_on,
        case when is_arrival then 0 else corrected - uncorrected end as amount,
        case when is_fall then 'fall' when is_arrival then 'first_observation'
            else 'held_level' end as kind,
        case when is_fall or is_return then counter_before end as counter_before,
        case when is_fall or is_return or is_arrival then counter end as counter_after
    from corrected where is_arrival or corrected is distinct from uncorrected
),
placed as (
    select *, case kind
        when 'fall' then 'the counter is below that of ' || counted_on || ': nothing is counted '
            || 'until it passes its old maximum'
        when 'first_observation' then 'created before {before}, when nobody saw it: what it had '
            || 'before is in no day'
        else 'the counter fell before: it counts beyond its old maximum' end as why,
        row_number() over (partition by kind order by abs(amount) desc,
        counter_after desc nulls last, model_key) <= 1000 as is_alone
    from told
)
select date '{day}' as snapshot_date, case when is_alone then model_key
        else '(other: ' || kind || ')' end as model_key, kind, sum(amount)::double as amount,
    count(*) as models_count, max(counter_before) filter (is_alone) as counter_before,
    max(counter_after) filter (is_alone) as counter_after,
    min(why) as why
from placed group by all
union all
select date '{day}', '(all)', case '{state}' when 'held' then 'rollback' else 'stall' end, null,
    common, null, null, (select max(reason) from measured_window where window_name = '1d')
from status where '{state}' in ('held', 'stalled')
"""
