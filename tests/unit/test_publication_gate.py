"""Gate 3 as the publisher asks it: each corruption of the marts is refused, `current` stays."""

from __future__ import annotations

import dataclasses
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import Refusal
from orchestration.gates import candidate, raw
from orchestration.home import Home
from orchestration.publication import generation, refusals, swap, verify
from orchestration.snapshots import store
from tests.unit.marts_fixture import FIRST_DAY, build_warehouse, home_with_marts, seal

pytestmark = pytest.mark.xdist_group("publication_gate")
DAYS = 3


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = home_with_marts(tmp_path_factory.mktemp("gate") / "home", DAYS)
    publication = swap.publish(home, code_version="1")
    assert [str(one) for one in publication.outcomes if one.status != "passed"] == []
    names = [check.name for check in (*verify.CHECKS, *candidate.CHECKS)]
    assert [one.name for one in publication.outcomes] == names
    return home


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    """A copy of a home with one generation, whose warehouse a test may corrupt."""
    shutil.copytree(published.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


MAIN = "window_name = '30d' and attribution = 'publisher' and cohort = 'all'"
LAST = f"snapshot_date = date '{FIRST_DAY + timedelta(days=DAYS - 1)}'"
COUNTRY = "marts.fct_country_share_daily"
ORGANIZATION = "marts.fct_organization_share_daily"
FAMILY = "marts.fct_family_share_daily"
COVERAGE = "marts.fct_mapping_coverage_daily"
# What happens to the marts after all tests of dbt, and the check that must tell.
CORRUPTIONS: dict[str, tuple[str, str]] = {
    "a column is renamed": (
        f"alter table {COUNTRY} rename share_of_all to share",
        "columns_published",
    ),
    "a column is added": (
        "alter table marts.dim_countries add column notes varchar",
        "columns_published",
    ),
    "a column changes its type": (
        f"alter table {COUNTRY} alter models_count type double",
        "columns_published",
    ),
    "columns change places": (
        "create or replace table marts.dim_dates as "
        "select week_start_date, * exclude (week_start_date) from marts.dim_dates",
        "columns_published",
    ),
    "a mart is emptied": (
        "delete from marts.fct_snapshot_quality_daily",
        "tables_not_emptied",
    ),
    "a fact row is dropped": (
        f"delete from {COUNTRY} where {MAIN} and {LAST} and country_key = 'FR'",
        "shares_sum_to_one",
    ),
    "a fact row is doubled": (
        f"insert into {COUNTRY} from {COUNTRY} where {MAIN} and {LAST} and country_key = 'FR'",
        "grain_unique",
    ),
    "a share is scaled by 1.01": (
        f"update {COUNTRY} set share_of_all = share_of_all * 1.01 where {MAIN} and {LAST} "
        "and country_key = 'DE'",
        "shares_are_ratios",
    ),
    "an organization's share is scaled by 1.01": (
        f"update {ORGANIZATION} set share_of_all = share_of_all * 1.01 where {MAIN} and {LAST} "
        "and organization = 'owner-3'",
        "shares_are_ratios",
    ),
    "downloads are scaled by 1.01 with their share": (
        f"update {COUNTRY} set downloads = downloads * 1.01 where {MAIN} and {LAST}",
        "downloads_reconcile",
    ),
    "cumulative downloads are scaled by 1.01": (
        f"update {COUNTRY} set downloads = downloads * 1.01 where window_name = 'all_time'",
        "downloads_all_time_reconcile",
    ),
    "downloads of an organization are moved to another": (
        f"update {ORGANIZATION} set downloads = downloads + "
        "if(organization = 'owner-1', 1e4, -1e4), share_of_all = null, null_reason = 'x' "
        f"where {MAIN} and {LAST} and organization in ('owner-1', 'owner-2')",
        "organizations_add_up_to_countries",
    ),
    "a family is lost with its share": (
        f"update {FAMILY} set downloads = 0, share_of_all = 0 where {MAIN} and {LAST} "
        "and organization = 'owner-1'; "
        f"update {FAMILY} as facts set share_of_all = facts.downloads / total from (select "
        f"sum(downloads) as total from {FAMILY} where {MAIN} and {LAST}) where {MAIN} and {LAST}",
        "families_add_up_to_countries",
    ),
    "a family's new derivatives are scaled by 1.01": (
        f"update {FAMILY} set share_of_new_derivatives = share_of_new_derivatives * 1.01 "
        f"where {MAIN} and {LAST} and organization = 'owner-1'",
        "derivatives_sum_to_one",
    ),
    "coverage is scaled by 1.01": (
        "update marts.fct_mapping_coverage_daily set downloads_attributed_share = "
        f"downloads_attributed_share * 1.01 where {MAIN} and {LAST}",
        "coverage_adds_up",
    ),
    "a release is counted twice for its organization": (
        "update marts.fct_release_cadence_weekly set releases_count = releases_count + 1 "
        "where organization = 'owner-3'",
        "marts_agree",
    ),
    "releases of one type are dropped": (
        "delete from marts.fct_release_cadence_weekly where release_type = 'base'",
        "marts_agree",
    ),
    "an adjustment is invented": (
        f"insert into marts.fct_flow_adjustments select snapshot_date, model_key, 'fall', 1e6, 1, "
        f"null, null, 'it fell' from marts.dim_models, (select date '{FIRST_DAY}') as day"
        "(snapshot_date) limit 1",
        "adjustments_reconcile",
    ),
    "a model is dropped from its dimension": (
        f"delete from marts.dim_models where rowid = 7 and last_seen_on = {LAST.split(' = ')[1]}",
        "models_reconcile",
    ),
    "a model is counted twice": (
        f"update {COUNTRY} set models_count = models_count + 1 where {MAIN} and {LAST} "
        "and country_key = 'US'",
        "models_reconcile",
    ),
    "a band does not hold its share": (
        f"update {COUNTRY} set share_of_all_low = share_of_all * 1.1 where {MAIN} and {LAST} "
        "and country_key = 'CN'",
        "shares_within_band",
    ),
    "a band ends beyond 1": (
        f"update {COUNTRY} set share_of_all_high = 1.2 where {MAIN} and {LAST} "
        "and country_key = 'CN'",
        "shares_within_band",
    ),
    "a share is null without a reason": (
        f"update {COUNTRY} set share_of_all = null where {MAIN} and {LAST} and country_key = 'KR'",
        "nulls_have_reasons",
    ),
    "a required value is null": (
        "update marts.dim_models set model_id = null where model_key = "
        "(select min(model_key) from marts.dim_models)",
        "nulls_declared",
    ),
    "a country is unknown to its dimension": (
        "delete from marts.dim_countries where country_key = 'FR'",
        "keys_resolve",
    ),
    "an organization is unknown to its dimension": (
        "delete from marts.dim_organizations where organization = 'owner-4'",
        "keys_resolve",
    ),
    "the newest day is lost": (f"delete from {COUNTRY} where {LAST}", "days_published"),
    "a day is labelled as the next": (
        f"update {COUNTRY} set snapshot_date = snapshot_date + 1 where {LAST}",
        "days_published",
    ),
    "an old day is labelled as the newest": (
        f"delete from {COUNTRY} where {LAST}; insert into {COUNTRY} select * replace "
        f"(snapshot_date + 1 as snapshot_date) from {COUNTRY} where snapshot_date = "
        f"(select max(snapshot_date) from {COUNTRY})",
        "downloads_reconcile",
    ),
    "the oldest day is lost by the families": (
        f"delete from {FAMILY} where snapshot_date = date '{FIRST_DAY}'",
        "days_complete",
    ),
    "a day is lost by the organizations": (
        f"delete from {ORGANIZATION} where snapshot_date = date '{FIRST_DAY}' + 1",
        "days_complete",
    ),
    "the newest day is lost by the coverage": (
        f"delete from {COVERAGE} where {LAST}",
        "days_complete",
    ),
    "the newest day is lost by the checks of gate 1": (
        f"delete from marts.fct_snapshot_quality_daily where {LAST}",
        "days_complete",
    ),
    "the families have a day that nobody else has": (
        f"insert into {FAMILY} select * replace (snapshot_date + 1 as snapshot_date) "
        f"from {FAMILY} where {LAST}",
        "days_complete",
    ),
    "a slice is lost by the families": (
        f"delete from {FAMILY} where {MAIN} and {LAST}",
        "slices_complete",
    ),
    "a slice is lost by the organizations": (
        f"delete from {ORGANIZATION} where window_name = 'all_time' and {LAST} "
        "and attribution = 'base_model' and cohort = 'new_365d'",
        "slices_complete",
    ),
    "a slice is lost by the coverage": (
        f"delete from {COVERAGE} where {MAIN} and snapshot_date = date '{FIRST_DAY}'",
        "slices_complete",
    ),
    "a dimension row is doubled": (
        "insert into marts.dim_models from marts.dim_models limit 1",
        "grain_unique",
    ),
}
# `make test` runs a sample, `make test-long` all.
SAMPLE = random.Random(7).sample(sorted(CORRUPTIONS), 7)


@pytest.mark.parametrize(
    "corruption",
    [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long) for name in CORRUPTIONS],
)
def test_a_corrupted_mart_is_refused_by_its_check(home: Home, corruption: str) -> None:
    change, check = CORRUPTIONS[corruption]
    before = generation.current(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(change)
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    failed = {one.name for one in refused.value.outcomes if one.status == "failed"}
    assert check in failed
    assert generation.current(home) == before
    assert [path.name for path in home.published.iterdir() if path.name.startswith(".")] == []


def test_a_mart_that_lacks_a_day_or_a_slice_is_named_with_it(home: Home) -> None:
    """Nobody else notices: where there are no rows, none of them is wrong."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"delete from {COVERAGE} where snapshot_date = date '{FIRST_DAY}'")
        connection.execute(f"delete from {FAMILY} where {MAIN} and {LAST}")
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    failed = {one.name: one for one in refused.value.outcomes if one.status == "failed"}
    assert failed.keys() == {"days_complete", "slices_complete"}
    (told,) = failed["days_complete"].sample
    assert (told["table_name"], told["day"]) == ("fct_mapping_coverage_daily", str(FIRST_DAY))
    assert {row["table_name"] for row in failed["slices_complete"].sample} == {
        "fct_mapping_coverage_daily",
        "fct_family_share_daily",
    }
    last = FIRST_DAY + timedelta(days=DAYS - 1)
    assert failed["slices_complete"].sample[-1]["slice"] == f"{last} 30d publisher all all"
    assert "Cure: rebuild the warehouse" in str(refused.value)


def test_a_day_that_one_mart_lacks_is_told_where_nothing_else_is_asked_of_it(
    home: Home, tmp_path: Path
) -> None:
    older = tmp_path / "older.duckdb"
    shutil.copy(home.published / "current" / generation.DATABASE, older)
    with duckdb.connect(str(older)) as connection:
        table = FAMILY.removeprefix("marts.")
        connection.execute(f"delete from {table} where snapshot_date = date '{FIRST_DAY}'")
    outcomes = candidate.judge(older, home, since=date.max)
    assert {one.name for one in outcomes if one.blocks} == {"days_complete"}


def test_a_refusal_says_what_where_and_how_to_cure_it(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("delete from marts.dim_countries where country_key = 'FR'")
    with pytest.raises(Refusal) as refused:
        swap.publish(home, code_version="1")
    text = str(refused.value)
    assert "nothing was published: keys_resolve failed" in text
    assert "fct_country_share_daily.country_key in dim_countries.country_key" in text
    assert "Cure: rebuild the warehouse" in text


@pytest.mark.parametrize("to", ["CN", "unattributed_organization"], ids=["moved", "deleted"])
def test_a_large_organization_moved_or_deleted_in_the_seed_is_told(home: Home, to: str) -> None:
    """All marts agree with each other; only what was published before does not."""
    build_warehouse(home, moved={"owner-0": to})
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="2")
    failed = [one for one in refused.value.outcomes if one.status == "failed"]
    assert [one.name for one in failed] == ["history_as_published"]
    assert {row["country_key"] for row in failed[0].sample} <= {"US", "CN"}
    refusals.accept(home, "history_as_published", "a new seat")
    accepted = swap.publish(home, code_version="2")
    assert accepted.is_new
    assert accepted.manifest["accepted"] == {"history_as_published": "a new seat"}
    assert accepted.diff is not None
    assert {move["entity"] for move in accepted.diff.restatements} == {"US", to}


# Every organization of France: one in six, from the third on.
FRENCH = tuple(f"owner-{number}" for number in range(2, 29, 6))
UNMAPPED = dict.fromkeys(FRENCH, "unattributed_organization")


def restated_france(home: Home) -> list[dict[str, Any]]:
    """The rows for which a publication is refused, all of them France's."""
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="2")
    (failed,) = (one for one in refused.value.outcomes if one.status == "failed")
    assert failed.name == "history_as_published"
    assert {row["country_key"] for row in failed.sample} == {"FR"}
    return list(failed.sample)


