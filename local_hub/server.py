"""The local Hub as a running server: in a thread for tests, blocking for the command line.

What belongs here: sockets, threads and starting up. Bad arguments are `Refusal`s.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import TracebackType

import uvicorn

from local_hub.application import Stage, application
from local_hub.content import Content
from local_hub.quota import Quota
from local_hub.recorded import Recorded
from local_hub.world.named import named_world
from orchestration.errors import Refusal

LOOPBACK = "127.0.0.1"


class LocalHub:
    """A Hub on loopback, in a thread of this process.

    `content` is a `Recorded`, a `World`, or a path of recorded snapshots. `date` is the day it
    plays (default: the newest). Port 0 takes any free one. Without `quota`, none is felt.
    """

    def __init__(
        self,
        content: Content | Path | str,
        *,
        date: date | datetime | None = None,
        port: int = 0,
        quota: Quota | None = None,
    ) -> None:
        if isinstance(content, str | Path):
            content = Recorded(content)
        self.stage = Stage(content, date, quota or Quota.unlimited())
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(self.stage),
                log_config=None,
                date_header=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._run, name="local-hub", daemon=True)

    def set_date(self, moment: date | datetime) -> None:
        """Play another day from now on. Refuses one that the content does not have."""
        self.stage.set_date(moment)

    def start(self) -> LocalHub:
        # The socket listens already: requests before uvicorn runs wait in the backlog.
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def wait(self) -> None:
        """Block until the server ends."""
        self._thread.join()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> LocalHub:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(
    *,
    snapshots: Path | None = None,
    world: str | None = None,
    date: date | datetime | None = None,
    port: int = 8765,
    faults: Path | None = None,
    panel: str = "archive",
    quota: Quota | None = None,
    started: Callable[[LocalHub], None] = lambda hub: print(f"HF_ENDPOINT={hub.endpoint}"),
) -> None:
    """Serve recorded snapshots or a generated world until interrupted (Ctrl+C or SIGTERM).

    Exactly one of `snapshots` and `world`. `started` is told once, when it accepts requests.
    """
    if (snapshots is None) == (world is None):
        raise Refusal(
            "a local Hub plays either recorded snapshots or a generated world",
            cure="give --snapshots PATH or --world NAME, not both",
        )
    content: Content = (
        Recorded(snapshots, panel=panel) if snapshots is not None else named_world(world or "")
    )
    with LocalHub(content, date=date, port=port, quota=quota or Quota()) as hub:
        started(hub)
        try:
            hub.wait()
        except KeyboardInterrupt:
            return


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise Refusal(
            f"port {port} cannot be used ({error})", cure="stop who uses it, or give another --port"
        ) from error
    listening.listen(128)
    return listening
