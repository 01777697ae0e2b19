"""Which days `observatory run` crawls: the Hub's own, and one whose crawl may still be ended."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_hub import LocalHub, Recorded
from orchestration import cli
from orchestration.commands import days
from orchestration.defs.automation import running
from orchestration.defs.automation.running import RunReport
from orchestration.defs.fetch import live
from orchestration.errors import Refusal
from orchestration.gates import raw, verdicts
from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import Landed, Progress, crawl
from orchestration.snapshots import store
from orchestration.snapshots.contract import MODELS

DAYS = [date(2026, 8, 18), date(2026, 8, 19)]
Run = Callable[..., int]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    for on in DAYS:
        rows = (
            {
                "_id": f"{number:024x}",
                "id": f"author-{number % 9}/model-{number}",
                "createdAt": f"2026-08-{1 + number % 17:02d}T00:00:00.000Z",
                "downloads": number,
                "likes": on.day,
            }
            for number in range(2_500)
        )
        (folder / f"{on}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def hub(snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub(Recorded(snapshots), date=datetime(2026, 8, 18, 23, tzinfo=UTC)) as running_hub:
        monkeypatch.setenv("HF_ENDPOINT", running_hub.endpoint)
        yield running_hub


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "home")
    monkeypatch.setenv("OBSERVATORY_HOME", str(found.root))
    return found


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`observatory run`, whose runs fetch the day and build nothing; its exit code."""

    def fetch(_: Home, job: str, *, partition_key: str, **named: Any) -> RunReport:
        assert job == "daily_observatory"
        try:
            live.fetch_live(home, MODELS, date.fromisoformat(partition_key), timedelta(hours=1))
        except Refusal as refusal:
            return RunReport(job, partition_key, False, [str(refusal)], [], {})
        return RunReport(job, partition_key, True, [], [], {})

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["observatory", "run", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    monkeypatch.setattr(running, "execute", fetch)
    return run


def interrupt(home: Home) -> None:
    def stop(progress: Progress) -> None:
        if progress.pages == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawl(home, HubClient(), progress=stop)


def sealed(home: Home) -> list[date]:
    return [day.snapshot_date for day in store.list_sealed(home)]


def test_a_crawl_is_ended_after_midnight_and_the_hubs_own_day_follows(
    home: Home, hub: LocalHub, run: Run
) -> None:
    interrupt(home)
    hub.set_date(datetime(2026, 8, 19, 0, 30, tzinfo=UTC))
    assert run() == 0
    assert sealed(home) == DAYS


def test_a_crawl_of_yesterday_morning_is_given_up_for_the_hubs_own_day(
    home: Home, hub: LocalHub, run: Run
) -> None:
    interrupt(home)
    hub.set_date(datetime(2026, 8, 19, 5, 30, tzinfo=UTC))
    assert run() == 0
    assert sealed(home) == DAYS[1:]


def test_an_older_day_that_is_refused_does_not_cost_the_hubs_own(
    home: Home, hub: LocalHub, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt(home)
    journal = home.landing / "hub_models" / str(DAYS[0]) / "journal.ndjson"
    journal.write_text(journal.read_text().replace("cursor=", "cursor=forgotten"))
    hub.set_date(datetime(2026, 8, 19, 0, 30, tzinfo=UTC))
    capsys.readouterr()
    assert run("--json") == 3
    assert sealed(home) == DAYS[1:]
    ((day, why),) = json.loads(capsys.readouterr().out)["refused_days"].items()
    assert day == str(DAYS[0])
    assert "pages are dropped" in why


def test_a_second_crawl_of_a_refused_day_is_ended_after_midnight_too(
    home: Home, hub: LocalHub, run: Run
) -> None:
    assert run() == 0
    verdicts.keep(home, replace(raw.verdict(home, DAYS[0]), passed=False))
    interrupt(home)
    hub.set_date(datetime(2026, 8, 19, 0, 30, tzinfo=UTC))
    assert days._days_to_crawl(home, None) == DAYS


def test_what_a_kill_left_of_a_sealed_day_is_no_crawl_to_go_on_with(
    home: Home, hub: LocalHub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Landed, "discard", lambda _: None)
        assert run() == 0
    folder = home.landing / "hub_models" / str(DAYS[0])
    assert folder.exists()
    hub.set_date(datetime(2026, 8, 19, 0, 30, tzinfo=UTC))
    assert run() == 0
    assert sealed(home) == DAYS
    hub.set_date(datetime(2026, 8, 18, 23, 30, tzinfo=UTC))
    assert run() == 0
    assert not folder.exists()


def test_who_waits_for_the_home_past_midnight_crawls_the_new_day(
    home: Home, hub: LocalHub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, waits = threading.Event(), threading.Event()

    def hold() -> None:
        with home.lock("another run"):
            held.set()
            waits.wait(30)
            hub.set_date(datetime(2026, 8, 19, 0, 5, tzinfo=UTC))

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("waiting for another run"):
                waits.set()

    monkeypatch.setattr(logging.getLogger("orchestration.home"), "handlers", [Ear()])
    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    assert run() == 0
    other.join()
    assert sealed(home) == DAYS[1:]


def test_another_day_is_refused_before_anything_is_touched(
    home: Home, hub: LocalHub, run: Run
) -> None:
    assert run("--date", "2026-08-19") == 1
    assert not home.root.exists()
