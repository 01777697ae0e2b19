"""What gate 3 asks of several marts at once: right of real marts, wrong of each that is changed."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from orchestration.gates import candidate_frames, completeness
from orchestration.gates.candidate_checks import MART_CHECKS
from orchestration.gates.tables import TABLES
from tests.integration.built_world import Built

pytestmark = pytest.mark.xdist_group("measures")

(CHECK,) = MART_CHECKS
ADOPTION, CADENCE = "fct_relative_adoption", "fct_organization_cadence_daily"
LAST = "snapshot_date = (select max(snapshot_date) from fct_claims)"
# What is done to the marts, and the telling that must tell.
CHANGES = {
    "nobody stands in a cohort that nobody can tell": (
        "update fct_mapping_coverage_daily set organizations_mapped_count = null where "
        f"{LAST} and cohort = 'new_365d'; "
        f"delete from fct_family_share_daily where {LAST} and cohort = 'new_365d'",
        "a cohort that nobody can tell has its rows",
    ),
    "a month loses a family": (
        "delete from fct_family_derivatives_monthly where family = (select max(family) "
        "from fct_family_derivatives_monthly where share_of_new_derivatives > 0)",
        "new derivatives of a month sum to one",
    ),
    "new derivatives are counted twice": (
        "update fct_family_derivatives_monthly set new_derivatives = 2 * new_derivatives",
        "new derivatives of the months are among those of all time",
    ),
    "an adoption is scaled by 1.01": (
        f"update {ADOPTION} set relative_adoption = 1.01 * relative_adoption where rowid = "
        f"(select max(rowid) from {ADOPTION} where relative_adoption is not null)",
        "relative adoption is downloads by the reference",
    ),
    "an adoption is null without a reason": (
        f"update {ADOPTION} set relative_adoption = null where rowid = "
        f"(select max(rowid) from {ADOPTION} where relative_adoption is not null)",
        "relative adoption is downloads by the reference",
    ),
    "a reference is scaled with its adoption": (
        f"update {ADOPTION} set reference_median = 2 * reference_median, "
        "relative_adoption = relative_adoption / 2",
        "the reference is the median of the ten largest",
    ),
    "a reference leaves out the largest": (
        f"update {ADOPTION} set reference_median = reference_median * 65 / 75, "
        "relative_adoption = relative_adoption * 75 / 65",
        "the reference is the median of the ten largest",
    ),
    "a reference holds one that is not listed and had more than 1,000": (
        f"update {ADOPTION} set reference_median = reference_median * 85 / 75, downloads = "
        "downloads * 2, relative_adoption = relative_adoption * 2 * 75 / 85",
        "the reference is the median of the ten largest",
    ),
    "an organization launched in another week": (
        f"update {CADENCE} set days_since_last_launch = days_since_last_launch + 14",
        "the rhythm of an organization is that of its weeks",
    ),
    "a week with a launch is not counted": (
        f"update {CADENCE} set share_of_weeks_with_launch = share_of_weeks_with_launch - 1 / 52.0",
        "the rhythm of an organization is that of its weeks",
    ),
    "launches of a year are counted twice": (
        f"update {CADENCE} set launches_365d = 3 * launches_365d",
        "the rhythm of an organization is that of its weeks",
    ),
    "an overtake changes its leader": (
        "update fct_overtakes set leader = follower, follower = leader",
        "who overtook had more, and has when it is confirmed",
    ),
    "an overtake is confirmed on the day": (
        "update fct_overtakes set confirmed = true, confirmed_on = overtaken_on",
        "who overtook had more, and has when it is confirmed",
    ),
    "who is overtaken is unknown on the day of its confirmation": (
        "update fct_country_share_daily as shares set downloads = null, share_of_all = null, "
        "rank = null from fct_overtakes as overtakes where snapshot_date = confirmed_on "
        "and entity_kind = 'country' and country_key = follower "
        "and shares.window_name = overtakes.window_name "
        "and shares.attribution = overtakes.attribution "
        "and shares.cohort = overtakes.cohort and shares.scope = overtakes.scope",
        "who overtook had more, and has when it is confirmed",
    ),
    "a verdict is turned": (
        "update fct_claims set verdict_today = 'holds' where verdict_today = 'does not hold'",
        "a verdict is that of what was measured",
    ),
    "a claim is measured wrong, with its verdict": (
        f"update fct_claims set measured_value = 1.001 * measured_value where {LAST} and measure "
        "in ('country_share', 'downloads_total', 'organizations_share', 'derivative_share')",
        "what is measured for a claim is what the marts say",
    ),
}


@pytest.fixture
def marts(at_once: Built) -> duckdb.DuckDBPyConnection:
    """The published tables of the world, in memory: a test may change them."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as candidate")
    connection.execute("use candidate")
    connection.execute(f"attach '{at_once.home.warehouse}' as warehouse (read_only)")
    there = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = 'warehouse' and table_schema = 'marts'"
    ).fetchall()
    for (table,) in there:
        if table in TABLES:
            connection.execute(f"create table {table} as from warehouse.marts.{table}")
    connection.execute("detach warehouse")
    # This world is too small for a reference: twelve models of one size have one.
    connection.execute(
        f"""
        insert into {ADOPTION} by name
        select 'acme/model-' || n as model, 7 as age_days, 'acme' as organization,
            date '2026-09-01' as released_on, '250B+' as size_bucket,
            date '2026-09-08' as measured_on, 100.0 * n as downloads,
            750.0 as reference_median, date '2026-09-08' as reference_date,
            downloads / reference_median as relative_adoption
        from range(1, 13) as numbers (n)
        """
    )
    return connection


