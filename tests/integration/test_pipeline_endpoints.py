"""Endpoints that are no Hub, or none today: refused within a minute, with the cause."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.command_line import Ended, finish, start

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("pipeline_endpoints")]

TOKEN = "hf_canaryCanaryCanaryCanaryCanary12"


@dataclass(frozen=True)
class Trouble:
    """What an endpoint answers to everything, and the words that must tell it."""

    status: int
    body: bytes
    words: str
    kind: str = "application/json"


ANSWERS = {
    "401": Trouble(401, b'{"error":"Invalid token"}', "401"),
    "403": Trouble(403, b'{"error":"Forbidden"}', "403"),
    "404": Trouble(404, b"Not Found", "404", "text/plain"),
    "500": Trouble(500, b"oops", "500", "text/plain"),
    "a web page": Trouble(200, b"<html>Welcome</html>", "JSON", "text/html"),
    "another API": Trouble(200, b'{"hello":"world"}', "list"),
    "other things": Trouble(200, b'[{"name":"x"},{"name":"y"}]', ""),
}


def serve(trouble: Trouble) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(trouble.status)
            self.send_header("Content-Type", trouble.kind)
            self.send_header("Content-Length", str(len(trouble.body)))
            self.end_headers()
            self.wfile.write(trouble.body)

        def do_HEAD(self) -> None:
            self.send_response(trouble.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def ends(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Ended, float, Path]]]:
    """`observatory run` against every kind of trouble, all at the same time."""
    servers = {name: serve(trouble) for name, trouble in ANSWERS.items()}
    endpoints = {name: f"http://127.0.0.1:{one.server_port}" for name, one in servers.items()}
    silent, closed = socket.create_server(("127.0.0.1", 0)), socket.socket()
    closed.bind(("127.0.0.1", 0))  # nobody listens there
    endpoints["silence"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
    endpoints["a closed port"] = f"http://127.0.0.1:{closed.getsockname()[1]}"
    endpoints["no such host"] = "http://hub.invalid"
    endpoints["no address"] = "hub at home"
    begun = time.monotonic()
    homes = {name: tmp_path_factory.mktemp("home") / "home" for name in endpoints}
    started = {
        name: start(homes[name], "run", environment={"HF_ENDPOINT": url, "HF_TOKEN": TOKEN})
        for name, url in endpoints.items()
    }
    found: dict[str, tuple[Ended, float, Path]] = {}
    for name, process in started.items():
        found[name] = (finish(process, timeout=120), time.monotonic() - begun, homes[name])
    yield found
    for server in servers.values():
        server.shutdown()
        server.server_close()
    silent.close()
    closed.close()


KINDS = [*ANSWERS, "silence", "a closed port", "no such host", "no address"]


@pytest.mark.parametrize("kind", KINDS)
def test_trouble_is_refused_with_its_cause(
    kind: str, ends: dict[str, tuple[Ended, float, Path]]
) -> None:
    ended, seconds, home = ends[kind]
    assert ended.code == 1, ended.err
    assert "refused: " in ended.err and "Cure: " in ended.err
    assert "Traceback" not in ended.err
    assert kind not in ANSWERS or ANSWERS[kind].words in ended.err
    assert TOKEN not in ended.out + ended.err
    assert seconds < 65  # a minute, and the start of eleven processes at once
    assert not home.exists() or [path.name for path in home.rglob("*") if path.is_file()] == []