def test_a_country_that_disappears_from_the_past_is_told(home: Home) -> None:
    """It leaves no row to compare, and what receives its downloads is no country."""
    build_warehouse(home, moved=UNMAPPED)
    assert all(row["restatement"] == row["was"] > 0.01 for row in restated_france(home))


def test_a_country_that_appears_in_the_past_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    seal(home, DAYS)
    build_warehouse(home, moved=UNMAPPED)
    swap.publish(home, code_version="1")
    build_warehouse(home)
    assert all(row["restatement"] == row["now"] > 0.01 for row in restated_france(home))


def test_a_country_of_less_than_a_point_may_come_and_go(tmp_path: Path) -> None:
    """As small as a share may move."""
    small = "update records set downloads = downloads / 1000, downloadsAllTime = downloadsAllTime "
    small += f"/ 1000 where author in {FRENCH}"
    home = Home(tmp_path / "home")
    seal(home, DAYS, change=small)
    for moved in ({}, UNMAPPED, {}):
        build_warehouse(home, moved=moved)
        assert swap.publish(home, code_version="1").is_new


def test_a_day_that_comes_or_goes_moves_no_share(home: Home) -> None:
    """Days that only one of both publications has say nothing of the past."""
    shutil.rmtree(store.folder_of(home, FIRST_DAY))
    seal(home, DAYS + 2, change=f"delete from records where snapshot_date = date '{FIRST_DAY}'")
    build_warehouse(home)
    assert swap.publish(home, code_version="1").is_new


