"""The profile of a run: which step took how long, how much memory, how many bytes it read.

What belongs here: measuring steps of this process and its children, and telling them as a
table. Which steps there are is said where they are taken.
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestration.home import Home

EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Step:
    """One step: wall and CPU seconds, the peak of all processes together in MiB, and bytes read.

    Reads are counted whether the disk or the page cache answered. None where the system does
    not tell, and for steps that ran beside others.
    """

    name: str
    seconds: float
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None
    bytes_read: int | None = None


class Profile:
    """Measures steps, one after the other, in the order in which they were taken.

    A step that is taken again counts for the one of its name.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what happens inside; a step that fails is measured too."""
        begun, cpu, read = time.monotonic(), _cpu_seconds(), _bytes_read()
        peak = _Peak()
        peak.start()
        try:
            yield
        finally:
            memory = peak.stop()
            after = _bytes_read()
            self._add(
                Step(
                    name,
                    time.monotonic() - begun,
                    _cpu_seconds() - cpu,
                    memory / 2**20 if memory else None,
                    after - read if after is not None and read is not None else None,
                )
            )

    def _add(self, step: Step) -> None:
        for place, before in enumerate(self.steps):
            if before.name == step.name:
                self.steps[place] = Step(
                    step.name,
                    before.seconds + step.seconds,
                    _both(operator.add, before.cpu_seconds, step.cpu_seconds),
                    _both(max, before.peak_memory_mib, step.peak_memory_mib),
                    _both(operator.add, before.bytes_read, step.bytes_read),
                )
                return
        self.steps.append(step)


def _both(combine: Callable[[Any, Any], Any], one: float | None, other: float | None) -> Any:
    """Two measured values as one; None where one was not measured."""
    return None if one is None or other is None else combine(one, other)


def slowest_nodes(run_results: Path, most: int = 12) -> list[Step]:
    """The nodes of a dbt build that took longest, from its `run_results.json`.

    Two run at once, so that their times add up to more than the build's.
    """
    try:
        results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError, KeyError):
        return []
    steps = [
        Step(
            f"dbt {one['unique_id'].split('.')[0]}: {one['unique_id'].split('.')[2]}",
            float(one["execution_time"]),
        )
        for one in results
    ]
    return sorted(steps, key=lambda step: -step.seconds)[:most]


# In the order of a day.
STAGES = ("fetch", "gate 1", "transform", "publication")


def keep(home: Home, stage: str, steps: Sequence[Step]) -> None:
    """Keep the steps of a stage until the publication shows the whole day's."""
    file = _file(home, stage)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(step) for step in steps]), encoding="utf-8")


def take(home: Home) -> list[Step]:
    """The steps that the stages of a day kept, in its order; they are kept no longer."""
    found: list[Step] = []
    for stage in STAGES:
        with contextlib.suppress(OSError, ValueError, TypeError):
            file = _file(home, stage)
            text = file.read_text(encoding="utf-8")
            file.unlink()
            found += [Step(**step) for step in json.loads(text)]
    return found


def _file(home: Home, stage: str) -> Path:
    return home.warehouse.with_name(f"profile_{stage.replace(' ', '_')}.json")


def as_markdown(steps: Sequence[Step]) -> str:
    """The steps as a table."""
    rows = [
        f"| {step.name} | {step.seconds:.1f} | {_number(step.cpu_seconds, 1)} "
        f"| {_number(step.peak_memory_mib, 0)} "
        f"| {_number(None if step.bytes_read is None else step.bytes_read / 2**20, 0)} |"
        for step in steps
    ]
    head = ["| step | seconds | CPU seconds | peak memory, MiB | read, MiB |"]
    return "\n".join([*head, "|---|---:|---:|---:|---:|", *rows])


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _bytes_read() -> int | None:
    """Bytes this process and its ended children have read; None where the system keeps no count."""
    try:
        text = Path("/proc/self/io").read_text(encoding="ascii")
        return int(text.split("rchar:")[1].split()[0])
    except (OSError, ValueError, IndexError):
        return None


class _Peak:
    """Looks at the memory of this process and its children now and then, in a thread."""

    def __init__(self) -> None:
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> int:
        """The most bytes seen; 0 where the system does not tell."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, _resident(os.getpid()))
            if self._done.wait(EVERY_SECONDS):
                self._peak = max(self._peak, _resident(os.getpid()))
                return


def _resident(pid: int) -> int:
    """Resident bytes of a process and all its children; shared pages count for each."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        total = pages * os.sysconf("SC_PAGE_SIZE")
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                total += _resident(int(child))
    return total
