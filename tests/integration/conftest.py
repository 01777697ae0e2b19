"""One warehouse for all tests of the measures: built at once, and day by day."""

from __future__ import annotations

import os
import shutil

import pytest

from local_hub import World, named_world
from orchestration.home import Home
from tests.integration.built_world import Built, build, sums_by_day, write_days
from tests.integration.oracle import Oracle, read_days

MEASURES = (
    "+fct_concentration_daily +fct_country_gap_daily +fct_overtakes +fct_flow_adjustments "
    "+fct_mapping_coverage_daily +fct_family_share_daily +fct_family_derivatives_monthly "
    "+fct_relative_adoption +fct_claims "
    "+fct_organization_cadence_daily +fct_release_cadence_weekly"
)


# What a build that was cut off has done of a day: early, and late.
CUT_OFF = {
    -1: "+int_hub__release_classes +int_hub__counter_floors",
    None: "+fct_country_share_daily +fct_overtakes +dim_models",
}


@pytest.fixture(scope="session")
def world() -> World:
    """Sixty days in which all goes wrong that can: gaps, stalls, rollbacks, recounts, renames."""
    return named_world("oracle:600x60")


@pytest.fixture(scope="session")
def at_once(world: World, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All days in one rebuild."""
    home = Home(tmp_path_factory.mktemp("at_once"))
    write_days(world, home)
    return build(home, world.dates, select=MEASURES, tested=True)


@pytest.fixture(scope="session")
def oracle(world: World, at_once: Built) -> Oracle:
    """The second computation, from the raw files alone."""
    return Oracle(read_days(at_once.home.raw / "hub_models"), world.organizations_csv())


@pytest.fixture(scope="session")
def day_by_day(world: World, at_once: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same days in three builds, the last of one day alone, as every day's run is.

    The first ends amid a rollback; what it said of shares stays in `early.parquet`. A fourth has
    nothing new to build, as when a run is repeated. Before the second and the third, one is cut
    off. What the marts said of each day before the last day was built stays in
    `before_last.parquet`, the warehouse after it in `last_day.duckdb`.
    """
    home = Home(tmp_path_factory.mktemp("day_by_day"))
    shutil.copytree(at_once.home.raw, home.raw, copy_function=os.link, dirs_exist_ok=True)
    to_be_cut_off = dict(CUT_OFF)
    for until in (33, -1, None, None):
        if until in to_be_cut_off:
            cut = to_be_cut_off.pop(until)
            build(home, world.dates[:until], select=cut, is_cut_off=True)
        built = build(home, world.dates[:until], select=MEASURES)
        if until == 33:
            early = built.read("select * from marts.fct_country_share_daily")
            early.to_parquet(home.root / "early.parquet")
        if until == -1:
            sums_by_day(built).to_parquet(home.root / "before_last.parquet")
        if until is None and not (last_day := home.root / "last_day.duckdb").exists():
            shutil.copyfile(home.warehouse, last_day)
    return built