def test_a_day_that_gate_1_refuses_cannot_be_published(home: Home) -> None:
    """Also where its verdict was never asked for, as when a check was skipped."""
    dates = seal(
        home,
        DAYS + 1,
        change="update records set downloads = 0, downloadsAllTime = 0 "
        f"where snapshot_date = date '{FIRST_DAY + timedelta(days=DAYS)}'",
    )
    build_warehouse(home, dates)
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    outcome = next(one for one in refused.value.outcomes if one.name == "days_published")
    assert outcome.sample[0]["detail"] == "not sealed, or refused by gate 1"
    assert not raw.verdict(home, dates[-1]).passed
    build_warehouse(home, dates[:-1])
    assert swap.publish(home, code_version="1").manifest["snapshot_dates"] == [
        day.isoformat() for day in dates[:-1]
    ]


def test_a_corrected_day_may_change_its_history(home: Home) -> None:
    """A corrected archive is a new version: its shares may move by any amount."""
    seal(home, DAYS, change="update records set downloads = downloads * 2 where author = 'owner-1'")
    build_warehouse(home)
    publication = swap.publish(home, code_version="1")
    assert publication.is_new
    assert publication.diff is not None
    assert publication.diff.restatements


BEHIND, AHEAD = "2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"


def set_clock(home: Home, sealed_at: str) -> None:
    """Let all days be sealed at another time, as by a clock that was wrong."""
    for day in store.list_sealed(home):
        manifest = store.folder_of(home, day.snapshot_date) / store.MANIFEST
        manifest.write_text(dataclasses.replace(day, sealed_at=sealed_at).to_json())


