"""A receiver of alerts on loopback, which can be down, slow to answer, or refuse."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/services/T000/B000/secretSecretSecret"


@dataclass
class Receiver:
    """What came to the address `url`: every attempt, and the messages it answered 200 to.

    `answers` are the codes of the next answers; when they are used up it answers 200.
    """

    url: str
    answers: list[int] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.taken]


@contextlib.contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A running receiver; `port` is that of one that was there before."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = body | {"key": self.headers["Idempotency-Key"], "path": self.path}
            code = found.answers.pop(0) if found.answers else 200
            found.attempts.append(message)
            if code == 200:
                found.taken.append(message)
            self.send_response(code)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}{PATH}")
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
