"""Publishers and readers that run as processes of their own.

What belongs here: what happens inside the processes that the fault suites start, kill and
starve. Great Expectations is loaded once, in the fork server, so that a publication starts at
once.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import duckdb

from orchestration import database
from orchestration.database import literals
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.publication import generation, swap, weeks

# How a process ends that an error stopped, and one that never came to the call that was to fail.
STOPPED, NOT_REACHED = 3, 4


def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["great_expectations", "pandas", __name__])
    return context


def publish(root: Path, warehouse: Path, code_version: str) -> None:
    """One publication, with a file beside the marts as the dashboard writes many.

    Every table is divided into weeks: more steps can fail, and those of small homes as well.
    """
    weeks.TAKEN_OVER_FROM = weeks.DIVIDED_FROM = 1

    @contextlib.contextmanager
    def extra(_: Path, beside: Path) -> Iterator[Callable[[], None]]:
        (beside / "dashboard").mkdir()
        (beside / "dashboard/index.html").write_text("x" * 20_000)
        yield lambda: None

    swap.publish(Home(root), warehouse, code_version=code_version, extras=[extra])


def publish_within(root: Path, warehouse: Path, code_version: str, largest_file: int) -> None:
    """A publication on a disk that takes no file beyond `largest_file` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    _exit_after(root, warehouse, code_version)


def publish_in_memory(root: Path, warehouse: Path, code_version: str, memory: str) -> None:
    """A publication whose queries get no more than `memory` and no disk to spill to."""
    database.MEMORY_LIMIT = memory
    database.TEMPORARY_LIMIT = "0MB"
    _exit_after(root, warehouse, code_version)


def fail_call(nth: int, code: int) -> Callable[[], int]:
    """Let the `nth` call that makes something durable fail with errno `code`; how many there were.

    For the rest of this process, and for what is written by Python: not by DuckDB.
    """
    calls = 0

    def failing(genuine: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(code, os.strerror(code))
            return genuine(*arguments, **options)

        return call

    for holder, name in (
        (os, "fsync"),
        (Path, "rename"),
        (Path, "replace"),
        (Path, "symlink_to"),
        (Path, "mkdir"),
        (Path, "hardlink_to"),
        (Path, "write_text"),
    ):
        setattr(holder, name, failing(getattr(holder, name)))
    return lambda: calls


def publish_failing(root: Path, warehouse: Path, code_version: str, nth: int, code: int) -> None:
    """A publication whose `nth` call that makes something durable fails with errno `code`."""
    calls = fail_call(nth, code)
    _exit_after(root, warehouse, code_version, lambda: 0 if calls() >= nth else NOT_REACHED)


def _exit_after(
    root: Path, warehouse: Path, code_version: str, code: Callable[[], int] = lambda: 0
) -> None:
    """`code` where it published, STOPPED by an error. Silent, as the errors are meant."""
    try:
        publish(root, warehouse, code_version)
    except (OSError, duckdb.Error, Refusal):
        os._exit(STOPPED)
    os._exit(code())


def read(root: Path, seen: SimpleQueue[tuple[int, str]], number: int, stop: float) -> None:
    """Poll the publication until `stop` (monotonic); tell each generation when first seen.

    Opens the file anew each time, as a BI tool does, and reads the twins from the same folder.
    Any error is told as a generation of its own.
    """
    last = ""
    while time.monotonic() < stop:
        try:
            found = look(root / "published" / generation.CURRENT)
        except Exception as error:
            found = f"error: {type(error).__name__}: {error}"
        if found != last:
            seen.put((number, found))
            last = found
        time.sleep(0.6)


def look(current: Path) -> str:
    """The generation that a reader finds; raises where parts are of different ones."""
    folder = current.resolve(strict=True)
    named = {folder.name}
    database_file = str(folder / "observatory.duckdb")
    with duckdb.connect(database_file, read_only=True, config={"threads": 1}) as connection:
        for query in (
            "select generation from publication",
            "select value::varchar from parquet_kv_metadata("
            f"{literals(path for path in folder.glob('*.parquet') if path.is_file())}) "
            "where key::varchar = 'generation'",
        ):
            named |= {row[0] for row in connection.execute(query).fetchall()}
        days = connection.execute(
            "select count(distinct snapshot_date), (select any_value(snapshots_count) "
            "from publication) from fct_country_share_daily"
        ).fetchall()[0]
    if len(named) != 1 or days[0] != days[1]:
        raise AssertionError(f"mixed: {named}, {days}")
    return folder.name


@contextlib.contextmanager
def running(process: ForkServerProcess) -> Iterator[ForkServerProcess]:
    """A process that is gone afterwards, whatever happens."""
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


ERRNOS = (errno.ENOSPC, errno.EIO)
