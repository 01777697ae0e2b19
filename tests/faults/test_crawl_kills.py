"""A crawl that is killed goes on where it was: real processes, real SIGKILL."""

from __future__ import annotations

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


def crawl_and_kill(home: Path, proxy: Any, moment: tuple[int, float]) -> bool:
    """Crawl in a process of its own and kill it; whether it had ended by then.

    `moment`: so many requests after its begin, and so many seconds after that.
    """
    requests, seconds = moment
    child = subprocess.Popen(
        [sys.executable, "-c", CRAWL, str(home), proxy.endpoint], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begin\n"
    before = len(proxy.asked)
    while len(proxy.asked) - before < requests and child.poll() is None:
        time.sleep(0.001)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
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


def asked_again(proxy: Any) -> int:
    """How often a page, or the two requests that prove the end, were asked for again."""
    pages, proof = (list(Counter(paths).values()) for paths in parted(proxy.pages()))
    return sum(count - 1 for count in pages) + max(proof) - 1


def parted(asked: list[str]) -> tuple[list[str], list[str]]:
    """The requests for the eight pages, and those of the proof."""
    eight = list(dict.fromkeys(asked))[:8]
    return [path for path in asked if path in eight], [path for path in asked if path not in eight]


def kill_once(proxy: Any, folder: Path, undisturbed: str, moment: tuple[int, float]) -> None:
    home = Home(folder)
    ended = crawl_and_kill(home.root, proxy, moment)
    landed = crawl(home, HubClient(proxy.endpoint, token=False))
    assert asked_again(proxy) <= 1
    assert landed.rows == 7_250
    assert not ended or landed.resumed
    assert content(home, landed) == undisturbed


def moments(count: int, seed: int) -> list[tuple[int, float]]:
    """A crawl is eleven requests, of some 12 ms each."""
    chance = random.Random(seed)
    return [(chance.randint(0, 11), chance.uniform(0, 0.015)) for _ in range(count)]


@pytest.mark.parametrize("moment", moments(5, seed=2026))
def test_a_killed_crawl_goes_on_and_asks_one_page_twice_at_most(
    proxy: Any, tmp_path: Path, undisturbed: str, moment: tuple[int, float]
) -> None:
    kill_once(proxy, tmp_path, undisturbed, moment)


@pytest.mark.long
@pytest.mark.parametrize("moment", moments(50, seed=7))
def test_fifty_kills(
    proxy: Any, tmp_path: Path, undisturbed: str, moment: tuple[int, float]
) -> None:
    kill_once(proxy, tmp_path, undisturbed, moment)


def test_one_crawl_killed_again_and_again_still_ends_whole(
    proxy: Any, tmp_path: Path, undisturbed: str
) -> None:
    home = Home(tmp_path)
    chance = random.Random(6)
    kills = 0
    while not crawl_and_kill(home.root, proxy, (chance.randint(2, 4), chance.uniform(0, 0.015))):
        kills += 1
    landed = crawl(home, HubClient(proxy.endpoint, token=False))
    assert kills >= 2
    assert asked_again(proxy) <= kills
    assert content(home, landed) == undisturbed
