"""What the fault tests share: a small recorded Hub, and a proxy that counts and can go wrong."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_hub import LocalHub, Recorded
from orchestration.hub.patience import Clock

DAY = date(2026, 8, 20)
DEFAULT_DATE = "2022-03-02T23:29:04.000Z"


def records(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Models as `/api/models` lists them; two fifths of them share one timestamp."""
    chance = random.Random(seed)
    start = datetime(2026, 8, 20, 11, 30, tzinfo=UTC)
    found = []
    for number in range(count):
        created = start - timedelta(minutes=chance.randrange(1, 500_000))
        found.append(
            {
                "_id": f"{chance.getrandbits(96):024x}",
                "id": f"author-{number % 37}/model-{number}",
                "author": f"author-{number % 37}",
                "createdAt": DEFAULT_DATE
                if number % 5 < 2
                else created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "lastModified": "2026-08-19T10:00:00.000Z",
                "downloads": max(0, round(chance.paretovariate(0.9)) - 1),
                "downloadsAllTime": number * 3,
                "likes": number % 11,
                "gated": False,
                "private": False,
                "disabled": False,
                "tags": ["transformers", "license:mit", f"tag-{number % 13}"],
                "library_name": "transformers",
            }
        )
    return found


def write_snapshot(folder: Path, rows: list[dict[str, Any]], on: date = DAY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{on}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """7,250 models on one day: eight pages."""
    folder = write_snapshot(tmp_path_factory.mktemp("snapshots"), records(7_250))
    return Recorded(folder, panel="faults")


@pytest.fixture(scope="session")
def hub(recorded: Recorded) -> Iterator[LocalHub]:
    """A Hub of these models that is well."""
    with LocalHub(recorded, date=DAY) as running:
        yield running


@dataclass
class Reply:
    """What goes back to the client. `parts` are sent as they are, after the head."""

    status: int
    headers: dict[str, str]
    parts: Iterable[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def with_body(self, body: bytes) -> Reply:
        return replace(
            self, parts=[body], headers=self.headers | {"Content-Length": str(len(body))}
        )

    def with_headers(self, headers: dict[str, str]) -> Reply:
        return replace(self, headers=self.headers | headers)

    def with_link(self, target: str | None) -> Reply:
        headers = {name: text for name, text in self.headers.items() if name.lower() != "link"}
        if target is not None:
            headers["Link"] = f'<{target}>; rel="next"'
        return replace(self, headers=headers)


Fault = Callable[[Reply], Reply | None]
"""What becomes of a reply; None closes the connection without one."""


class Proxy:
    """Stands between the client and a Hub; notes every request, can be slow and go wrong.

    `fault` strikes the listing page `at` (the first is 1), `times` times. `before` is called
    with each request's path before it is passed on.
    """

    def __init__(
        self, target: str, before: Callable[[str], None] = lambda path: None, port: int = 0
    ) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.before = before
        self.fault: Fault | None = None
        self.everywhere: Fault | None = None
        self.at = 3
        self.times = 1_000_000
        self.struck = 0
        self._behind = urlsplit(target)
        self._connections: list[socket.socket] = []
        self._stopping = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                proxy.headers.append(dict(self.headers.items()))
                proxy.before(self.path)
                reply = proxy.reply(self.path, dict(self.headers.items()))
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response_only(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                for part in reply.parts:
                    self.wfile.write(part)
                    self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

            def setup(self) -> None:
                super().setup()
                proxy._connections.append(self.connection)

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, TimeoutError):
                    super().handle()

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Clients that hang up in the middle of an answer are what we test."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def pages(self) -> list[str]:
        """The paths of listing pages that were asked for, first contact left out."""
        return [path for path in self.asked if "sort=createdAt" in path]

    def reply(self, path: str, headers: dict[str, str]) -> Reply | None:
        connection = http.client.HTTPConnection(self._behind.hostname or "", self._behind.port)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        known = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in ("content-length", "transfer-encoding", "connection")
        }
        known["Content-Length"] = str(len(body))
        reply = Reply(answer.status, known, [body])
        if self.everywhere is not None:
            return self.everywhere(reply)
        if self.fault is None or self.struck >= self.times or not self._is_struck(path):
            return reply
        self.struck += 1
        return self.fault(reply)

    def _is_struck(self, path: str) -> bool:
        """Whether `path` is the page to be struck. Of the same cursor with another limit, too."""
        pages = list(dict.fromkeys(re.sub(r"limit=\d+", "", page) for page in self.pages()))
        return "sort=" in path and pages.index(re.sub(r"limit=\d+", "", path)) + 1 == self.at

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the server."""
        self._stopping.wait(seconds)

    def hang_up(self) -> None:
        """Close every connection; new ones are welcome."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def stop(self) -> None:
        """Go away: connections are refused from now on."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.hang_up()


class HurriedClock(Clock):
    """Time that passes only in sleep, and at once. `advance` plays what a request took."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    advance = sleep


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def sick(hub: LocalHub) -> Iterator[Proxy]:
    """A proxy before the Hub, to be given a fault."""
    with Proxy(hub.endpoint) as running:
        yield running


@pytest.fixture
def proxy(hub: LocalHub) -> Iterator[Proxy]:
    """A proxy before the Hub that takes 8 ms for each answer."""
    with Proxy(hub.endpoint, before=lambda _: time.sleep(0.008)) as running:
        yield running
