"""Great Expectations in a process of its own, started before it is needed.

What belongs here: the process, and how a frame of numbers goes there and answers come back.
Its import takes 4 s: on a second core they pass while the day is fetched. What is asked, and
how an answer is read, belongs to `validation`; without this process it asks in its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from orchestration import ahead
from orchestration.gates.outcome import Check

if TYPE_CHECKING:
    import pandas

_process: subprocess.Popen[bytes] | None = None


@contextlib.contextmanager
def validating_ahead() -> Iterator[subprocess.Popen[bytes]]:
    """Keep the process for the time of a run; it ends with it, or with its parent."""
    global _process
    process = _process = ahead.start(__name__, "answer")
    try:
        yield process
    finally:
        _process = None
        with contextlib.suppress(OSError):
            process.communicate()


def ask(frame: pandas.DataFrame, checks: Sequence[Check]) -> dict[str, Any] | None:
    """The failing rows and the crash of each check, by name; None where nobody answers."""
    if _process is None or _process.stdin is None or _process.stdout is None:
        return None
    question = {
        "rows": len(frame),
        "columns": {str(name): frame[name].tolist() for name in frame},
        "checks": [asdict(check) for check in checks],
    }
    try:
        _process.stdin.write(json.dumps(question).encode() + b"\n")
        _process.stdin.flush()
        answers: dict[str, Any] = json.loads(_process.stdout.readline())
    except (OSError, ValueError):
        return None
    return answers


def answer() -> None:
    """Answer each line of standard input until it ends, on standard output."""
    # Whatever a library prints is no answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        _answer_all(sys.stdin, answers)


def _answer_all(questions: IO[str], answers: IO[str]) -> None:
    import pandas

    from orchestration.gates import validation

    validation.load()
    for line in questions:
        question = json.loads(line)
        frame = pandas.DataFrame(question["columns"], index=range(question["rows"]))
        found = validation.validate(frame, [Check(**check) for check in question["checks"]])
        told = {
            name: {"failing": sorted(one.failing), "crash": one.crash}
            for name, one in found.items()
        }
        answers.write(json.dumps(told) + "\n")
        answers.flush()