def gaps(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    found = candidate_frames.marts(connection)
    # Nothing to compare is no difference.
    return dict(zip(found["what"], found["mart_gap"].fillna(0), strict=True))


def test_two_tellings_agree(marts: duckdb.DuckDBPyConnection) -> None:
    assert CHECK.most is not None
    found = gaps(marts)
    assert {what: gap for what, gap in found.items() if gap > CHECK.most} == {}
    assert found.keys() >= {what for _, what in CHANGES.values()}


@pytest.mark.parametrize("change", CHANGES)
def test_what_disagrees_is_told(marts: duckdb.DuckDBPyConnection, change: str) -> None:
    sql, what = CHANGES[change]
    marts.execute(sql)
    assert gaps(marts)[what] > (CHECK.most or 0)


# The marts that tell of every day, and those that have something in every slice of the countries.
DAILY = (
    "fct_organization_share_daily",
    "fct_family_share_daily",
    "fct_mapping_coverage_daily",
    "fct_concentration_daily",
    "fct_claims",
    CADENCE,
)
SLICED = (*DAILY[:4], "fct_country_gap_daily")
SLICE = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
# The second day, one amid them, and the newest; no day is missing before the first.
WHICH_DAYS = {"second": 1, "middle": 30, "newest": -1}


def incomplete(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """By mart: days that differ from those of the countries, and slices that it lacks."""
    found = completeness.missing(connection)
    counts = zip(found["days_differ"], found["slices_missing"], strict=True)
    told = dict(zip(found["table_name"], counts, strict=True))
    assert told.keys() >= {*DAILY, *SLICED}
    return {table: both for table, both in told.items() if both != (0, 0)}


def days(connection: duckdb.DuckDBPyConnection) -> list[date]:
    found = "select distinct snapshot_date from fct_country_share_daily order by all"
    return [day for (day,) in connection.execute(found).fetchall()]


def test_real_marts_tell_of_every_day_and_slice(marts: duckdb.DuckDBPyConnection) -> None:
    assert incomplete(marts) == {}


@pytest.mark.parametrize("which", WHICH_DAYS)
@pytest.mark.parametrize("table", DAILY)
def test_a_day_that_a_mart_lacks_is_told(
    marts: duckdb.DuckDBPyConnection, table: str, which: str
) -> None:
    day = days(marts)[WHICH_DAYS[which]]
    marts.execute(f"delete from {table} where snapshot_date = ?", [day])
    found = incomplete(marts)
    assert found.keys() == {table}
    assert found[table][0] == 1


@pytest.mark.parametrize("table", SLICED)
def test_a_slice_that_a_mart_lacks_is_told(marts: duckdb.DuckDBPyConnection, table: str) -> None:
    marts.execute(f"delete from {table} where {SLICE} and snapshot_date = ?", [days(marts)[30]])
    assert incomplete(marts) == {table: (0, 1)}


def test_a_concentration_of_models_alone_is_told(marts: duckdb.DuckDBPyConnection) -> None:
    marts.execute(
        f"delete from fct_concentration_daily where {SLICE} and level = 'organization' "
        "and snapshot_date = ?",
        [days(marts)[30]],
    )
    assert incomplete(marts) == {"fct_concentration_daily": (0, 1)}


@pytest.mark.parametrize("table", [*DAILY, "fct_country_gap_daily"])
def test_a_day_that_only_one_mart_has_is_told(marts: duckdb.DuckDBPyConnection, table: str) -> None:
    newest = days(marts)[-1]
    marts.execute(
        f"insert into {table} select * replace (snapshot_date + 1 as snapshot_date) "
        f"from {table} where snapshot_date = ?",
        [newest],
    )
    assert incomplete(marts) == {table: (1, 0)}


HONEST = {
    "nobody claims anything": "delete from fct_claims",
    "nobody has launched for half a year, then nobody for a year": (
        f"update {CADENCE} set days_since_last_launch = 200; "
        f"delete from {CADENCE} where snapshot_date > date '2026-09-30'"
    ),
    "no creation date is known": f"delete from {CADENCE}",
    "one country alone has downloads": (
        "update fct_country_share_daily set downloads = 0 "
        "where country_code is not null and country_key <> 'US'; delete from fct_country_gap_daily"
    ),
    "no model of a day is a language model": "; ".join(
        f"delete from {table} where scope = 'language_models'"
        for table in ("fct_country_share_daily", *SLICED[:2], "fct_country_gap_daily")
    ),
}


@pytest.mark.parametrize("honest", HONEST)
def test_what_need_not_be_there_is_not_missed(
    marts: duckdb.DuckDBPyConnection, honest: str
) -> None:
    marts.execute(HONEST[honest])
    assert incomplete(marts) == {}