@pytest.mark.parametrize(
    "corruption",
    [
        "downloads are scaled by 1.01 with their share",
        "a model is counted twice",
        "an adjustment is invented",
    ],
)
def test_a_day_sealed_by_a_clock_ahead_is_asked_like_the_others(
    home: Home, corruption: str
) -> None:
    set_clock(home, AHEAD)
    change, check = CORRUPTIONS[corruption]
    build_warehouse(home, change=change)
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    assert check in {one.name for one in refused.value.outcomes if one.status == "failed"}


def test_a_newest_day_that_is_not_built_is_told_whatever_the_clock(home: Home) -> None:
    dates = seal(home, DAYS + 1)
    set_clock(home, AHEAD)
    build_warehouse(home, dates[:-1])
    with pytest.raises(swap.PublicationRefused, match="days_published"):
        swap.publish(home, code_version="2")


@pytest.mark.parametrize("sealed_at", [BEHIND, AHEAD], ids=["behind", "ahead"])
def test_a_corrected_day_may_change_its_history_once_whatever_the_clock(
    home: Home, sealed_at: str
) -> None:
    seal(home, DAYS, change="update records set downloads = downloads * 2 where author = 'owner-1'")
    set_clock(home, sealed_at)
    build_warehouse(home)
    assert swap.publish(home, code_version="1").is_new
    build_warehouse(home, moved={"owner-0": "CN"})
    with pytest.raises(swap.PublicationRefused, match="history_as_published"):
        swap.publish(home, code_version="1")


