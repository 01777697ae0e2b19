"""Links that mislead in ways that only the crawl's own memory can tell."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import CrawlStopped, Landed, crawl
from orchestration.hub.pages import LISTINGS, with_limit

ROWS = 7_250


def crawled(sick: Any, folder: Path, clock: Any) -> Landed:
    return crawl(Home(folder), HubClient(sick.endpoint, token=False, clock=clock))


MISLEADING: dict[str, tuple[Callable[[Any, list[str]], str], str]] = {
    "to a page read before": (lambda sick, pages: pages[1], "cursor repeated"),
    "to the first page": (lambda sick, pages: pages[0], "cursor repeated"),
    "to another listing": (
        lambda sick, pages: pages[-1].replace("api/models", "api/spaces"),
        "link elsewhere",
    ),
    "without the fields asked for": (
        lambda sick, pages: pages[-1].replace("expand=downloadsAllTime", "expand=sha"),
        "link elsewhere",
    ),
}


@pytest.mark.parametrize("name", MISLEADING)
def test_a_link_that_misleads(sick: Any, tmp_path: Path, clock: Any, name: str) -> None:
    pick, named = MISLEADING[name]
    sick.fault = lambda reply: reply.with_link(sick.endpoint + pick(sick, sick.pages()))
    sick.times = 1
    assert crawled(sick, tmp_path / "once", clock).rows == ROWS
    sick.times, sick.struck = 1_000, 0
    sick.asked.clear()
    with pytest.raises(CrawlStopped) as stopped:
        crawled(sick, tmp_path / "again", clock)
    assert stopped.value.name == named
    assert clock.now() < 60


def test_a_link_that_was_wrong_is_asked_for_again(sick: Any, tmp_path: Path, clock: Any) -> None:
    """A cursor never seen that leads back: only the page behind it shows that it was wrong."""
    half_a_page = with_limit(LISTINGS["hub_models"].first, 500)
    link = HubClient(sick.endpoint, token=False).ask(half_a_page).headers["link"]
    astray = with_limit(link.partition("<")[2].partition(">")[0], 1000)
    sick.asked.clear()
    sick.at, sick.fault, sick.times = 4, lambda reply: reply.with_link(astray), 1
    landed = crawled(sick, tmp_path, clock)
    assert sick.struck == 1
    assert landed.rows == ROWS
    assert max(Counter(sick.pages()).values()) > 1


@pytest.mark.parametrize("left", [1, 2, 400, 999])
def test_a_short_page_without_a_link_is_not_the_end(
    sick: Any, tmp_path: Path, clock: Any, left: int
) -> None:
    """On a home's first day there is no snapshot to hold such a crawl against."""

    def short(reply: Any) -> Any:
        rows = json.loads(reply.body)[:left]
        return reply.with_link(None).with_body(json.dumps(rows).encode())

    sick.fault, sick.times = short, 1
    landed = crawled(sick, tmp_path, clock)
    assert sick.struck == 1
    assert landed.rows == ROWS
    # The pages are of the usual size again.
    assert landed.requests <= 1 + 8 + 2 * 3


def test_a_page_that_repeats_the_one_before(sick: Any, tmp_path: Path, clock: Any) -> None:
    """Pages 6 to 8 share one timestamp: only the keys tell that page 7 is page 6 again."""
    bodies: list[bytes] = []

    def again(reply: Any) -> Any:
        return reply.with_body(bodies[0])

    def remember(reply: Any) -> Any:
        bodies.append(reply.body)
        sick.at, sick.fault, sick.struck = 7, again, 0
        return reply

    sick.at, sick.fault, sick.times = 6, remember, 1
    assert crawled(sick, tmp_path / "once", clock).rows == ROWS
    assert sick.struck == 1
    sick.asked.clear()
    sick.at, sick.fault, sick.struck, sick.times = 6, remember, 0, 1_000
    with pytest.raises(CrawlStopped) as stopped:
        crawled(sick, tmp_path / "again", clock)
    assert stopped.value.name == "adds nothing"


def test_rows_that_come_a_second_time_are_dropped(sick: Any, tmp_path: Path, clock: Any) -> None:
    """Page 7 begins with the last ten models of page 6."""
    bodies: list[bytes] = []

    def overlapping(reply: Any) -> Any:
        tail = b"},{".join(bodies[0].split(b"},{")[-10:]).rstrip(b"]")
        return reply.with_body(b"[{" + tail + b"," + reply.body[1:])

    def remember(reply: Any) -> Any:
        bodies.append(reply.body)
        sick.at, sick.fault, sick.struck = 7, overlapping, 0
        return reply

    sick.at, sick.fault, sick.times = 6, remember, 1
    landed = crawled(sick, tmp_path, clock)
    assert sick.struck == 1
    assert landed.retries == 0
    assert landed.rows == ROWS
