"""What a day says does not depend on how its build came about."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from benchmarks.worlds import seal_days
from local_hub import named_world
from orchestration.home import Home
from orchestration.snapshots import compaction, store
from tests.integration.built_world import Built, build, run_dbt, sums_by_day
from tests.integration.conftest import MEASURES

pytestmark = pytest.mark.xdist_group("measures")

GRAINS = {
    "fct_country_share_daily": "snapshot_date window_name attribution cohort scope country_key",
    "fct_organization_share_daily": (
        "snapshot_date window_name attribution cohort scope organization country_key"
    ),
    "fct_mapping_coverage_daily": "snapshot_date window_name attribution cohort scope",
    "fct_flow_adjustments": "snapshot_date model_key",
    "fct_concentration_daily": "snapshot_date window_name attribution cohort scope level",
    "fct_country_gap_daily": (
        "snapshot_date window_name attribution cohort scope country_key other_country_key"
    ),
    "fct_claims": "snapshot_date claim_id",
    "fct_family_share_daily": "snapshot_date window_name attribution cohort scope family",
    "fct_overtakes": (
        "overtaken_on window_name attribution cohort scope entity_kind leader follower"
    ),
    "fct_relative_adoption": "model age_days",
    "fct_family_derivatives_monthly": "month_start_date scope family",
}


@pytest.mark.parametrize("table", GRAINS)
def test_day_by_day_gives_what_one_rebuild_gives(
    at_once: Built, day_by_day: Built, table: str
) -> None:
    grain = GRAINS[table].split()
    once, daily = (
        built.read(f"select * from marts.{table}").sort_values(grain, ignore_index=True)
        for built in (at_once, day_by_day)
    )
    assert len(once) > 20
    pd.testing.assert_frame_equal(once, daily, rtol=0, atol=1e-9)


def test_a_build_leaves_the_days_alone_that_it_says_it_leaves_alone(day_by_day: Built) -> None:
    """The publication takes them over unread: a build that changed one would not be published."""
    told = json.loads(day_by_day.rows("select built_from from raw.finished_build")[0]["built_from"])
    assert len(told["builds"]) == 3
    changed_from = pd.Timestamp(told["builds"][-1][1])
    before = pd.read_parquet(day_by_day.home.root / "before_last.parquet")
    before, after = (
        sums[pd.to_datetime(sums["snapshot_date"]) < changed_from]
        .sort_values(["mart", "snapshot_date"])
        .reset_index(drop=True)
        for sums in (before, sums_by_day(day_by_day))
    )
    assert before["mart"].nunique() > 8
    assert before["snapshot_date"].nunique() > 20
    pd.testing.assert_frame_equal(before, after)


def test_a_day_reads_the_snapshots_that_it_asks_for_and_no_others(
    day_by_day: Built, tmp_path: Path
) -> None:
    """Else a day costs more with every day before it, as it once did: 60 of 60 files were read.

    The newest day asks for itself and for the ends of its windows of 1, 7 and 28 days.
    """
    home = day_by_day.home
    read = files_read_by_models(tmp_path, home, home.root / "last_day.duckdb")
    assert {"int_hub__model_flows", "int_hub__model_days", "stg_hub__unkeyed_days"} <= read.keys()
    assert {name: files for name, files in read.items() if files > 12} == {}


@pytest.mark.parametrize("lack", ["none lacks keys", "all lack keys"])
def test_a_build_without_days_does_not_read_the_snapshots(
    day_by_day: Built, tmp_path: Path, lack: str
) -> None:
    """As when a publication is repeated; the counters of all days were read."""
    last = day_by_day.rows("select from_date from raw.build_window")
    assert last == [{"from_date": None}]
    state = tmp_path / "state.duckdb"
    shutil.copyfile(day_by_day.home.warehouse, state)
    if lack == "all lack keys":
        with duckdb.connect(str(state)) as connection:
            connection.execute(
                "insert into staging.stg_hub__unkeyed_days select snapshot_date from raw.snapshots"
            )
    read = files_read_by_models(tmp_path / "read", day_by_day.home, state)
    assert {name: files for name, files in read.items() if files > 1} == {}


@pytest.mark.long
def test_of_compacted_days_too_a_day_reads_those_that_it_asks_for_and_no_others(
    tmp_path: Path,
) -> None:
    """With each comes a file of keys: DuckDB took these for as large, and read all counters."""
    home, world = Home(tmp_path / "home"), named_world("scale:3000x12")
    *before, newest = world.dates
    seal_days(home, world, before)
    build(home, before, select=MEASURES)
    for day in store.list_sealed(home)[:-1]:
        compaction.compact(home, day)
    seal_days(home, world, [newest])
    build(home, world.dates, select=MEASURES)
    read = files_read_by_models(tmp_path / "read", home)
    assert {"int_hub__model_flows", "int_hub__counter_days"} <= read.keys()
    assert {name: files for name, files in read.items() if files > 3} == {}


def test_a_day_that_asks_for_no_compacted_one_looks_up_no_key(tmp_path: Path) -> None:
    """All keys of 5 million models, as often as a statement may read counters, were 7 s a day."""
    home, world = Home(tmp_path / "home"), named_world("scale:6000x12")
    *before, newest = list(world.dates)[:6]
    seal_days(home, world, before)
    build(home, before, select=MEASURES)
    for day in store.list_sealed(home)[:3]:
        compaction.compact(home, day)
    seal_days(home, world, [newest])
    build(home, [*before, newest], select=MEASURES)
    looked_up = {
        name: sum(scan["operator_rows_scanned"] for scan in scans if reads_keys(scan))
        for name, scans in scans_by_models(tmp_path / "read", home).items()
    }
    assert {"int_hub__model_flows", "int_hub__counter_days"} <= looked_up.keys()
    # A scan that nobody needs ends with its first vector.
    assert {name: rows for name, rows in looked_up.items() if rows > 2048} == {}


def files_read_by_models(folder: Path, home: Home, warehouse: Path | None = None) -> dict[str, int]:
    """How many files of raw snapshots each model would read now, but for those that read none.

    What compacted days share is no snapshot: all keys are in one list of files.
    """
    read = {
        name: max(
            (int(one["extra_info"]["Total Files Read"]) for one in scans if not reads_keys(one)),
            default=0,
        )
        for name, scans in scans_by_models(folder, home, warehouse).items()
    }
    return {name: files for name, files in read.items() if files}


def reads_keys(scan: dict[str, Any]) -> bool:
    told = scan["extra_info"]
    return "key_row" in told.get("Projections", ()) and "snapshot_date" not in str(told)


def scans_by_models(
    folder: Path, home: Home, warehouse: Path | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The scans of files, as DuckDB profiles them, by which each model would be made now.

    `warehouse` is another state of the one of `home`, by whose log the days are named.
    """
    again = Home(folder)
    again.warehouse.parent.mkdir(parents=True)
    shutil.copyfile(warehouse or home.warehouse, again.warehouse)
    run_dbt(again, "compile", "--exclude", "resource_type:unit_test")
    log = (home.root / "logs" / "dbt.log").read_text()
    named = re.findall(r"set variable \w+ = .*?(?=\n\d\d:\d\d:\d\d\.)", log, flags=re.DOTALL)
    read: dict[str, list[dict[str, Any]]] = {}
    with duckdb.connect(str(again.warehouse), read_only=True) as connection:
        # The last build's come last.
        for statement in named:
            connection.execute(statement)
        profile = folder / "profile.json"
        connection.execute("set enable_profiling = 'json'")
        connection.execute(f"set profiling_output = '{profile}'")
        for node in compiled(folder):
            if node["resource_type"] == "model" and node["config"]["materialized"] != "view":
                connection.execute(f"create or replace temp table made as {node['compiled_code']}")
                read[node["name"]] = scans_of(json.loads(profile.read_text()))
    return read


def compiled(folder: Path) -> list[dict[str, Any]]:
    """The nodes of the dbt project that was compiled in `folder`."""
    return list(json.loads((folder / "target" / "manifest.json").read_bytes())["nodes"].values())


def scans_of(operator: dict[str, Any]) -> list[dict[str, Any]]:
    """The scans of files in a query's profile."""
    own = [operator] if "Total Files Read" in operator.get("extra_info", {}) else []
    return own + [one for child in operator.get("children", []) for one in scans_of(child)]
