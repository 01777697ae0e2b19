"""The Superset server of one home: its folder, its secrets, its start and its end.

What belongs here: what runs in Superset's own environment. What it shows is `bundle.py`'s.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home, write_text_durably

ENVIRONMENT = CHECKOUT / ".venv-superset"
FOLDER = Path(__file__).parent
HOST = "127.0.0.1"
USER = "admin"
START_S = 180.0


@dataclass(frozen=True)
class Server:
    """A running Superset: its address, and the password of `admin`."""

    address: str
    password: str = field(repr=False)


def is_installed() -> bool:
    """Whether Superset's environment is there."""
    return (ENVIRONMENT / "bin" / "superset").exists()


@contextlib.contextmanager
def serving(home: Home, port: int) -> Iterator[Server]:
    """Superset over the publications of `home`, on loopback, ended with all that it started.

    Its folder is `superset/` in the home. A Refusal where it is not installed, where the port is
    taken, or where it does not start.
    """
    if not is_installed():
        raise Refusal("Superset is not set up", file=ENVIRONMENT, cure="run `make superset`")
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind((HOST, port))
            port = free.getsockname()[1]
        except OSError as error:
            raise Refusal(
                f"port {port} of {HOST} is not to be had ({error.strerror})",
                cure="end what uses it, or name another: `make superset PORT=8089`",
            ) from error
    folder = home.root / "superset"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _secret(folder / "secret_key")
    password = _secret(folder / "password")
    environment = _environment(home, folder)
    _prepare(folder, environment, password)
    address = f"http://{HOST}:{port}"
    command = [
        *(str(ENVIRONMENT / "bin" / "gunicorn"), "--bind", f"{HOST}:{port}"),
        *("--worker-class", "gthread", "--threads", "8", "--timeout", "120"),
        "superset.app:create_app()",
    ]
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            # A group of its own: its workers must end with it.
            start_new_session=True,
        )
        try:
            _wait(f"{address}/health", process, log)
            yield Server(address, password)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _secret(file: Path) -> str:
    """What the file holds; made up, and for its owner's eyes alone, where there is none."""
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as made:
            made.write(secrets.token_urlsafe(32))
    return file.read_text(encoding="utf-8")


def _environment(home: Home, folder: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return ours | {
        "FLASK_APP": "superset.app:create_app()",
        "SUPERSET_CONFIG_PATH": str(FOLDER / "superset_config.py"),
        "SUPERSET_HOME": str(folder),
        "OBSERVATORY_PUBLISHED": str(home.published),
    }


def _prepare(folder: Path, environment: dict[str, str], password: str) -> None:
    """Make or bring up to date Superset's own database; no work where that is done."""
    prepared = folder / "prepared"
    version = (FOLDER / "requirements.lock").read_text(encoding="utf-8")
    if prepared.exists() and prepared.read_text(encoding="utf-8") == version:
        return
    # An option's value in the environment is not in the list of processes.
    secret = {"FLASK_FAB_CREATE_ADMIN_PASSWORD": password}
    names = ("--username", USER, "--firstname", "Hub", "--lastname", "Observatory")
    for arguments in (
        ("db", "upgrade"),
        ("fab", "create-admin", *names, "--email", "admin@localhost"),
        ("init",),
    ):
        _superset(folder, environment | secret, *arguments)
    write_text_durably(prepared, version)


def _superset(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [str(ENVIRONMENT / "bin" / "superset"), *arguments]
    log = folder / "prepare.log"
    with log.open("w", encoding="utf-8") as said:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        raise RuntimeError(f"superset {arguments[0]}: {log.read_text(encoding='utf-8')}")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=5).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError(f"Superset did not start: {log.read_text(encoding='utf-8')}")
