"""A run whose process is gone: told by the home's lock, closed, the others left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.defs.automation.dead_runs import close_dead_runs
from orchestration.defs.automation.running import prepare_instance
from orchestration.defs.automation.sensors import dead_run_closer
from orchestration.defs.fetch.resources import HELD
from orchestration.home import CHECKOUT, Home
from tests.unit.test_home_lock import HOLD

# As Dagster's launcher begins one: in a process of its own, without a tag of ours.
RUN = """
import dagster as dg
from orchestration.defs.fetch.resources import HomeResource

@dg.op
def work(home: HomeResource) -> None: ...

@dg.job(resource_defs={"home": HomeResource()})
def short(): work()

short.execute_in_process(instance=dg.DagsterInstance.get())
"""
QUEUE_IS_FREE_WITHIN = 5 * 60


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)],
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


def begun(
    instance: dg.DagsterInstance,
    home: Path | None,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    repeats: str | None = None,
) -> str:
    """A run that Dagster shows with `status`; it, or the one it `repeats`, has held `home`."""
    run = dg.DagsterRun(
        "daily_observatory",
        str(uuid.uuid4()),
        status=status,
        tags={HELD: str(home)} if home else {},
        parent_run_id=repeats,
        root_run_id=repeats,
    )
    return instance.add_run(run).run_id


def watch(instance: dg.DagsterInstance) -> str:
    """What the sensor says at its next look."""
    with dg.build_sensor_context(instance=instance) as context:
        return dead_run_closer.evaluate_tick(context).skip_message or ""


def status_of(instance: dg.DagsterInstance, run: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run)
    assert found is not None
    return found.status


def test_a_run_is_closed_once_its_process_is_killed(
    instance: dg.DagsterInstance, home: Path, holder: subprocess.Popen[str]
) -> None:
    run = begun(instance, home)
    assert "the home is in use by a back-fill" in watch(instance)
    assert status_of(instance, run) == dg.DagsterRunStatus.STARTED
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert watch(instance) == f"closed {run}"
    assert status_of(instance, run) == dg.DagsterRunStatus.FAILURE
    assert watch(instance) == "every run is alive"


@pytest.fixture
def on_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_instance(Home(home))
    with dg.DagsterInstance.get() as found:
        yield found


@pytest.fixture
def waiting(
    on_disk: dg.DagsterInstance, home: Path, holder: subprocess.Popen[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a run that has begun, and waits for the home."""
    process = subprocess.Popen([sys.executable, "-c", RUN], cwd=CHECKOUT)
    for _ in range(600):
        if [run for run in on_disk.get_runs() if HELD in run.tags]:
            break
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def test_a_run_that_is_killed_while_it_waits_for_the_home_is_closed(
    on_disk: dg.DagsterInstance,
    waiting: subprocess.Popen[bytes],
    holder: subprocess.Popen[str],
) -> None:
    """Dagster cannot tell that it is dead, and the schedule would wait for it."""
    (run,) = on_disk.get_runs()
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    assert status_of(on_disk, run.run_id) == dg.DagsterRunStatus.STARTED
    holder.communicate("\n")
    assert watch(on_disk) == f"closed {run.run_id}"
    assert status_of(on_disk, run.run_id) == dg.DagsterRunStatus.FAILURE


def test_a_run_that_waits_for_the_home_is_left_alone_by_who_holds_it_next(
    on_disk: dg.DagsterInstance,
    home: Path,
    waiting: subprocess.Popen[bytes],
    holder: subprocess.Popen[str],
) -> None:
    (run,) = on_disk.get_runs()
    waiting.send_signal(signal.SIGSTOP)
    holder.communicate("\n")
    assert watch(on_disk) == "every run is alive"
    with Home(home).lock("a command", timeout=5):
        assert close_dead_runs(on_disk, Home(home)) == []
        waiting.send_signal(signal.SIGCONT)
    assert waiting.wait(60) == 0
    assert status_of(on_disk, run.run_id) == dg.DagsterRunStatus.SUCCESS
    assert sorted(path.name for path in home.glob(".*")) == [".lock", ".waiting"]


def test_a_run_that_could_not_even_tell_that_it_began_is_closed(
    instance: dg.DagsterInstance, home: Path
) -> None:
    """So a disk that was full left it: made by a command that held the home, and no more."""
    run = begun(instance, home, dg.DagsterRunStatus.NOT_STARTED)
    assert watch(instance) == f"closed {run}"
    assert status_of(instance, run) == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED],
)
def test_runs_that_wait_or_ended_or_work_elsewhere_are_left_alone(
    status: dg.DagsterRunStatus, instance: dg.DagsterInstance, home: Path, tmp_path: Path
) -> None:
    is_elsewhere = status == dg.DagsterRunStatus.STARTED
    first = begun(instance, home, dg.DagsterRunStatus.FAILURE)
    runs = [
        begun(instance, tmp_path / "other" if is_elsewhere else home, status, repeats=first),
        begun(instance, None, status),
    ]
    assert watch(instance) == "every run is alive"
    assert {status_of(instance, run) for run in runs} == {status}


def test_the_queue_moves_on_within_five_minutes() -> None:
    """The sensor for runs that came to the home, Dagster's monitoring for those never begun."""
    assert dead_run_closer.default_status == dg.DefaultSensorStatus.RUNNING
    assert (dead_run_closer.minimum_interval_seconds or 0) <= 60
    monitoring = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())["run_monitoring"]
    assert monitoring["enabled"]
    waits = monitoring["start_timeout_seconds"] + monitoring["poll_interval_seconds"]
    assert waits < QUEUE_IS_FREE_WITHIN
