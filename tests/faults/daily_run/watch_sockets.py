"""Notes to whom a Python process speaks: each address that it connects or sends to, and who did.

What belongs here: an audit hook, and nothing that imports more than the standard library. A
copy of this file called `sitecustomize.py` on PYTHONPATH watches every Python that is started;
the file to write to is named by `OBSERVATORY_TEST_SOCKETS`.
"""

import contextlib
import os
import sys
import traceback

FILE = "OBSERVATORY_TEST_SOCKETS"
_ASKED = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0}


def watch() -> None:
    """Watch this process from now on; it cannot be undone."""
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _ASKED:
        return
    address = arguments[_ASKED[event]]
    if event == "socket.getaddrinfo":
        address = arguments[:2]
    # A path is a socket of this machine's file system, and None the other end of a pair.
    if isinstance(address, tuple):
        callers = [f"{one.filename}:{one.lineno}" for one in traceback.extract_stack()[:-1]]
        with contextlib.suppress(OSError), open(os.environ[FILE], "a") as file:  # noqa: PTH123
            file.write(f"{address[0]} {address[1]}\t{' '.join(callers)}\n")


if FILE in os.environ:
    watch()
