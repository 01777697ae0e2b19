"""Processes of our own Python that are started before they are needed.

What belongs here: how such a process is started, so that it finds the modules this one has. What
it waits for and answers belongs to whoever starts it: `gates.ahead`, `defs.transform.ahead`.
"""

from __future__ import annotations

import os
import subprocess
import sys


def start(module: str, function: str, *, merged: bool = False) -> subprocess.Popen[bytes]:
    """Start `function` of `module`, with pipes to its input and from its output.

    `merged`: what it writes to standard error comes through its output as well.
    """
    return subprocess.Popen(
        [sys.executable, "-c", f"from {module} import {function}; {function}()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else None,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
