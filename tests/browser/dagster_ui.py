"""Dagster's UI over a home, for tests and pictures; and a home with a refused day to look at.

What belongs here: starting the webserver on a free loopback port and ending it with all it
started. What a page should show is the tests'.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from orchestration.home import CHECKOUT, Home
from tests.unit.marts_fixture import models_of

DAYS = ("2026-08-01", "2026-08-02", "2026-08-03")
# The counters stand in each other's columns: gate 1 refuses every day, so nothing is built.
SWAP = "update records set downloads = likes, likes = downloads"
_PANEL = {"source": "ARCHIVE", "panel": "pictures"}


def make_refused_home(folder: Path) -> Home:
    """A home with runs of three recorded days; the first gate refuses the last, and says why."""
    home = Home(folder / "home")
    archive = folder / "archive.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table records as {models_of(len(DAYS))}")
        connection.execute(SWAP)
        connection.execute(f"copy records to '{archive}' (format parquet)")
    config = {"fetch": _PANEL | {"archive": str(archive)}}
    # Playwright has its event loop in this thread, and Dagster wants one of its own.
    with _variables(home), ThreadPoolExecutor(1) as thread:
        thread.submit(_run_days, home, config).result()
    return home


def _run_days(home: Home, config: dict[str, dict[str, str]]) -> None:
    from orchestration.defs.automation import running

    for day in DAYS[:-1]:
        report = running.execute(home, "fetch_only", partition_key=day, ops=config)
        assert report.succeeded, report
    report = running.execute(home, "daily_observatory", partition_key=DAYS[-1], ops=config)
    assert report.refusals and not report.succeeded, report


@contextlib.contextmanager
def serving(home: Home, log: Path) -> Iterator[str]:
    """The UI over `home`; gives its address. What the server says goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    program = str(Path(sys.executable).with_name("dagster-webserver"))
    command = [program, "-w", str(CHECKOUT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    with _variables(home) as environment, log.open("w", encoding="utf-8") as said:
        server = subprocess.Popen(
            command,
            cwd=home.dagster,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            # A group of its own: the code server it starts must end with it.
            start_new_session=True,
        )
        try:
            _wait(f"{address}/server_info", server, log)
            yield address
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"the UI did not start: {log.read_text(encoding='utf-8')}")


@contextlib.contextmanager
def _variables(home: Home) -> Iterator[dict[str, str]]:
    """This process's variables, for the time being those of `home`."""
    before = dict(os.environ)
    os.environ |= {
        "OBSERVATORY_HOME": str(home.root),
        "DAGSTER_HOME": str(home.root / "dagster"),
        "PYTHONPATH": str(CHECKOUT),
        "DO_NOT_TRACK": "1",
    }
    try:
        yield dict(os.environ)
    finally:
        os.environ.clear()
        os.environ |= before
