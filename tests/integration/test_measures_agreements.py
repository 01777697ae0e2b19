"""What gate 3 asks of two marts at once: right of real marts, wrong of each that is changed."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.gates import candidate_frames
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
