"""Datasets and Spaces beside the models: one command, and what it leaves when they are short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest

from local_hub import LocalHub, World, named_world
from orchestration.home import Home
from orchestration.snapshots import store
from tests.integration.command_line import Ended, observatory

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("pipeline_others")]


@dataclass(frozen=True)
class Days:
    """A home after three days: without the setting, with it, and with datasets that fail."""

    home: Home
    world: World
    ended: list[Ended]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    world = named_world("clean:1500x3")
    home = Home(tmp_path_factory.mktemp("others") / "home")
    # On the third day what comes of the datasets is no list.
    broken = {"when": {"path": "/api/datasets"}, "do": "json"}
    ended = []
    for day, setting, faults in zip(
        world.dates, ("", "datasets,spaces", "datasets"), ([], [], [broken]), strict=True
    ):
        with LocalHub(world, date=day, faults={"faults": faults}) as hub:
            environment = {"HF_ENDPOINT": hub.endpoint, "OBSERVATORY_ALSO_CRAWL": setting}
            ended.append(observatory(home.root, "run", environment=environment))
    yield Days(home, world, ended)


def sealed(days: Days, table: str) -> list[int]:
    """The places among the days of those that are sealed."""
    return [
        days.world.dates.index(one.snapshot_date) for one in store.list_sealed(days.home, table)
    ]


def test_they_are_crawled_where_they_are_asked_for(days: Days) -> None:
    assert [ended.code for ended in days.ended[:2]] == [0, 0], days.ended[1].err
    assert sealed(days, "hub_models") == [0, 1, 2]
    assert sealed(days, "hub_spaces") == [1]
    assert "datasets" not in days.ended[0].err
    for words in ("models in 1 page,", "models/s", "quota", "datasets in 1 page,"):
        assert words in days.ended[1].err


def test_they_are_staged(days: Days) -> None:
    with duckdb.connect(str(days.home.warehouse), read_only=True) as connection:
        (counts,) = connection.execute(
            "select count(*), count(distinct organization) from staging.stg_hub__spaces"
        ).fetchall()
        columns = connection.execute("describe staging.stg_hub__datasets").fetchall()
    (day,) = store.list_sealed(days.home, "hub_spaces")
    assert counts[0] == day.rows
    assert counts[1] > 10
    assert {"dataset_key", "downloads_30d", "gated"} <= {name for name, *_ in columns}


def test_what_is_wrong_with_them_holds_nothing_up(days: Days) -> None:
    ended = days.ended[2]
    assert ended.code == 3
    assert "not a list" in ended.err and "Cure: " in ended.err
    assert f"share of downloads by country, {days.world.dates[2]}" in ended.out
    assert sealed(days, "hub_datasets") == [1]
