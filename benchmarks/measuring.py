"""Measuring a command from outside: wall and CPU seconds, memory of all its processes.

What belongs here: how it is measured and what machine and versions it was measured on. What is
measured belongs to the module that asks a question.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from pathlib import Path

OBSERVATORY = [sys.executable, "-c", "from orchestration.cli import main; main()"]


@dataclass(frozen=True)
class Figure:
    """One measured command: wall seconds, CPU seconds, peak MiB of all its processes.

    CPU and memory are NaN where only time was taken.
    """

    name: str
    wall: float
    cpu: float
    peak: float
    budget: str

    def row(self) -> str:
        cpu = "" if isnan(self.cpu) else f"{self.cpu:.1f} s"
        peak = "" if isnan(self.peak) else f"{self.peak:,.0f} MiB"
        return f"| {self.name} | {self.wall:.1f} s | {cpu} | {peak} | {self.budget} |"


def _children_of(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def _resident_mib(pids: list[int]) -> float:
    """Memory of the processes together; files that they share are counted once, as the largest's.

    Asking for proportional sizes instead takes 0.14 s of a process of 3 GB, in which it halts:
    asked five times a second, that was a fifth of the time that was to be measured.
    """
    private, shared = 0, 0
    for pid in pids:
        try:
            resident, of_files = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        except (OSError, ValueError):
            continue
        private += resident - of_files
        shared = max(shared, of_files)
    return (private + shared) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(name: str, command: list[str], home: Path, budget: str, **env: str) -> Figure:
    """Run `command` in `home` and measure it from outside."""
    begun = time.monotonic()
    before = os.times()
    process = subprocess.Popen(
        command,
        env=os.environ | {"OBSERVATORY_HOME": str(home)} | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            peak = max(peak, _resident_mib(_children_of(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, error = process.communicate()
    done.set()
    watcher.join()
    after = os.times()
    # 3: published, and the days with a real break in the recording were refused.
    if process.returncode not in (0, 3):
        raise SystemExit(f"{name} ended with {process.returncode}:\n{error.decode()[-2000:]}")
    cpu = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    figure = Figure(name, time.monotonic() - begun, cpu, peak, budget)
    print(figure.row(), file=sys.stderr, flush=True)
    return figure


def circumstances() -> str:
    """Date, machine and versions: without them a figure says nothing."""
    return (
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"DuckDB {version('duckdb')}, dbt {version('dbt-core')}, Dagster {version('dagster')}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
