"""Every way in which the local Hub can go wrong, seen from a client's side."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from local_hub import Change, LocalHub, World, named_world
from local_hub.faults import read_faults
from local_hub.misbehaviour import WAYS
from orchestration.errors import Refusal

HTTP = httpx2.Client(timeout=5)
LISTING = "/api/models?sort=createdAt&limit=200&expand=createdAt&expand=downloads"


@pytest.fixture(scope="module")
def world() -> World:
    return named_world("clean:1000x2")


def one(do: str, **options: Any) -> dict[str, Any]:
    """A fault on the third page, once."""
    when = options.pop("when", {"page": 3})
    return {"faults": [{"when": when, "do": do, "times": 1, **options}]}


def first_pages(hub: LocalHub, count: int) -> list[httpx2.Response]:
    """The first `count` pages, by the Links of the server."""
    url, found = hub.endpoint + LISTING, []
    for _ in range(count):
        found.append(HTTP.get(url, timeout=5))
        url = found[-1].links["next"]["url"]
    return found


def third_url(hub: LocalHub) -> str:
    return str(first_pages(hub, 2)[1].links["next"]["url"])


def third(hub: LocalHub) -> httpx2.Response:
    return HTTP.get(third_url(hub), timeout=5)


def test_the_readme_names_every_way_and_its_example_is_understood() -> None:
    readme = (Path(__file__).parents[2] / "local_hub" / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| `do` |") :]
    assert all(f"`{name}`" in table for name in WAYS)
    example = readme[readme.index("```yaml\n") + 8 :].partition("```")[0]
    assert len(yaml.safe_load(example)["faults"]) == 4
    read_faults(yaml.safe_load(example))


def test_a_status_comes_with_its_headers_and_no_others(world: World) -> None:
    headers = {"RateLimit": '"api";r=0;t=2', "Retry-After": "3"}
    with LocalHub(world, faults=one("status", status=429, headers=headers)) as hub:
        answer = third(hub)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "3"
        assert answer.headers["X-Hub-Universe"] == "world clean:1000x2"
        assert HTTP.get(third_url(hub)).status_code == 200  # once only
        assert hub.faults is not None and hub.faults.struck == 1
    with LocalHub(world, faults=one("status", status=429)) as hub:
        assert not {"ratelimit", "retry-after"} & set(third(hub).headers)


def test_closed_and_hanging_connections(world: World) -> None:
    with LocalHub(world, faults=one("close")) as hub, pytest.raises(httpx2.RemoteProtocolError):
        third(hub)
    with LocalHub(world, faults=one("hang")) as hub:
        url = third_url(hub)
        with pytest.raises(httpx2.ReadTimeout):
            HTTP.get(url, timeout=0.3)
        assert HTTP.get(url).status_code == 200


def test_connections_are_refused_for_a_while(world: World) -> None:
    with LocalHub(world, faults=one("refuse", seconds=0.5)) as hub:
        url = third_url(hub)
        with pytest.raises(httpx2.RemoteProtocolError):
            HTTP.get(url)
        with pytest.raises(httpx2.ConnectError):
            HTTP.get(url)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert HTTP.get(url).status_code == 200
                return
            except httpx2.ConnectError:
                time.sleep(0.05)
        pytest.fail("the server did not come back")


def test_late_and_dripping_answers_are_right(world: World) -> None:
    with LocalHub(world, faults=one("delay", seconds=0.3)) as hub:
        url, begun = third_url(hub), time.monotonic()
        assert len(HTTP.get(url).json()) == 200
        assert time.monotonic() - begun >= 0.3
    with LocalHub(world, faults=one("drip", bytes_per_second=100_000)) as hub:
        url, begun = third_url(hub), time.monotonic()
        assert len(HTTP.get(url).json()) == 200
        assert time.monotonic() - begun >= 0.1


def test_bodies_that_break_off(world: World) -> None:
    with LocalHub(world, faults=one("cut")) as hub, pytest.raises(httpx2.RemoteProtocolError):
        third(hub)
    with LocalHub(world, faults=one("truncate")) as hub:
        answer = third(hub)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()


@pytest.mark.parametrize(
    ("do", "options", "expected"),
    [
        ("html", {}, b"<!doctype html>"),
        ("json", {}, b'{"error"'),
        ("nested", {"depth": 50}, b"[" * 50),
        ("nothing_new", {"empty": True}, b"[]"),
    ],
)
def test_bodies_of_the_wrong_kind(
    world: World, do: str, options: Mapping[str, Any], expected: bytes
) -> None:
    with LocalHub(world, faults=one(do, **options)) as hub:
        answer = third(hub)
        assert answer.status_code == 200
        assert answer.content.startswith(expected)
        assert "next" in answer.links


def test_a_page_of_another_sort(world: World) -> None:
    with LocalHub(world, faults=one("other_sort")) as hub:
        answer = third(hub)
        downloads = [item["downloads"] for item in answer.json()]
        assert downloads == sorted(downloads, reverse=True)
        assert "sort=createdAt" in answer.links["next"]["url"]


def test_a_page_that_adds_nothing(world: World) -> None:
    with LocalHub(world, faults=one("nothing_new")) as hub:
        second = first_pages(hub, 2)[1]
        again = HTTP.get(second.links["next"]["url"])
        assert again.json() == second.json()
        assert again.links["next"]["url"] != second.links["next"]["url"]


def test_links_that_lead_astray(world: World) -> None:
    with LocalHub(world, faults=one("own_cursor")) as hub:
        url = third_url(hub)
        assert HTTP.get(url).links["next"]["url"] == url
    with LocalHub(world, faults=one("old_cursor")) as hub:
        pages = first_pages(hub, 3)
        assert pages[2].links["next"] == pages[0].links["next"]
    with LocalHub(world, faults=one("no_link")) as hub:
        assert "next" not in third(hub).links
    with LocalHub(world, faults=one("foreign_link", origin="http://127.0.0.1:9")) as hub:
        foreign = urlsplit(third(hub).links["next"]["url"])
        assert (foreign.netloc, foreign.path) == ("127.0.0.1:9", "/api/models")
    with LocalHub(world, faults=one("redirect", origin="http://127.0.0.1:9")) as hub:
        answer = third(hub)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("http://127.0.0.1:9/api/models?")


def test_bodies_too_large(world: World) -> None:
    with LocalHub(world, faults=one("huge", announced=True)) as hub:
        with HTTP.stream("GET", third_url(hub)) as answer:
            assert answer.headers["Content-Length"] == "10000000000"
            assert len(next(answer.iter_bytes())) > 0
        assert third(hub).status_code == 200  # and the server goes on
    with LocalHub(world, faults=one("huge", size=3_000_000)) as hub:
        assert len(third(hub).content) == 3_000_000
    with LocalHub(world, faults=one("bomb", size=50_000_000)) as hub:
        with HTTP.stream("GET", third_url(hub)) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            packed = b"".join(answer.iter_raw())
        assert len(packed) < 100_000
        assert len(zlib.decompress(packed, wbits=31)) == 50_000_000
    with LocalHub(world, faults=one("no_gzip")) as hub, pytest.raises(httpx2.DecodingError):
        third(hub)


def test_dates_of_the_past(world: World) -> None:
    with LocalHub(world, faults=one("stale_date", days=2)) as hub:
        assert parsedate_to_datetime(third(hub).headers["Date"]).date() == date(2026, 10, 29)
    with LocalHub(world, faults=one("stale_date", on=date(2025, 1, 2))) as hub:
        assert parsedate_to_datetime(third(hub).headers["Date"]).date() == date(2025, 1, 2)


def test_models_change_between_pages(world: World) -> None:
    faults = {
        "faults": [
            {"do": "change", "counters": 0.5, "create": 2, "delete": 3, "rename": 1}
        ]
    }  # fmt: skip
    with LocalHub(world, faults=faults) as hub:
        before = {r["id"] for r in hub.stage.day().records(hub.stage.day().newest_first("likes"))}
        seen: list[str] = []
        url: str | None = hub.endpoint + LISTING
        while url:
            answer = HTTP.get(url)
            seen += [item["id"] for item in answer.json()]
            url = answer.links.get("next", {}).get("url")
        changed = hub.stage.changed
        assert (len(changed.created), len(changed.deleted)) == (10, 15)
        stayed = before - set(changed.deleted) - set(changed.renamed)
        assert stayed <= set(seen)
        deleted = HTTP.get(f"{hub.endpoint}/api/models/{changed.deleted[0]}")
        assert deleted.status_code == 404
        before_name, name = next(iter(changed.renamed.items()))
        moved = HTTP.get(f"{hub.endpoint}/api/models/{before_name}", follow_redirects=True)
        assert moved.json()["id"] == name
        created = HTTP.get(f"{hub.endpoint}/api/models/{changed.created[0]}").json()
        assert created["createdAt"].startswith("2026-10-31")


def test_changes_can_be_made_by_hand_and_end_with_the_day(world: World) -> None:
    with LocalHub(world) as hub:
        count = len(HTTP.get(f"{hub.endpoint}/api/models").json())
        hub.change(Change(delete=5))
        assert len(HTTP.get(f"{hub.endpoint}/api/models").json()) == count - 5
        hub.set_date(world.dates[-1])
        assert len(HTTP.get(f"{hub.endpoint}/api/models").json()) == count


def test_faults_strike_when_they_are_told_to(world: World) -> None:
    faults = {
        "seed": 3,
        "faults": [
            {"when": {"requests": "2-3"}, "do": "status", "status": 503},
            {"when": {"path": "/api/users/*", "requests": "2-"}, "do": "status", "status": 500},
            {"when": {"path": "/api/organizations/*", "probability": 0.5}, "do": "status"},
        ],
    }

    def statuses(path: str, count: int) -> list[int]:
        return [HTTP.get(hub.endpoint + path).status_code for _ in range(count)]

    with LocalHub(world, faults=faults) as hub:
        assert statuses("/api/models?limit=1", 5) == [200, 503, 503, 200, 200]
        assert statuses("/api/users/nobody/overview", 3) == [404, 500, 500]
        lucky = statuses("/api/organizations/nobody/overview", 20)
        assert 3 < lucky.count(500) < 17
    with LocalHub(world, faults=faults) as hub:
        assert statuses("/api/organizations/nobody/overview", 20) == lucky


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("faults: 3", "no list called `faults`"),
        ("{faults: [", "cannot be read"),
        ("seed: x\nfaults: []", "seed"),
        ("faults: [{do: explode}]", "fault 1: `do` must be one of status, close"),
        ("faults: [{do: close}, {do: hang, second: 3}]", "fault 2: `second` is not among"),
        ("faults: [{do: hang, seconds: long}]", "`seconds` must be like 0.5"),
        ("faults: [{do: huge, announced: 1}]", "`announced` must be like true"),
        ("faults: [{do: close, times: often}]", "`times` must be a whole number"),
        ("faults: [{do: close, when: {page: x}}]", "`page` must be 3, 3-7 or 3-"),
        ("faults: [{do: close, when: {probability: 7}}]", "`when` cannot hold probability"),
        ("faults: [{do: close, when: monday}]", "`when` must hold"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "faults.yml"
    file.write_text(text)
    with pytest.raises(Refusal, match=problem) as refused:
        read_faults(file)
    assert str(file) in str(refused.value)
