"""Every fault that the local Hub can play, declared as its users declare it.

Each strikes once, and the crawl recovers; then for good, and the crawl stops, soon, by name,
or waits as for an outage; then the Hub is well again, and the crawl goes on from its pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from local_hub import LocalHub
from local_hub.misbehaviour import WAYS
from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import CrawlStopped, Landed, crawl

TOKEN = "hf_" + "never" * 6
ROWS = 7_250
# Of the bodies that are too large, enough to be too large. The whole 10 GB are for the patient.
MUCH = 40_000_000

NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "truncated JSON": ({"do": "truncate"}, "not JSON"),
    "HTML with status 200": ({"do": "html"}, "not JSON"),
    "an object instead of a list": ({"do": "json"}, "not a list"),
    "a list of texts": ({"do": "json", "body": '["a/b", "c/d"]'}, "not repositories"),
    "models without a name": ({"do": "json", "body": '[{"downloads": 3}]'}, "not repositories"),
    "deeply nested JSON": ({"do": "nested"}, "not repositories"),
    "deeply nested JSON in a model": (
        {"do": "json", "body": '[{"id": "a/b", "tags": ' + "[" * 9_999 + "]" * 9_999 + "}]"},
        "not JSON",
    ),
    "a page of another sort": ({"do": "other_sort"}, "another sort"),
    "an empty page that leads on": ({"do": "nothing_new", "empty": True}, "adds nothing"),
    "a Link that leads to another question": ({"do": "old_cursor"}, "link elsewhere"),
    "a cursor that leads to itself": ({"do": "own_cursor"}, "cursor repeated"),
    "a missing Link": ({"do": "no_link"}, "missing link"),
    "a Link to another origin": ({"do": "foreign_link"}, "link elsewhere"),
    "a redirect to another origin": ({"do": "redirect"}, "redirect"),
    "10 GB, announced": ({"do": "huge", "announced": True}, "too large"),
    "10 GB, unannounced": ({"do": "huge", "size": MUCH}, "too large"),
    "a gzip bomb": ({"do": "bomb", "size": MUCH}, "too large"),
    "no gzip where gzip is said": ({"do": "no_gzip"}, "not decodable"),
    "a page of another day": ({"do": "stale_date"}, "another date"),
    "status 401": ({"do": "status", "status": 401}, "status 401"),
    "status 403": ({"do": "status", "status": 403}, "status 403"),
    "status 404": ({"do": "status", "status": 404}, "status 404"),
}

OUTAGES: dict[str, dict[str, Any]] = {
    "status 500": {"do": "status", "status": 500},
    "status 503 with HTML": {"do": "status", "status": 503, "body": "<html>down</html>"},
    "429 with RateLimit": {
        "do": "status",
        "status": 429,
        "headers": {"RateLimit": '"api";r=0;t=20'},
    },
    "429 with Retry-After": {"do": "status", "status": 429, "headers": {"Retry-After": "20"}},
    "429 without either": {"do": "status", "status": 429},
    "a connection closed without an answer": {"do": "close"},
    "a body that breaks off": {"do": "cut"},
    "a hanging socket": {"do": "hang"},
    "a dripping body": {"do": "drip", "bytes_per_second": 20_000},
}

Play = Callable[..., LocalHub]


@pytest.fixture
def play(recorded: Any) -> Any:
    """Start a Hub with one fault on its third page; on the port of the last one."""
    playing: list[LocalHub] = []

    def start(fault: dict[str, Any] | None, *, times: int = 1_000) -> LocalHub:
        port = playing[-1].port if playing else 0
        stop()
        faults = [{"when": {"page": 3}, "times": times, **fault}] if fault else []
        playing.append(LocalHub(recorded, port=port, faults={"faults": faults}).start())
        return playing[-1]

    def stop() -> None:
        for hub in playing:
            hub.stop()

    yield start
    stop()


def struck(hub: LocalHub) -> int:
    assert hub.faults is not None
    return hub.faults.struck


def is_whole(landed: Landed) -> bool:
    files = str(landed.folder / "*.json.zst")
    found = duckdb.sql(
        "select count(*), count(distinct json->>'_id') "
        f"from read_json_objects('{files}', format = 'array', compression = 'zstd')"
    ).fetchall()
    return found == [(ROWS, ROWS)]


def crawled(hub: LocalHub, home: Home, clock: Any) -> Landed:
    client = HubClient(hub.endpoint, TOKEN, clock=clock, read=2.0, whole=3.0)
    return crawl(home, client)


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense(play: Play, tmp_path: Path, clock: Any, name: str) -> None:
    fault, named = NONSENSE[name]
    home = Home(tmp_path)

    hub = play(fault, times=1)
    landed = crawled(hub, home, clock)
    assert struck(hub) == 1
    assert is_whole(landed)
    landed.discard()

    hub = play(fault)
    began, real = clock.now(), time.monotonic()
    with pytest.raises(CrawlStopped) as stopped:
        crawled(hub, home, clock)
    assert stopped.value.name == named
    assert named in str(stopped.value)
    assert clock.now() - began + time.monotonic() - real < 60
    # Three tries; then the page before is asked for its Link again; then three more.
    assert struck(hub) <= 8
    assert TOKEN not in str(stopped.value)

    healthy = play(None)
    landed = crawled(healthy, home, clock)
    assert landed.resumed
    assert is_whole(landed)
    for path in home.root.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize("name", OUTAGES)
def test_outage(play: Play, tmp_path: Path, clock: Any, name: str) -> None:
    hub = play(OUTAGES[name], times=2)
    landed = crawled(hub, Home(tmp_path), clock)
    assert struck(hub) == 2
    assert landed.retries >= 2
    assert is_whole(landed)
    if "with R" in name:
        assert 2 * 20 <= landed.waited_seconds <= 2 * 22


def test_a_hub_that_goes_away_and_comes_back(play: Play, tmp_path: Path) -> None:
    hub = play({"do": "refuse", "seconds": 1.0}, times=1)
    landed = crawl(Home(tmp_path), HubClient(hub.endpoint, TOKEN))
    assert struck(hub) == 1
    assert landed.retries >= 1
    assert is_whole(landed)


def test_a_slow_hub_is_no_fault(play: Play, tmp_path: Path, clock: Any) -> None:
    hub = play({"do": "delay", "seconds": 1.0})
    landed = crawled(hub, Home(tmp_path), clock)
    assert landed.retries == 0
    assert is_whole(landed)


def test_models_that_come_and_go_between_pages(recorded: Any, tmp_path: Path) -> None:
    """After every page counters move, 25 models are made, 25 deleted, 25 renamed."""
    change = {"do": "change", "counters": 0.2, "create": 25, "delete": 25, "rename": 25}
    with LocalHub(recorded, faults={"seed": 5, "faults": [change]}) as hub:
        landed = crawl(Home(tmp_path), HubClient(hub.endpoint, token=False))
        deleted = set(hub.stage.changed.deleted)
        renamed = dict(hub.stage.changed.renamed)
    assert len(deleted) >= 200
    assert len(renamed) >= 200
    files = str(landed.folder / "*.json.zst")
    rows = duckdb.sql(
        "select json->>'_id', json->>'id' "
        f"from read_json_objects('{files}', format = 'array', compression = 'zstd')"
    ).fetchall()
    assert len({key for key, _ in rows}) == len(rows)
    before = {model["id"] for model in recorded.day(recorded.dates[-1]).records(every(recorded))}
    read = {name for _, name in rows}
    stayed = before - deleted
    assert not {name for name in stayed if name not in read and renamed.get(name) not in read}


def every(recorded: Any) -> Any:
    return np.arange(len(recorded.day(recorded.dates[-1])))


def test_nothing_is_asked_of_another_origin(recorded: Any, tmp_path: Path, clock: Any) -> None:
    with LocalHub(recorded) as elsewhere:
        asked: list[str] = []
        original = elsewhere.stage.quota.spend
        elsewhere.stage.quota.spend = lambda token: asked.append("!") or original(token)  # type: ignore
        for number, way in enumerate(("foreign_link", "redirect")):
            fault = {"when": {"page": 3}, "do": way, "origin": elsewhere.endpoint}
            with LocalHub(recorded, faults={"faults": [fault]}) as hub, pytest.raises(CrawlStopped):
                crawled(hub, Home(tmp_path / str(number)), clock)
        assert asked == []


@pytest.mark.long
@pytest.mark.parametrize("fault", [{"do": "huge"}, {"do": "bomb"}], ids=["huge", "bomb"])
def test_ten_gigabytes(play: Play, tmp_path: Path, clock: Any, fault: dict[str, Any]) -> None:
    hub = play(fault)
    real = time.monotonic()
    with pytest.raises(CrawlStopped, match="too large"):
        crawled(hub, Home(tmp_path), clock)
    assert time.monotonic() - real < 60


def test_every_way_to_misbehave_is_tried_here() -> None:
    tried = {fault["do"] for fault, _ in NONSENSE.values()}
    tried |= {fault["do"] for fault in OUTAGES.values()}
    assert tried | {"refuse", "delay", "change"} == set(WAYS)
    assert tried & {"refuse", "delay", "change"} == set()
