"""A back-fill, a daily run and readers at the same time: no error, no lost day, one result."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local_hub import named_world
from local_hub.world.files import write_archive
from orchestration.home import Home
from orchestration.publication import generation
from tests.faults import publication_processes
from tests.faults.daily_run.commands import Command, check_nothing_left, check_whole, tables

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("publication_daily_run"),
    pytest.mark.timeout(3600),
]


def published_days(home: Home) -> list[str]:
    folder = generation.current(home)
    assert folder is not None
    return list(generation.read_manifest(folder)["snapshot_dates"])


def test_a_run_during_a_back_fill_waits_and_loses_nothing(tmp_path: Path) -> None:
    world = named_world("clean:500x4")
    days = [day.isoformat() for day in world.dates]
    archive = tmp_path / "archive"
    write_archive(world, archive)
    of_archive = ["--archive", str(archive)]
    alone = Home(tmp_path / "alone")
    Command(alone.root, "backfill", *of_archive).end()

    home = Home(tmp_path / "home")
    Command(home.root, "backfill", *of_archive, "--to", days[0]).end()
    context = publication_processes.processes()
    seen = context.SimpleQueue()
    readers = [
        context.Process(
            target=publication_processes.read, args=(home.root, seen, n, time.monotonic() + 3000)
        )
        for n in range(2)
    ]
    try:
        for reader in readers:
            reader.start()
        both = [
            Command(home.root, "backfill", *of_archive, "--to", days[2]),
            Command(home.root, "run", "--source", "archive", *of_archive, "--date", days[3]),
        ]
        for one in both:
            one.end(timeout=1200)
        time.sleep(2)
    finally:
        for reader in readers:
            reader.kill()
            reader.join()
    told = set()
    while not seen.empty():
        told.add(seen.get()[1])
    assert [words for words in told if words.startswith("error")] == []
    assert len(told) >= 2
    # Whichever came first, the other waited for it and said so.
    assert "waiting for " in both[0].said()
    check_whole(home)
    check_nothing_left(home)
    assert published_days(home) == days
    assert tables(home) == tables(alone)
