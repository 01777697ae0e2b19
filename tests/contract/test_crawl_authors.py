"""The register of authors: asked of the Hub once in 30 days, a bounded number a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local_hub import LocalHub, World, named_world
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.hub.authors import refresh, register
from orchestration.hub.client import HubClient
from orchestration.hub.patience import Clock

TODAY = date(2026, 10, 31)


class Hurried(Clock):
    """Time passes only in sleep."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture(scope="module")
def world() -> World:
    return named_world("clean:1000x3")


@pytest.fixture(scope="module")
def owners(world: World) -> tuple[list[str], list[str]]:
    """Some organizations and some persons of the world."""
    day = world.day(world.dates[-1])
    named = world.organizations()["organization"]
    organizations = [name for name in named if day.author_type(name) == "org"][:6]
    with LocalHub(world) as hub:
        client = HubClient(hub.endpoint, token=False)
        rows = client.ask("/api/models?limit=1000&expand=author").json()
    authors = [row["author"] for row in rows if "author" in row]
    people = [name for name in authors if day.author_type(name) == "user"]
    return organizations, list(dict.fromkeys(people))[:4]


@pytest.fixture
def hub(world: World) -> Iterator[LocalHub]:
    with LocalHub(world) as running:
        yield running


@pytest.fixture
def client(hub: LocalHub) -> HubClient:
    return HubClient(hub.endpoint, token=False, clock=Hurried())


def known(home: Home) -> dict[str, dict[str, Any]]:
    return {row["author"]: row for row in pq.read_table(register(home)).to_pylist()}


def test_organizations_individuals_and_nobody_are_told_apart(
    tmp_path: Path, client: HubClient, owners: tuple[list[str], list[str]]
) -> None:
    home, (organizations, people) = Home(tmp_path), owners
    wanted = [*organizations, *people, "no-such-author", "strange name/?#"]
    report = refresh(home, client, wanted, today=TODAY, at_most=100)
    found = known(home)
    assert {found[name]["author_type"] for name in organizations} == {"organization"}
    assert {found[name]["author_type"] for name in people} == {"individual"}
    assert found["no-such-author"]["author_type"] == "not_found"
    assert found["strange name/?#"]["author_type"] == "not_found"
    assert {row["asked_on"] for row in found.values()} == {TODAY}
    assert found[organizations[0]]["fullname"]
    assert (report.organizations, report.individuals, report.not_found) == (6, 4, 2)
    assert (report.known, report.asked, report.left, report.trouble) == (12, 12, 0, None)
    assert report.requests == 6 + 2 * 6


def test_nobody_is_asked_again_within_thirty_days(
    tmp_path: Path, client: HubClient, owners: tuple[list[str], list[str]]
) -> None:
    home, (organizations, _) = Home(tmp_path), owners
    refresh(home, client, organizations, today=TODAY, at_most=100)
    for days, asked in ((1, 0), (30, 0), (31, 6), (32, 0)):
        on = TODAY + timedelta(days=days)
        assert refresh(home, client, organizations, today=on, at_most=100).asked == asked


def test_a_day_asks_a_bounded_number_those_never_asked_first(
    tmp_path: Path, client: HubClient, owners: tuple[list[str], list[str]]
) -> None:
    home, (organizations, people) = Home(tmp_path), owners
    first = refresh(home, client, organizations, today=TODAY, at_most=4)
    assert (first.asked, first.left) == (4, 2)
    assert set(known(home)) == set(organizations[:4])
    later = TODAY + timedelta(days=40)
    wanted = [*organizations[:4], *people]
    second = refresh(home, client, wanted, today=later, at_most=5)
    assert second.individuals == 4
    assert second.left == 3
    assert known(home)[organizations[0]]["asked_on"] == later


@pytest.mark.parametrize("way", ["close", "status", "html"])
def test_an_outage_leaves_what_is_known_and_is_told(
    tmp_path: Path, world: World, owners: tuple[list[str], list[str]], way: str
) -> None:
    home, (organizations, _) = Home(tmp_path), owners
    fault = {"when": {"path": "/api/organizations/*", "requests": "3-"}, "do": way}
    with LocalHub(world, faults={"faults": [fault]}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        report = refresh(home, client, organizations, today=TODAY, at_most=100)
    assert report.asked == 2
    assert report.left == 4
    assert report.trouble is not None
    assert set(known(home)) == set(organizations[:2])
    with LocalHub(world) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        assert refresh(home, client, organizations, today=TODAY, at_most=100).left == 0
    assert set(known(home)) == set(organizations)


def test_one_author_that_cannot_be_read_does_not_hold_up_the_others(
    tmp_path: Path, world: World, owners: tuple[list[str], list[str]]
) -> None:
    home, (organizations, _) = Home(tmp_path), owners
    fault = {"when": {"path": f"/api/organizations/{organizations[1]}/*"}, "do": "html"}
    with LocalHub(world, faults={"faults": [fault]}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        report = refresh(home, client, organizations, today=TODAY, at_most=100)
    assert (report.asked, report.left) == (5, 1)
    assert organizations[1] in str(report.trouble)


def test_a_damaged_register_is_refused_with_the_cure(tmp_path: Path, client: HubClient) -> None:
    home = Home(tmp_path)
    register(home).parent.mkdir(parents=True)
    register(home).write_text("no parquet")
    with pytest.raises(Refusal, match="register of authors cannot be read"):
        refresh(home, client, ["somebody"], today=TODAY, at_most=1)
