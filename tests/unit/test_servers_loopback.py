"""Servers listen on loopback, where nobody told them otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local_hub import LocalHub, named_world
from orchestration import cli

LOOPBACK = "127.0.0.1"


def listening_on(port: int) -> set[str]:
    """The addresses on which somebody listens at `port`, as the kernel writes them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and int(address.rpartition(":")[2], 16) == port:
                found.add(address.rpartition(":")[0])
    return found


def test_the_local_hub_listens_on_loopback_alone() -> None:
    with LocalHub(named_world("clean:500x2")) as hub:
        port = urlsplit(hub.endpoint).port
        assert port is not None
        assert listening_on(port) == {"0100007F"}


def test_the_dagster_ui_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["observatory", "dev"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main()
    (command,) = started
    assert command[command.index("--host") + 1] == LOOPBACK
