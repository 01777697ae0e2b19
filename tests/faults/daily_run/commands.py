"""`observatory` in processes that can be killed: the command line, forked and not started anew.

What belongs here: how commands are begun, killed and ended, and what must hold of a home after
each. Dagster, Great Expectations and the definitions are loaded once, in the fork server; dbt is
a process of its own, as always.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import dagster as dg
from huggingface_hub import constants

from local_hub import LocalHub
from orchestration import cli
from orchestration.home import Home
from orchestration.publication import generation, verify
from orchestration.snapshots import store
from tests.faults import publication_processes
from tests.faults.conftest import Proxy
from tests.faults.daily_run import watch_sockets
from tests.integration.command_line import environment_for

TOKEN = "hf_canaryCanaryCanaryCanaryCanary12"
# When a change was noticed is the one thing in which two runs may differ.
TELLS_TIME = {"fct_revisions"}
PRELOADED = [
    "orchestration.definitions",
    "orchestration.cli",
    "great_expectations",
    "dashboard.build",
    __name__,
]


def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def command(
    environment: Mapping[str, str],
    transcript: Path,
    arguments: tuple[str, ...],
    largest_file: int | None,
    failing: int | None,
) -> None:
    """What runs in the forked process: `observatory` with `arguments`."""
    os.setpgid(0, 0)
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    os.environ.clear()
    os.environ.update(environment)
    if watch_sockets.FILE in environment:
        watch_sockets.watch()
    with transcript.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # Read once, when it is imported; here that was in the fork server.
    if failing is not None:
        publication_processes.fail_call(failing, errno.EIO)
    if "HF_ENDPOINT" in environment:
        constants.ENDPOINT = environment["HF_ENDPOINT"]
    sys.argv = ["observatory", *arguments]
    cli.main()


class Command:
    """`observatory` with `arguments` in the home `root`, in a process of its own.

    No file of it grows beyond `largest_file` bytes, as on a disk that is full. The call with the
    number `failing` that makes something durable ends with EIO, as on a disk that is broken.
    """

    def __init__(
        self,
        root: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        largest_file: int | None = None,
        failing: int | None = None,
    ) -> None:
        self.root = root
        self.transcript = root.with_name(f"{root.name}.transcript")
        self.process: ForkServerProcess = processes().Process(
            target=command,
            args=(
                environment_for(root, environment),
                self.transcript,
                arguments,
                largest_file,
                failing,
            ),
        )
        self.process.start()

    def end(self, timeout: float = 600) -> float:
        """Wait until it has ended well; the CPU seconds that it took."""
        begun, spent = time.monotonic(), 0.0
        while self.process.exitcode is None and time.monotonic() - begun < timeout:
            spent = max(spent, self.spent())
            self.process.join(0.1)
        assert self.process.exitcode == 0, self.said()
        return spent

    def spent(self) -> float:
        """CPU seconds so far, of it and all that it started.

        They tell how far it is; on a busy machine the clock does not.
        """
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rsplit(")", 1)[1].split()
                if int(fields[2]) == self.process.pid:
                    ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def wait_for(self, pattern: str) -> None:
        """Wait until the home holds a file like `pattern`."""
        while self.process.exitcode is None and not any(self.root.glob(pattern)):
            self.process.join(0.02)

    def kill(self, at: float, *, with_children: bool) -> bool:
        """SIGKILL once it has spent `at` CPU seconds; whether it had not ended before.

        `with_children`: all that it started dies at the same moment, as when the machine loses
        its power. Without, dbt and the rest must end by themselves, as when the kernel wants
        memory.
        """
        while self.spent() < at and self.process.exitcode is None:
            self.process.join(0.02)
        if self.process.exitcode is not None:
            return False
        assert self.process.pid is not None
        if with_children:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        return True

    def said(self) -> str:
        return self.transcript.read_text(encoding="utf-8", errors="replace")


@dataclass
class Hub:
    """A local Hub of a small world, behind a proxy that notes what it is asked."""

    local: LocalHub
    proxy: Proxy
    days: list[date]

    @property
    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.proxy.endpoint, "HF_TOKEN": TOKEN}


@dataclass
class Watched:
    """A home with one day, what its last run said, and to whom that run spoke, from where."""

    home: Home
    hub: Hub
    transcript: Path
    addresses: dict[str, str]


@dataclass
class Reference:
    """A home with one published day, and what the second day looks like undisturbed.

    `seconds` are the CPU seconds of the run that was left alone.
    """

    base: Home
    tables: dict[str, str]
    raw: dict[str, str]
    seconds: float

    def check_published(self, home: Home) -> bool:
        """`home` holds the base's publication or the undisturbed one; says whether the latter."""
        check_whole(home)
        check_sealed(home)
        assert raw_files(self.base).items() <= raw_files(home).items()
        old, seen = generation.current(self.base), generation.current(home)
        is_new = old is not None and seen is not None and seen.name != old.name
        assert tables(home) == (self.tables if is_new else tables(self.base))
        return is_new

    def end(self, home: Home, hub: Hub) -> None:
        """The next run needs no help, and ends where an undisturbed one does."""
        run(home, hub).end()
        assert self.check_published(home)
        check_nothing_left(home)
        assert raw_files(home) == self.raw


def run(
    home: Home,
    hub: Hub,
    environment: Mapping[str, str] | None = None,
    largest_file: int | None = None,
    failing: int | None = None,
) -> Command:
    """`observatory run` against `hub`."""
    seen = hub.environment | dict(environment or {})
    return Command(home.root, "run", environment=seen, largest_file=largest_file, failing=failing)


def copy_of(home: Home, target: Path) -> Home:
    """A copy of a home that a test may spoil."""
    shutil.copytree(home.root, target, symlinks=True)
    return Home(target)


def raw_files(home: Home) -> dict[str, str]:
    """Every sealed file and its hash."""
    return {
        path.relative_to(home.raw).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.raw.rglob("models.v*.parquet"))
    }


def tables(home: Home) -> dict[str, str]:
    """What is published: the content hash of each table."""
    folder = generation.current(home)
    assert folder is not None
    found = generation.read_manifest(folder)["tables"]
    return {name: one["content_sha256"] for name, one in found.items() if name not in TELLS_TIME}


def check_whole(home: Home) -> None:
    """Whoever reads now sees one whole generation."""
    folder = generation.current(home)
    assert folder is not None
    assert [str(one) for one in verify.whole(folder) if one.status != "passed"] == []
    assert publication_processes.look(home.published / generation.CURRENT) == folder.name


def check_sealed(home: Home) -> None:
    """Every day whose manifest is there has its rows, as they were sealed."""
    for sealed in store.list_sealed(home):
        assert store.sha256_of(store.parquet_of(home, sealed)) == sealed.sha256


def check_nothing_left(home: Home) -> None:
    """What killed runs left behind is gone, and no run is shown at work."""
    assert [path.name for path in home.published.glob(".*")] == []
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        runs = instance.get_runs()
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    assert {run.status for run in runs} <= ended
