"""A crawl that is killed goes on where it was: real processes, real SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import Landed, crawl
from orchestration.snapshots.importing import import_pages
from orchestration.snapshots.store import Source

DAY = date(2026, 8, 20)
# The child says when it is about to begin, so that kills fall into the crawl, not into imports.
CRAWL = """
import sys
from pathlib import Path
from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import crawl
home, client = Home(Path(sys.argv[1])), HubClient(sys.argv[2], token=False)
print("begin", flush=True)
crawl(home, client)
print("end", flush=True)
"""


def crawl_and_kill(home: Path, endpoint: str, after: float) -> bool:
    """Crawl in a process of its own and kill it `after` seconds; whether it had ended by then."""
    child = subprocess.Popen(
        [sys.executable, "-c", CRAWL, str(home), endpoint], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begin\n"
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    said = child.stdout.read()
    child.stdout.close()
    child.wait()
    return said == "end\n"


def content(home: Home, landed: Landed) -> str:
    """The content hash of the sealed snapshot."""
    source = Source("live", landed.universe, {"endpoint": landed.endpoint}, whole=True)
    sealed = import_pages(home, landed.pages, landed.snapshot_date, source).sealed
    return sealed[0].content_sha256


@pytest.fixture(scope="module")
def undisturbed(hub: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    return content(home, crawl(home, HubClient(hub.endpoint, token=False)))


def kill_once(proxy: Any, folder: Path, undisturbed: str, after: float) -> None:
    proxy.asked.clear()
    home = Home(folder)
    ended = crawl_and_kill(home.root, proxy.endpoint, after)
    landed = crawl(home, HubClient(proxy.endpoint, token=False))
    twice = [path for path, times in Counter(proxy.pages()).items() if times > 1]
    assert len(twice) <= 1, f"killed after {after:.3f} s"
    assert max(Counter(proxy.pages()).values()) <= 2
    assert landed.rows == 7_250
    assert not ended or landed.resumed
    assert content(home, landed) == undisturbed, f"killed after {after:.3f} s"


def moments(count: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(0, 0.25) for _ in range(count)]


@pytest.mark.parametrize("after", moments(5, seed=20260820))
def test_a_killed_crawl_goes_on_and_asks_one_page_twice_at_most(
    proxy: Any, tmp_path: Path, undisturbed: str, after: float
) -> None:
    kill_once(proxy, tmp_path, undisturbed, after)


@pytest.mark.long
@pytest.mark.parametrize("after", moments(50, seed=7))
def test_fifty_kills(proxy: Any, tmp_path: Path, undisturbed: str, after: float) -> None:
    kill_once(proxy, tmp_path, undisturbed, after)


def test_one_crawl_killed_again_and_again_still_ends_whole(
    proxy: Any, tmp_path: Path, undisturbed: str
) -> None:
    home = Home(tmp_path)
    kills = 0
    while kills < 6 and not crawl_and_kill(home.root, proxy.endpoint, 0.02 + 0.015 * kills):
        kills += 1
    landed = crawl(home, HubClient(proxy.endpoint, token=False))
    repeats = sum(times - 1 for times in Counter(proxy.pages()).values())
    assert repeats <= kills
    assert content(home, landed) == undisturbed
