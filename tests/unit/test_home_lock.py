"""One writer at a time: the others wait, know for whom, and go on when it is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import cli
from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home

HOLD = """
import sys, time
from pathlib import Path
from orchestration.home import Home
with Home(Path(sys.argv[1])).lock("a back-fill"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def holder(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the home until a line comes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_nobody_holds_a_free_home(home: Home) -> None:
    assert home.holder() is None
    with home.lock("test"):
        pass
    assert home.holder() is None


def test_who_holds_it_is_told(home: Home, holder: subprocess.Popen[str]) -> None:
    found = home.holder()
    assert found is not None
    assert found.startswith(f"a back-fill (process {holder.pid}, since 20")


def test_a_second_process_waits_and_says_for_whom(
    home: Home, holder: subprocess.Popen[str]
) -> None:
    told: list[str] = []
    entered = threading.Event()

    def enter() -> None:
        with home.lock("a daily run", waiting=told.append):
            entered.set()

    waiter = threading.Thread(target=enter)
    waiter.start()
    assert not entered.wait(0.5)
    assert len(told) == 1
    assert f"a back-fill (process {holder.pid}" in told[0]
    assert str(home.root) in told[0]

    holder.communicate("\n")
    assert entered.wait(5)
    waiter.join()
    assert home.holder() is None


@pytest.mark.parametrize(
    "command",
    [
        "rollback",
        "accept history_as_published --reason x",
        "accept rows_usual --date 2026-08-20 --reason x",
        "quarantine release --date 2026-08-20 --rows 1 --note x",
        "quarantine drop --date 2026-08-20 --rows all --note x",
    ],
)
def test_a_command_that_waits_says_for_whom(
    command: str,
    home: Home,
    holder: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    monkeypatch.setattr(sys, "argv", ["observatory", *command.split()])

    def free_when_somebody_waits() -> None:
        until = time.monotonic() + 30
        while home.others() != "a process that waits for it" and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.2)
        holder.communicate("\n")

    end = threading.Thread(target=free_when_somebody_waits)
    end.start()
    with pytest.raises(SystemExit):
        cli.main()
    end.join()
    waits, refused = " ".join(capsys.readouterr().err.split()).split("refused", 1)
    assert f"waiting for a back-fill (process {holder.pid}" in waits
    assert "a back-fill" not in refused


def test_a_killed_holder_frees_the_home_at_once(home: Home, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    begun = time.monotonic()
    assert home.holder() is None
    with home.lock("a daily run", timeout=5):
        assert home.holder() is not None
    assert time.monotonic() - begun < 1


def test_waiting_can_have_an_end(home: Home, holder: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(Refusal, match="in use by a back-fill") as caught,
        home.lock("x", timeout=0.3),
    ):
        pass
    assert f"process {holder.pid}" in caught.value.problem
    assert caught.value.file == home.root / ".lock"


def test_the_same_thread_may_enter_again_and_another_waits(home: Home) -> None:
    with home.lock("outer"), home.lock("inner"):
        found: list[str] = []

        def enter() -> None:
            try:
                with home.lock("another thread", timeout=0.2):
                    found.append("entered")
            except Refusal as refusal:
                found.append(refusal.problem)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert "in use by outer" in found[0]
    with home.lock("again", timeout=0):
        pass


def test_an_error_inside_frees_the_home(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), home.lock("test"):
        raise ZeroDivisionError
    assert home.holder() is None


def test_a_lock_file_of_nonsense_is_no_obstacle(home: Home) -> None:
    home.create()
    (home.root / ".lock").write_bytes(b"\xff{nonsense")
    with home.lock("test", timeout=0):
        assert "test" in (home.holder() or "")
