"""Processes of our own Python beside this one, most started before they are needed.

What belongs here: how such a process is started, so that it finds the modules this one has, and
ends with it. What it does belongs to whoever starts it: `gates.ahead`, `defs.transform.ahead`,
`defs.publish.assets`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from importlib import import_module

PR_SET_PDEATHSIG = 1


def start(module: str, function: str, *, merged: bool = False) -> subprocess.Popen[bytes]:
    """Start `function` of `module`, with pipes to its input and from its output.

    The function returns its exit code, or None. `merged`: what it writes to standard error comes
    through its output as well.
    """
    program = f"from {__name__} import run; run({module!r}, {function!r})"
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else None,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def run(module: str, function: str) -> None:
    """What the process does: call the function, and exit with the code that it returns."""
    if sys.platform == "linux":
        # dbt that outlived its killed run held the warehouse against the next.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    code = getattr(import_module(module), function)()
    sys.stdout.flush()
    # Taking a thousand modules down takes half a second, for which somebody waits.
    os._exit(code or 0)
