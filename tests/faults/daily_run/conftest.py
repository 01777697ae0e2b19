"""What the suites of the whole daily run share: a small Hub, and a day that was hard to get."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub import LocalHub, named_world
from orchestration.home import CHECKOUT, Home
from orchestration.publication import generation
from tests.faults.conftest import Proxy
from tests.faults.daily_run import watch_sockets
from tests.faults.daily_run.commands import (
    Hub,
    Reference,
    Watched,
    check_whole,
    copy_of,
    raw_files,
    run,
    tables,
)

WORLD = "clean:500x5"
# What a run writes when it crawls, when it builds, and when it publishes.
STAGES = ("landing/**/page-*", "warehouse/warehouse.duckdb.wal", "published/.building-*/*.parquet")


@pytest.fixture(scope="session")
def daily_hub() -> Iterator[Hub]:
    """A local Hub of a small world on its first day, behind a proxy that notes what it is asked."""
    content = named_world(WORLD)
    days = list(content.dates)
    with LocalHub(content, date=days[0]) as local, Proxy(local.endpoint) as proxy:
        yield Hub(local, proxy, days)


@pytest.fixture(scope="session")
def watched(daily_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """The first day: killed while it crawls, builds and publishes, then left alone but watched."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copy(Path(watch_sockets.__file__), folder / "sitecustomize.py")
    notes = folder / "sockets.txt"
    notes.touch()
    home = Home(folder / "home")
    chance = random.Random(2026)
    for stage in STAGES:
        killed = run(home, daily_hub)
        killed.wait_for(stage)
        moment, with_children = chance.uniform(0, 0.5), chance.random() < 0.5
        reached = killed.kill(killed.spent() + moment, with_children=with_children)
        assert reached, killed.said()
        assert generation.current(home) is None
    before = raw_files(home)
    path = f"{folder}{os.pathsep}{CHECKOUT}"
    ended = run(home, daily_hub, {"PYTHONPATH": path, watch_sockets.FILE: str(notes)})
    ended.end()
    assert before.items() <= raw_files(home).items()
    addresses = dict(line.split("\t") for line in notes.read_text().splitlines())
    return Watched(home, daily_hub, ended.transcript, addresses)


@pytest.fixture(scope="session")
def undisturbed(daily_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the first day, which nobody disturbed."""
    home = Home(tmp_path_factory.mktemp("undisturbed") / "base")
    daily_hub.local.set_date(daily_hub.days[0])
    run(home, daily_hub).end()
    return home


@pytest.fixture(scope="session")
def reference(daily_hub: Hub, undisturbed: Home) -> Iterator[Reference]:
    """The second day after it; the Hub plays that day as long as this lasts."""
    base, home = undisturbed, copy_of(undisturbed, undisturbed.root.with_name("two_days"))
    daily_hub.local.set_date(daily_hub.days[1])
    seconds = run(home, daily_hub).end()
    check_whole(home)
    assert tables(home) != tables(base)
    yield Reference(base, tables(home), raw_files(home), seconds)
    daily_hub.local.set_date(daily_hub.days[0])
