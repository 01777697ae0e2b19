"""The local Hub as a running server: in a thread for tests, blocking for the command line.

What belongs here: sockets, threads and starting up. Bad arguments are `Refusal`s.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from local_hub.application import Stage, application
from local_hub.changes import Change
from local_hub.content import Content
from local_hub.faults import read_faults
from local_hub.faulty import FaultyHub
from local_hub.quota import Quota
from local_hub.recorded import Recorded
from local_hub.world.named import named_world
from orchestration.errors import Refusal

LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn, able to lose its connections and to refuse new ones for a while."""

    def listen(self, port: int) -> int:
        """Take a port (0: any). From now on connections wait, until the server runs."""
        self._listening = _listen(port)
        taken: int = self._listening.getsockname()[1]
        return taken

    def run_here(self) -> None:
        self.run(sockets=[self._listening])
        self._listening.close()

    def hang_up(self, client: tuple[str, int]) -> None:
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == client:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Without this, a client that a fault keeps waiting would keep the server from ending.
        self._hang_up_all()
        await super().shutdown(sockets)

    def _hang_up_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def refuse(self, seconds: float) -> None:
        port = self._listening.getsockname()[1]
        for listener in self.servers:
            listener.close()
        self._hang_up_all()
        self._reopening = asyncio.get_running_loop().create_task(self._reopen(port, seconds))

    async def _reopen(self, port: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self.should_exit:
            self.listen(port)
            await self.startup(sockets=[self._listening])


class LocalHub:
    """A Hub on loopback, in a thread of this process.

    `content` is a `Recorded`, a `World`, or a path of recorded snapshots. `date` is the day it
    plays (default: the newest). Port 0 takes any free one. Without `quota`, none is felt.
    `faults` is a file of declared faults, or what such a file holds. `datasets` are dataset
    repositories: the folder of revisions of each name.
    """

    def __init__(
        self,
        content: Content | Path | str,
        *,
        date: date | datetime | None = None,
        port: int = 0,
        quota: Quota | None = None,
        faults: Path | Mapping[str, Any] | None = None,
        datasets: Mapping[str, Path] | None = None,
    ) -> None:
        if isinstance(content, str | Path):
            content = Recorded(content)
        self.faults = None if faults is None else read_faults(faults)
        self.stage = Stage(content, date, quota or Quota.unlimited())
        app: ASGIApp = application(self.stage, datasets or {})
        if self.faults is not None:
            app = FaultyHub(app, self.faults, self.stage, lambda: self._server)
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                date_header=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self.port = self._server.listen(port)
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._server.run_here, name="local-hub", daemon=True)

    def set_date(self, moment: date | datetime) -> None:
        """Play another day from now on. Refuses one that the content does not have."""
        self.stage.set_date(moment)

    def change(self, change: Change) -> None:
        """Let models change now, while the day is being read."""
        self.stage.change(change)

    def start(self) -> LocalHub:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()

    def wait(self) -> None:
        """Block until the server ends."""
        self._thread.join()

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
    datasets: Mapping[str, Path] | None = None,
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
    hub = LocalHub(
        content, date=date, port=port, quota=quota or Quota(), faults=faults, datasets=datasets
    )
    with hub:
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
