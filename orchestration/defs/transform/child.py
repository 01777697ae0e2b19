"""Starts a program that dies with the process that started it, as no signal tells dbt to.

What belongs here: a script of its own, `child.py PARENT PROGRAM ARGUMENT...`, on the standard
library alone. A dbt that outlived its killed run held the warehouse, and the next run failed.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process to `PARENT` (a process id) where Linux can, and become `PROGRAM`."""
    parent, program = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the process that started this one is gone")
    os.execv(program, sys.argv[2:])


if __name__ == "__main__":
    main()
