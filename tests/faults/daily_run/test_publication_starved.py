"""The daily run on a full or failing disk, with too little memory: old or new, never half."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.home import CHECKOUT
from tests.faults.daily_run.commands import Hub, Reference, copy_of, run
from tests.integration.command_line import PROGRAM, environment_for

# What DuckDB and SQLite write with.
WRITES = "pwrite64,fsync,fdatasync,ftruncate"

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("publication_daily_run"),
    pytest.mark.timeout(3600),
]


@pytest.mark.parametrize("number", range(8))
def test_on_a_full_disk(number: int, daily_hub: Hub, reference: Reference, tmp_path: Path) -> None:
    """Files may grow to a random size, from nothing to nearly that of the warehouse."""
    home = copy_of(reference.base, tmp_path / "home")
    largest = int(home.warehouse.stat().st_size * random.Random(number).random() ** 3)
    starved = run(home, daily_hub, largest_file=largest)
    starved.process.join(600)
    is_new = reference.check_published(home)
    assert is_new == (starved.process.exitcode == 0), starved.said()
    # Refused, with the cure: it is no fault of the program.
    assert starved.process.exitcode in (0, 1), starved.said()
    reference.end(home, daily_hub)


@pytest.mark.parametrize("number", [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 66, 78])
def test_on_a_failing_disk(
    number: int, daily_hub: Hub, reference: Reference, tmp_path: Path
) -> None:
    """A call that makes something durable fails, from the landing of pages to the symlink."""
    home = copy_of(reference.base, tmp_path / "home")
    starved = run(home, daily_hub, failing=number)
    starved.process.join(600)
    is_new = reference.check_published(home)
    assert is_new or starved.process.exitcode != 0, starved.said()
    reference.end(home, daily_hub)


@pytest.mark.parametrize("code", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233])
def test_where_the_kernel_refuses_a_write(
    number: int, code: str, daily_hub: Hub, reference: Reference, tmp_path: Path
) -> None:
    """The n-th write of each thread of each process fails: those of DuckDB and SQLite as well."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed here")
    home = copy_of(reference.base, tmp_path / "home")
    refused = f"inject={WRITES}:error={code}:when={number}"
    starved = subprocess.run(
        [
            *("strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={WRITES}"),
            *("-e", refused, "-e", "signal=none", sys.executable, "-c", PROGRAM, "run"),
        ],
        env=environment_for(home.root, daily_hub.environment),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    is_new = reference.check_published(home)
    assert is_new or starved.returncode != 0, starved.stderr
    reference.end(home, daily_hub)


@pytest.mark.parametrize("memory", ["4MB", "16MB", "48MB"])
def test_with_too_little_memory(
    memory: str, daily_hub: Hub, reference: Reference, tmp_path: Path
) -> None:
    home = copy_of(reference.base, tmp_path / "home")
    limits = {"OBSERVATORY_MEMORY_LIMIT": memory, "OBSERVATORY_TEMPORARY_LIMIT": "0MB"}
    starved = run(home, daily_hub, limits)
    starved.process.join(600)
    is_new = reference.check_published(home)
    assert is_new == (starved.process.exitcode == 0), starved.said()
    reference.end(home, daily_hub)
