"""Outages and quotas: the crawl waits as long as it must, as asked, and no longer."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from local_hub import LocalHub, Quota
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import CrawlStopped, Progress, crawl

ROWS = 7_250
HALF_AN_HOUR = 1_800.0


def status(number: int) -> Callable[[Any], Any]:
    def fault(reply: Any) -> Any:
        return type(reply)(number, reply.headers, []).with_body(b"down")

    return fault


def dropped(reply: Any) -> None:
    return None


def cut_short(reply: Any) -> Any:
    headers = reply.headers | {"Content-Length": str(len(reply.body) + 1), "Connection": "close"}
    return type(reply)(200, headers, [reply.body[:1000]])


@pytest.mark.parametrize(
    "fault",
    [status(500), dropped, cut_short],
    ids=["500", "connection dropped", "body cut short"],
)
def test_an_outage_of_half_an_hour_is_outlasted(
    sick: Any, tmp_path: Path, clock: Any, fault: Callable[[Any], Any]
) -> None:
    began: list[float] = []

    def down(reply: Any) -> Any:
        began.append(clock.now())
        return reply if clock.now() - began[0] > HALF_AN_HOUR else fault(reply)

    sick.fault = down
    seen: list[Progress] = []
    landed = crawl(
        Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock), progress=seen.append
    )
    assert landed.rows == ROWS
    assert landed.waited_seconds >= HALF_AN_HOUR
    assert landed.waited_seconds < HALF_AN_HOUR + 61
    # Exponential back-off: some tries at first, then one or two a minute.
    assert 30 < landed.retries < 140
    assert any(progress.note and "next request in" in progress.note for progress in seen)


def test_refused_connections_are_outlasted(hub: Any, sick: Any, tmp_path: Path, clock: Any) -> None:
    """The server itself goes away after page 3, and comes back after half an hour."""
    client = HubClient(sick.endpoint, token=False, clock=clock)
    port = sick.port
    revived: list[Any] = []

    class Reviving(type(clock)):  # type: ignore[misc]
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.now() > HALF_AN_HOUR and not revived:
                revived.append(type(sick)(hub.endpoint, port=port).__enter__())

    client.clock = Reviving()

    def stop(progress: Progress) -> None:
        if progress.pages == 3 and progress.note is None:
            sick.stop()

    try:
        landed = crawl(Home(tmp_path), client, progress=stop)
    finally:
        for server in revived:
            server.__exit__()
    assert landed.rows == ROWS
    assert landed.waited_seconds > HALF_AN_HOUR


def test_failing_name_resolution_is_outlasted(
    sick: Any, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, began = socket.getaddrinfo, -HALF_AN_HOUR
    client = HubClient(sick.endpoint.replace("127.0.0.1", "localhost"), token=False, clock=clock)

    def failing(host: Any, *rest: Any, **named: Any) -> Any:
        if clock.now() - began < HALF_AN_HOUR:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return resolve(host, *rest, **named)

    def cut(progress: Progress) -> None:
        nonlocal began
        if progress.pages == 2 and progress.note is None:
            began = clock.now()
            sick.hang_up()

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    landed = crawl(Home(tmp_path), client, progress=cut)
    assert landed.rows == ROWS
    assert landed.waited_seconds > HALF_AN_HOUR


def test_hanging_sockets_are_given_up_in_time(sick: Any, tmp_path: Path, clock: Any) -> None:
    hanging = [True, True]

    def hang(path: str) -> None:
        if len(sick.pages()) == 3 and hanging:
            hanging.pop()
            sick.asked.remove(path)
            sick.wait(3.0)

    sick.before = hang
    landed = crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock, read=1.0))
    assert landed.rows == ROWS
    assert landed.retries >= 2


def test_a_dripping_body_is_given_up_in_time(sick: Any, tmp_path: Path, clock: Any) -> None:
    def drip(reply: Any) -> Any:
        def parts() -> Iterator[bytes]:
            body = reply.body
            for start in range(0, len(body), 1000):
                sick.wait(0.15)
                yield body[start : start + 1000]

        return type(reply)(200, reply.headers, parts())

    sick.fault, sick.times = drip, 1
    landed = crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock, whole=2.0))
    assert landed.rows == ROWS
    assert landed.retries >= 1


def test_patience_ends_and_the_next_run_goes_on(sick: Any, tmp_path: Path, clock: Any) -> None:
    home = Home(tmp_path)
    sick.at, sick.fault = 5, status(503)
    with pytest.raises(CrawlStopped) as stopped:
        crawl(home, HubClient(sick.endpoint, token=False, clock=clock))
    assert stopped.value.name == "outage"
    assert "status 503" in str(stopped.value)
    assert "4 pages are kept" in str(stopped.value)
    assert HALF_AN_HOUR < clock.now() < 2 * 3600
    sick.fault = None
    sick.asked.clear()
    landed = crawl(home, HubClient(sick.endpoint, token=False, clock=clock))
    assert landed.resumed
    assert landed.rows == ROWS
    assert len(sick.pages()) == 4 + 2  # two prove the end


def test_before_the_first_page_patience_is_short(sick: Any, tmp_path: Path, clock: Any) -> None:
    sick.at, sick.fault = 1, status(500)
    with pytest.raises(CrawlStopped):
        crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert clock.now() < 60


def test_a_deadline_stops_clean_and_resumable(sick: Any, tmp_path: Path, clock: Any) -> None:
    home = Home(tmp_path)
    sick.before = lambda _: clock.advance(60)
    with pytest.raises(CrawlStopped) as stopped:
        crawl(
            home,
            HubClient(sick.endpoint, token=False, clock=clock),
            deadline=timedelta(minutes=4),
        )
    assert stopped.value.name == "deadline"
    asked = len(sick.pages())
    assert 2 <= asked <= 4
    landed = crawl(home, HubClient(sick.endpoint, token=False, clock=clock))
    assert landed.rows == ROWS
    assert landed.resumed
    assert len(sick.pages()) == 8 + 2  # two prove the end


def test_a_deadline_does_not_wait_for_a_wait_beyond_it(
    sick: Any, tmp_path: Path, clock: Any
) -> None:
    sick.fault = lambda reply: status(429)(reply).with_headers({"Retry-After": "3000"})
    with pytest.raises(CrawlStopped) as stopped:
        crawl(
            Home(tmp_path),
            HubClient(sick.endpoint, token=False, clock=clock),
            deadline=timedelta(minutes=30),
        )
    assert stopped.value.name == "deadline"
    assert clock.now() < 60


def retry_after_date(reply: Any) -> dict[str, str]:
    named = {name.lower(): text for name, text in reply.headers.items()}
    now = parsedate_to_datetime(named["date"])
    return {"Retry-After": format_datetime(now + timedelta(seconds=90), usegmt=True)}


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (lambda reply: {"RateLimit": '"api";r=0;t=120'}, 120, 125),
        (lambda reply: {"Retry-After": "75"}, 75, 80),
        (retry_after_date, 88, 95),
        (lambda reply: {}, 0.5, 10),
    ],
    ids=["RateLimit", "Retry-After", "Retry-After as a date", "neither"],
)
def test_429_is_waited_for_as_asked(
    sick: Any,
    tmp_path: Path,
    clock: Any,
    headers: Callable[[Any], dict[str, str]],
    least: float,
    most: float,
) -> None:
    def limited(reply: Any) -> Any:
        bare = {k: v for k, v in reply.headers.items() if not k.lower().startswith("ratelimit")}
        return status(429)(type(reply)(429, bare | headers(reply), []))

    sick.fault, sick.times = limited, 2
    landed = crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert landed.rows == ROWS
    assert landed.retries == 2
    assert 2 * least <= landed.waited_seconds <= 2 * most


@pytest.mark.parametrize("number", [429, 503])
@pytest.mark.parametrize("asked", ["0", "Fri, 01 Jan 2021 00:00:00 GMT"], ids=["0", "a past date"])
def test_who_asks_for_no_wait_is_not_stormed(
    sick: Any, tmp_path: Path, clock: Any, number: int, asked: str
) -> None:
    def at_once(reply: Any) -> Any:
        bare = {k: v for k, v in reply.headers.items() if not k.lower().startswith("ratelimit")}
        return status(number)(type(reply)(number, bare | {"Retry-After": asked}, []))

    sick.fault = at_once
    with pytest.raises(CrawlStopped) as stopped:
        crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert stopped.value.name == "outage"
    # Within its hour: some tries at first, then one or two a minute.
    assert HALF_AN_HOUR < clock.now() < 2 * 3600
    assert 30 < sick.struck < 280


def test_the_quota_is_used_up_and_never_exceeded(
    hub: LocalHub, sick: Any, tmp_path: Path, clock: Any
) -> None:
    """Quota 3 a minute, 0.3 s a page: 11 requests take three windows and a bit."""
    was = hub.stage.quota
    hub.stage.quota = Quota(anonymous=3, token=3, window=60, clock=clock.now)
    sick.before = lambda _: clock.advance(0.3)
    sick.at, sick.fault = 0, None
    try:
        landed = crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    finally:
        hub.stage.quota = was
    assert landed.retries == 0
    assert len(sick.asked) == 11
    ideal = 3 * 60 + 2 * 0.3
    assert clock.now() <= ideal / 0.9
    assert clock.now() >= ideal


@pytest.mark.parametrize("number", [401, 403, 404, 500, 503, 302])
def test_first_contact_is_refused_with_the_cause(
    sick: Any, tmp_path: Path, clock: Any, number: int
) -> None:
    home = Home(tmp_path / "home")
    sick.everywhere = status(number)
    with pytest.raises(Refusal) as refused:
        crawl(home, HubClient(sick.endpoint, token=False, clock=clock))
    assert ("redirects" if number == 302 else str(number)) in str(refused.value)
    assert sick.endpoint in str(refused.value)
    assert clock.now() < 60
    assert not home.root.exists()


@pytest.mark.parametrize(
    "body", [b"<html>Welcome</html>", b'{"hello": "world"}', b'["hello"]', b"", b"[[[["]
)
def test_what_is_not_a_hub_is_refused(sick: Any, tmp_path: Path, clock: Any, body: bytes) -> None:
    sick.everywhere = lambda reply: reply.with_body(body)
    with pytest.raises(Refusal, match="did not answer as a Hub"):
        crawl(Home(tmp_path / "home"), HubClient(sick.endpoint, token=False, clock=clock))
    assert not (tmp_path / "home").exists()


def test_nobody_at_the_endpoint_is_refused(tmp_path: Path, clock: Any) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(Refusal, match="no connection"):
        crawl(Home(tmp_path), HubClient(f"http://127.0.0.1:{port}", token=False, clock=clock))
    assert clock.now() < 60


def test_silence_at_first_contact_is_refused(tmp_path: Path, clock: Any) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Refusal, match="no answer in time"):
            crawl(Home(tmp_path), HubClient(endpoint, token=False, clock=clock, read=0.2))


@pytest.mark.long
def test_silence_at_first_contact_is_refused_within_a_minute(tmp_path: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Refusal, match="no answer in time"):
            crawl(Home(tmp_path), HubClient(endpoint, token=False))
        assert time.monotonic() - began < 60


def test_a_full_disk_is_told_and_gone_on_from(sick: Any, tmp_path: Path, clock: Any) -> None:
    """A folder in the place of the fourth page cannot be replaced, as a full disk could not."""
    home = Home(tmp_path)
    obstacle = home.landing / "hub_models" / "2026-08-20" / "page-00004.json.zst" / "taken"
    with pytest.raises(CrawlStopped) as stopped:
        crawl(
            home,
            HubClient(sick.endpoint, token=False, clock=clock),
            progress=lambda progress: obstacle.mkdir(parents=True, exist_ok=True),
        )
    assert stopped.value.name == "disk"
    assert str(obstacle.parent.parent) in str(stopped.value)
    obstacle.rmdir()
    obstacle.parent.rmdir()
    landed = crawl(home, HubClient(sick.endpoint, token=False, clock=clock))
    assert landed.resumed
    assert landed.rows == ROWS


def test_a_home_that_cannot_be_written_is_told(sick: Any, tmp_path: Path, clock: Any) -> None:
    (tmp_path / "landing").write_text("a file where a folder belongs")
    with pytest.raises(CrawlStopped, match="cannot be written") as stopped:
        crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert stopped.value.name == "disk"


def test_a_429_that_asks_for_a_day_is_not_waited_for(sick: Any, tmp_path: Path, clock: Any) -> None:
    sick.fault = lambda reply: status(429)(reply.with_headers({"Retry-After": "86400"}))
    sick.everywhere = None
    with pytest.raises(CrawlStopped) as stopped:
        crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert stopped.value.name == "outage"
    assert clock.now() < 3600


def test_a_hub_that_names_no_universe_is_the_hub_itself(
    sick: Any, tmp_path: Path, clock: Any
) -> None:
    def nameless(reply: Any) -> Any:
        headers = {k: v for k, v in reply.headers.items() if k.lower() != "x-hub-universe"}
        return type(reply)(200, headers, reply.parts)

    sick.everywhere = nameless
    landed = crawl(Home(tmp_path), HubClient(sick.endpoint, token=False, clock=clock))
    assert str(landed.universe) == "the live Hub"
    assert landed.rows == ROWS
