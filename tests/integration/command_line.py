"""The command line as a person starts it, in a process and a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.home import CHECKOUT

PROGRAM = "from orchestration.cli import main; main()"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and its words."""

    code: int
    out: str
    err: str


def environment_for(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command sees: the system's variables, `home`, and `more`; none of ours beside."""
    ours = ("HF_", "HUGGING", "OBSERVATORY_", "DAGSTER_", "DBT_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {"OBSERVATORY_HOME": str(home)} | dict(more or {})


def start(
    home: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    program: str = PROGRAM,
) -> subprocess.Popen[str]:
    """Start `observatory` with `arguments`."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=CHECKOUT,
        env=environment_for(home, environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 280) -> Ended:
    """Wait for a command to end; it is killed when it does not."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, out, err)


def observatory(home: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
    """`observatory` with `arguments`, from start to end."""
    return finish(start(home, *arguments, environment=environment))


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below `folder` with its size and time of change; a lock is no content."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock" and not path.is_dir()
    }
