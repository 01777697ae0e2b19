"""What the fault tests share: a small recorded Hub, and a proxy that counts and can go wrong."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_hub import LocalHub, Recorded

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
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """A Hub of 7,250 models on one day."""
    folder = write_snapshot(tmp_path_factory.mktemp("snapshots"), records(7_250))
    with LocalHub(Recorded(folder, panel="faults"), date=DAY) as running:
        yield running


class Proxy:
    """Stands between the client and a Hub; notes every request, and can be slow.

    `before` is called with each request's path before it is passed on.
    """

    def __init__(self, target: str, before: Callable[[str], None] = lambda path: None) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.before = before
        proxy, behind = self, urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                proxy.headers.append(dict(self.headers.items()))
                proxy.before(self.path)
                connection = http.client.HTTPConnection(behind.hostname or "", behind.port)
                try:
                    connection.request("GET", self.path, headers=dict(self.headers.items()))
                    answer = connection.getresponse()
                    body = answer.read()
                finally:
                    connection.close()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, TimeoutError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def pages(self) -> list[str]:
        """The paths of listing pages that were asked for, first contact left out."""
        return [path for path in self.asked if "sort=createdAt" in path]

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def proxy(hub: LocalHub) -> Iterator[Proxy]:
    """A proxy before the Hub that takes 8 ms for each answer."""
    with Proxy(hub.endpoint, before=lambda _: time.sleep(0.008)) as running:
        yield running
