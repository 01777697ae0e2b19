"""Servers listen on loopback, where nobody told them otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local_hub import LocalHub, named_world
from orchestration import cli
from orchestration.home import Home

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


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command by which `make dev` starts Dagster, of a home named by a relative path."""
    commands: list[list[str]] = []
    monkeypatch.setenv("OBSERVATORY_HOME", "home")
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    monkeypatch.setattr(sys, "argv", ["observatory", "dev"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main()
    (command,) = commands
    return command


def test_the_dagster_ui_is_told_to(started: list[str]) -> None:
    assert started[started.index("--host") + 1] == LOOPBACK


@pytest.mark.usefixtures("started")
def test_a_relative_home_is_the_same_one_to_dagster(tmp_path: Path) -> None:
    """Dagster starts in another folder, and its daily schedule would fill another home."""
    assert Path.cwd() != tmp_path
    assert Home.from_environment().root == tmp_path / "home"
