"""dbt in a process of its own, started before it is needed.

What belongs here: the process, and the one build it is asked for. Importing dbt and reading its
manifest take 2 s: on a second core they pass while the day is fetched. What it is asked to build
is the assets'; nothing of Dagster is imported here.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from orchestration import ahead
from orchestration.warehouse import PROJECT

# What dbt keeps of a parse; `project.ensure_manifest` makes it anew whenever a model changed.
PARSED = PROJECT / "target" / "partial_parse.msgpack"
# The fingerprint of the code that was parsed, in a file beside it.
MARK = "parsed_from"

_process: subprocess.Popen[bytes] | None = None


@contextlib.contextmanager
def dbt_ahead() -> Iterator[None]:
    """Have dbt ready for the first build of a run; gone with the run, asked or not.

    The manifest must be that of the models: loading the definitions sees to it.
    """
    global _process
    with _start() as process:
        _process = process
        try:
            yield
        finally:
            _process = None
            process.kill()


def code_of_manifest() -> str:
    """The fingerprint of the code whose manifest lies there."""
    with parsing(fcntl.LOCK_SH):
        return PARSED.with_name(MARK).read_text(encoding="utf-8")


def invoke(
    arguments: Sequence[str], environment: Mapping[str, str], code: str
) -> subprocess.Popen[bytes]:
    """dbt at work on `arguments`: events on its output, exit code 0, 1 (a node) or 2 (dbt).

    It refuses where its manifest is not that of `code`.
    """
    global _process
    ready, _process = _process, None
    process = _start() if ready is None or ready.poll() is not None else ready
    question = {"arguments": list(arguments), "environment": dict(environment), "code": code}
    if process.stdin is not None:
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.close()
    return process


def _start() -> subprocess.Popen[bytes]:
    return ahead.start(__name__, "answer", merged=True)


def answer() -> int:
    """Wait for one line of standard input, and do what it asks; dbt's exit code."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    with parsing(fcntl.LOCK_SH):
        manifest = Manifest.from_msgpack(PARSED.read_bytes())
        code = code_of_manifest()
    # None of this is garbage, and little of what a build makes: a tenth of its time.
    gc.freeze()
    gc.set_threshold(50_000)
    line = sys.stdin.readline()
    if not line:
        return 0
    question = json.loads(line)
    if question["code"] != code:
        print("the models changed while this run was under way: run again")
        return 2
    os.environ.update(question["environment"])
    result = dbtRunner(manifest=manifest).invoke(question["arguments"])
    if result.exception is not None:
        print(result.exception)
        return 2
    return 0 if result.success else 1


@contextlib.contextmanager
def parsing(how: int) -> Iterator[None]:
    """Hold the lock on what dbt parsed: `fcntl.LOCK_EX` to write it, `fcntl.LOCK_SH` to read."""
    PARSED.parent.mkdir(exist_ok=True)
    # Two processes that wrote at once left a manifest that none could read.
    with PARSED.with_name("parsing.lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield
