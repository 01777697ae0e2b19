"""Answers that no Hub gives: once, the crawl recovers; again, it fails closed, soon, by name."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import CrawlStopped, Landed, crawl

TOKEN = "hf_" + "never" * 6
ROWS = 7_250
BOMB = gzip.compress(b" " * 200_000_000, compresslevel=1)


def as_html(reply: Any) -> Any:
    headers = reply.headers | {"Content-Type": "text/html"}
    page = b"<html><body>We are down for maintenance</body></html>"
    return type(reply)(200, headers, []).with_body(page)


def truncated(reply: Any) -> Any:
    body = reply.body
    return reply.with_body(body[: len(body) // 2])


def an_object(reply: Any) -> Any:
    return reply.with_body(b'{"error": "try again"}')


def strings(reply: Any) -> Any:
    return reply.with_body(b'["a/b", "c/d"]')


def nameless(reply: Any) -> Any:
    return reply.with_body(b'[{"downloads": 3}, {"downloads": 4}]')


def shuffled(reply: Any) -> Any:
    rows = json.loads(reply.body)
    random.Random(1).shuffle(rows)
    return reply.with_body(json.dumps(rows).encode())


def deep(reply: Any) -> Any:
    return reply.with_body(b"[" * 100_000 + b"]" * 100_000)


def empty(reply: Any) -> Any:
    return reply.with_body(b"[]")


def not_gzip(reply: Any) -> Any:
    headers = reply.headers | {"Content-Encoding": "gzip"}
    return type(reply)(200, headers, []).with_body(b"this is no gzip")


def bomb(reply: Any) -> Any:
    headers = reply.headers | {"Content-Encoding": "gzip"}
    return type(reply)(200, headers, []).with_body(BOMB)


def announced(reply: Any) -> Any:
    return type(reply)(200, reply.headers | {"Content-Length": str(10**10)}, endless())


def unannounced(reply: Any) -> Any:
    headers = {name: text for name, text in reply.headers.items() if name != "Content-Length"}
    return type(reply)(200, headers, endless())


def endless() -> Iterator[bytes]:
    part = b" " * 1_000_000
    for _ in range(10_000):
        yield part


def status(number: int) -> Callable[[Any], Any]:
    def fault(reply: Any) -> Any:
        return type(reply)(number, reply.headers, []).with_body(b'{"error": "no"}')

    return fault


FAULTS = {
    "truncated JSON": (truncated, "not JSON"),
    "HTML with status 200": (as_html, "not JSON"),
    "an object instead of a list": (an_object, "not a list"),
    "a list of texts": (strings, "not models"),
    "models without names": (nameless, "not models"),
    "another sort": (shuffled, "another sort"),
    "deeply nested JSON": (deep, "not models"),
    "an empty page that leads on": (empty, "adds nothing"),
    "no gzip where gzip is announced": (not_gzip, "not decodable"),
    "a gzip bomb": (bomb, "too large"),
    "10 GB, announced": (announced, "too large"),
    "10 GB, unannounced": (unannounced, "too large"),
    "status 401": (status(401), "status 401"),
    "status 403": (status(403), "status 403"),
    "status 404": (status(404), "status 404"),
}


def whole(landed: Landed) -> bool:
    files = str(landed.folder / "*.json.zst")
    found = duckdb.sql(
        "select count(*), count(distinct json->>'_id') "
        f"from read_json_objects('{files}', format = 'array', compression = 'zstd')"
    ).fetchall()
    return found == [(ROWS, ROWS)]


def recovers(sick: Any, home: Home, clock: Any) -> None:
    sick.times = 1
    landed = crawl(home, HubClient(sick.endpoint, TOKEN, clock=clock))
    assert sick.struck == 1
    assert whole(landed)
    landed.discard()


def fails_closed(sick: Any, home: Home, clock: Any, name: str, tries: int = 3) -> None:
    sick.times, sick.struck = 1_000_000, 0
    sick.asked.clear()
    began, real = clock.now(), time.monotonic()
    with pytest.raises(CrawlStopped) as stopped:
        crawl(home, HubClient(sick.endpoint, TOKEN, clock=clock))
    assert stopped.value.name == name
    assert name in str(stopped.value)
    assert clock.now() - began + time.monotonic() - real < 60
    assert sick.struck <= tries
    assert TOKEN not in str(stopped.value)


def goes_on(sick: Any, home: Home, clock: Any) -> None:
    """The Hub is well again: the next run takes what there was, and ends."""
    sick.fault = None
    sick.asked.clear()
    landed = crawl(home, HubClient(sick.endpoint, TOKEN, clock=clock))
    assert landed.resumed
    assert len(sick.pages()) < 8
    assert whole(landed)


@pytest.mark.parametrize("fault", FAULTS)
def test_nonsense(sick: Any, tmp_path: Path, clock: Any, fault: str) -> None:
    sick.fault, name = FAULTS[fault]
    home = Home(tmp_path)
    recovers(sick, home, clock)
    fails_closed(sick, home, clock, name)
    goes_on(sick, home, clock)


LINKS: dict[str, tuple[Callable[[Any, list[str]], str], str]] = {
    "a cursor seen before": (lambda sick, pages: sick.endpoint + pages[1], "cursor repeated"),
    "a cursor that leads to itself": (
        lambda sick, pages: sick.endpoint + pages[-1],
        "cursor repeated",
    ),
    "another listing": (
        lambda sick, pages: sick.endpoint + pages[-1].replace("models", "spaces"),
        "link elsewhere",
    ),
}


@pytest.mark.parametrize("fault", LINKS)
def test_links_that_lead_nowhere(sick: Any, tmp_path: Path, clock: Any, fault: str) -> None:
    pick, name = LINKS[fault]
    sick.fault = lambda reply: reply.with_link(pick(sick, sick.pages()))
    home = Home(tmp_path)
    recovers(sick, home, clock)
    fails_closed(sick, home, clock, name)
    goes_on(sick, home, clock)


def test_a_page_that_repeats_the_one_before(sick: Any, tmp_path: Path, clock: Any) -> None:
    """Page 6 to 8 share one timestamp: only the ids tell that page 7 is page 6 again."""
    bodies: dict[str, bytes] = {}

    def fault(reply: Any) -> Any:
        return reply.with_body(bodies["page before"])

    def remember(reply: Any) -> Any:
        bodies["page before"] = reply.body
        sick.at, sick.fault = 7, fault
        return reply

    home = Home(tmp_path)
    sick.at, sick.fault = 6, remember
    sick.times = 2
    landed = crawl(home, HubClient(sick.endpoint, TOKEN, clock=clock))
    assert sick.struck == 2
    assert whole(landed)
    landed.discard()
    sick.at, sick.fault, sick.struck = 6, remember, 0
    fails_closed(sick, home, clock, "adds nothing", tries=4)
    goes_on(sick, home, clock)


@pytest.mark.parametrize("kind", ["Link", "redirect"])
def test_nothing_is_asked_of_another_origin(
    sick: Any, tmp_path: Path, clock: Any, kind: str
) -> None:
    with type(sick)("http://127.0.0.1:9") as elsewhere:
        target = f"{elsewhere.endpoint}/api/models?cursor=abc"
        if kind == "Link":
            sick.fault, name = lambda reply: reply.with_link(target), "link elsewhere"
        else:
            sick.fault = lambda reply: type(reply)(
                302, reply.headers | {"Location": target, "Content-Length": "0"}, []
            )
            name = "redirect"
        home = Home(tmp_path)
        recovers(sick, home, clock)
        fails_closed(sick, home, clock, name)
        goes_on(sick, home, clock)
        assert elsewhere.asked == []
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for headers in sick.headers)


@pytest.mark.parametrize("page", [3, 8])
def test_a_missing_link_is_not_taken_for_the_end(
    tmp_path: Path, sick: Any, clock: Any, page: int
) -> None:
    """Page 8 is short: there it is the end indeed."""
    sick.at = page
    sick.fault = lambda reply: reply.with_link(None)
    home = Home(tmp_path)
    recovers(sick, home, clock)
    if page == 3:
        fails_closed(sick, home, clock, "missing link", tries=4)
        goes_on(sick, home, clock)


def test_the_token_is_in_no_file_of_the_home(sick: Any, tmp_path: Path, clock: Any) -> None:
    sick.at, sick.fault = 4, as_html
    with pytest.raises(CrawlStopped):
        crawl(Home(tmp_path), HubClient(sick.endpoint, TOKEN, clock=clock))
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()