def test_an_unusual_move_of_a_share_warns(tmp_path: Path) -> None:
    last = FIRST_DAY + timedelta(days=9)
    home = home_with_marts(
        tmp_path / "home",
        10,
        change="update records set downloads = downloads + 200000, downloadsAllTime = "
        f"downloadsAllTime + 200000 where id = 'owner-1/model-1' and snapshot_date = date '{last}'",
    )
    publication = swap.publish(home, code_version="1")
    outcome = publication.outcomes[-1]
    assert (outcome.name, outcome.status, outcome.blocks) == ("share_moves_usual", "warned", False)
    assert {"organization owner-1", "country CN"} <= {row["entity"] for row in outcome.sample}
    assert {row["snapshot_date"] for row in outcome.sample} == {last.isoformat()}


def test_a_warehouse_without_a_required_mart_is_refused(home: Home) -> None:
    build_warehouse(home, without=("dim_dates",))
    with pytest.raises(Refusal, match="the warehouse lacks dim_dates"):
        swap.publish(home, code_version="1")


def test_a_warehouse_whose_last_build_did_not_end_is_refused(home: Home) -> None:
    """Some of its tables hold the days of that build, and others do not."""
    seen = (home.published / "current").resolve()
    build_warehouse(home, change="drop table raw.finished_build")
    with pytest.raises(Refusal, match="the last build of the warehouse did not end"):
        swap.publish(home, code_version="1")
    assert (home.published / "current").resolve() == seen


def test_a_warehouse_that_is_not_there_or_damaged_is_refused(home: Home) -> None:
    home.warehouse.write_bytes(b"not a database" * 1000)
    with pytest.raises(Refusal, match="cannot be opened"):
        swap.publish(home, code_version="1")
    home.warehouse.unlink()
    with pytest.raises(Refusal, match="no warehouse to publish from"):
        swap.publish(home, code_version="1")
