"""The daily schedule: it asks each hour until the day is had, and never for what is settled."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import dagster as dg
import pytest

from local_hub import LocalHub, Recorded
from orchestration import definitions, status
from orchestration.defs.automation import schedules
from orchestration.defs.fetch import live
from orchestration.gates import raw, verdicts
from orchestration.home import Home, Universe
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import Progress, crawl
from orchestration.publication import refusals, swap
from orchestration.publication.swap import PublicationRefused
from orchestration.snapshots import store
from orchestration.snapshots.contract import DATASETS, MODELS, Kind
from tests.unit.marts_fixture import build_warehouse, copied, seal

pytestmark = pytest.mark.xdist_group("definitions")

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
FIRST = TODAY - timedelta(days=2)
Tick = Callable[..., dg.RunRequest | str]


class Clock(datetime):
    """The day on which the tests began lasts, also where they run on past midnight."""

    at = time(12)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.combine(TODAY, cls.at, tz)


def crawled(
    home: Home, day: date, table: str = store.MODELS, sealed_at: time | None = None
) -> None:
    """Let a sealed day, or the models' in the place of another kind's, be one of a crawl."""
    of_models = store.find(home, day)
    assert of_models is not None
    live = replace(of_models, table=table, source=of_models.source | {"kind": "live"})
    if sealed_at is not None:
        live = replace(live, sealed_at=datetime.combine(day, sealed_at, UTC).isoformat())
    folder = store.folder_of(home, day, table)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / store.MANIFEST).write_text(live.to_json())


def set_aside(home: Home, at: time, day: date = TODAY, table: str = store.MODELS) -> Path:
    """Let a crawl of `day` have been refused at that time."""
    stamp = datetime.combine(day, at).strftime("%Y%m%dT%H%M%S%f")
    folder = home.landing / "set_aside" / table / f"{day}_{stamp}"
    folder.mkdir(parents=True)
    (folder / "reason.txt").write_text("rows\n10 % of the rows are missing\nand more\n")
    return folder


def again(hour: int) -> str:
    """What is told of a crawl that was refused at 40 past `hour`."""
    at = datetime.combine(TODAY, time(hour, 40)) + timedelta(hours=6)
    return (
        f"It is crawled again at {at:%Y-%m-%d %H:%M} UTC, if its day lasts until then; "
        "`observatory run` crawls it at once"
    )


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose newest day, published, is yesterday."""
    home = Home(tmp_path_factory.mktemp("schedules") / "home")
    seal(home, 2, first=FIRST)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    return home


@pytest.fixture(scope="module")
def sealed(yesterday: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The next day: crawled, sealed and judged, and no more."""
    home = copied(yesterday, tmp_path_factory.mktemp("sealed"))
    seal(home, 3, first=FIRST)
    crawled(home, TODAY)
    assert raw.verdict(home, TODAY).passed
    return home


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


@pytest.fixture
def tick(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Tick:
    """What the schedule asks for at an hour, or why it asks for nothing."""

    def tick(
        home: Home,
        hour: int = 7,
        day: date = TODAY,
        schedule: dg.ScheduleDefinition = schedules.every_morning,
        endpoint: str = "http://127.0.0.1:9",
        now: time = time(12),
    ) -> dg.RunRequest | str:
        monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setattr(schedules, "datetime", Clock)
        monkeypatch.setattr(Clock, "at", now)
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime.combine(day, time(hour), UTC),
            repository_def=definitions.defs.get_repository_def(),
        )
        found = schedule.evaluate_tick(context)
        if found.skip_message:
            return found.skip_message
        (request,) = found.run_requests or []
        return request

    return tick


def begin(instance: dg.DagsterInstance, state: dg.DagsterRunStatus) -> None:
    instance.add_run(
        dg.DagsterRun(
            "daily_observatory", status=state, tags={"dagster/partition": TODAY.isoformat()}
        )
    )


def test_each_hour_asks_for_the_day_until_it_is_had(yesterday: Home, tick: Tick) -> None:
    requests = [tick(yesterday, hour) for hour in (6, 7, 23)]
    asked = [one for one in requests if isinstance(one, dg.RunRequest)]
    assert [one.partition_key for one in asked] == [TODAY.isoformat()] * 3
    assert [one.run_key for one in asked] == [f"{TODAY}T{hour}" for hour in ("06", "07", "23")]
    assert schedules.every_morning.cron_schedule == "0 * * * *"


def test_a_generated_world_asks_the_real_hub_for_nothing(sealed: Home, tick: Tick) -> None:
    """It would be refused, every hour: so whoever opens the UI of the demo would see it fail."""
    sealed.claim_universe(Universe("world", "fixture"))
    assert "HF_ENDPOINT names no Hub of it" in str(tick(sealed, endpoint=""))
    assert isinstance(tick(sealed), dg.RunRequest)


@pytest.mark.parametrize("universe", [Universe("world", "demo"), Universe("panel", "tracker")])
def test_the_state_of_a_home_promises_no_run_that_is_not_asked_for(
    universe: Universe, tmp_path: Path, tick: Tick
) -> None:
    home = Home(tmp_path)
    home.claim_universe(universe)
    now = datetime.combine(TODAY, time(9), UTC)
    why = tick(home, endpoint="")
    found = status.status(home, now)
    assert (found["next_run"], found["no_next_run"]) == (None, why)
    assert isinstance(tick(home), dg.RunRequest)
    found = status.status(home, now)
    assert (found["next_run"], found["no_next_run"]) == (f"{TODAY}T10:00:00+00:00", None)


def test_a_sealed_day_that_is_not_published_is_due(sealed: Home, tick: Tick) -> None:
    assert isinstance(tick(sealed), dg.RunRequest)


def test_a_day_whose_crawl_was_set_aside_is_crawled_three_times_at_most(
    yesterday: Home, tmp_path: Path, tick: Tick
) -> None:
    """A Hub that is cut off the whole day long: each crawl of it is refused after 40 minutes."""
    home = copied(yesterday, tmp_path)
    set_aside(home, time(20), YESTERDAY)
    crawls = []
    for hour in range(6, 24):
        found = tick(home, hour)
        if isinstance(found, dg.RunRequest):
            crawls.append(hour)
            aside = set_aside(home, time(hour, 40))
        else:
            assert found == (
                f"the crawl of {TODAY} was refused and set aside in {aside}: 10 % of the rows "
                f"are missing. {again(crawls[-1])}"
            )
    assert crawls == [6, 13, 20]


def test_a_day_that_was_sealed_after_all_waits_for_nothing(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    set_aside(home, time(6, 40))
    assert isinstance(tick(home, 7), dg.RunRequest)


def test_a_published_day_is_not_asked_for_also_where_somebody_went_back(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    assert tick(home) == f"{TODAY} is published"
    swap.rollback(home)
    assert tick(home) == f"{TODAY} is published"


def test_a_day_that_gate_1_refused_is_crawled_three_times_at_most(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    """At a later hour its content is another: what was wrong with the Hub may be mended."""
    home = copied(sealed, tmp_path)
    given = raw.verdict(home, TODAY)
    verdicts.keep(home, replace(given, passed=False))
    crawled(home, TODAY, sealed_at=time(6, 40))
    crawls = [6]
    for hour in range(7, 24):
        found = tick(home, hour)
        if isinstance(found, dg.RunRequest):
            crawls.append(hour)
            crawled(home, TODAY, sealed_at=time(hour, 40))
        else:
            assert found == (f"{TODAY} was refused by the first gate. {again(crawls[-1])}")
    assert crawls == [6, 13, 20]


def test_the_newest_of_a_days_refusals_counts(sealed: Home, tmp_path: Path, tick: Tick) -> None:
    home = copied(sealed, tmp_path)
    verdicts.keep(home, replace(raw.verdict(home, TODAY), passed=False))
    crawled(home, TODAY, sealed_at=time(6, 40))
    set_aside(home, time(13, 40))
    assert "set aside" in str(tick(home, 19))
    assert isinstance(tick(home, 20), dg.RunRequest)


def test_a_refused_day_that_somebody_accepted_is_due(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    given = raw.verdict(home, TODAY)
    crawled(home, TODAY, sealed_at=time(6, 40))
    verdicts.keep(home, replace(given, passed=False))
    assert "was refused by the first gate" in str(tick(home))
    verdicts.keep(home, given)
    assert isinstance(tick(home), dg.RunRequest)


def refuse_publication(home: Home) -> None:
    """Build what the third gate refuses: the past with an organization in another country."""
    build_warehouse(home, moved={"owner-0": "FR"})
    with pytest.raises(PublicationRefused):
        swap.publish(home, code_version="1")


def test_a_day_that_gate_3_refused_waits_for_a_decision(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    refuse_publication(home)
    words = f"the publication of {TODAY} was refused, and waits for somebody to decide"
    assert tick(home) == words
    refusals.accept(home, "history_as_published", "the seat moved")
    assert isinstance(tick(home), dg.RunRequest)


def test_what_was_refused_yesterday_holds_up_no_crawl_of_today(
    yesterday: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(yesterday, tmp_path)
    refuse_publication(home)
    assert isinstance(tick(home), dg.RunRequest)


def test_a_home_in_use_is_left_alone(yesterday: Home, tick: Tick) -> None:
    held, asked = threading.Event(), threading.Event()

    def hold() -> None:
        with yesterday.lock("observatory (run)"):
            held.set()
            asked.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    found = tick(yesterday)
    asked.set()
    other.join()
    assert isinstance(found, str) and found.startswith("the home is in use by observatory (run)")
    assert isinstance(tick(yesterday), dg.RunRequest)


@pytest.mark.parametrize("state", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_under_way_is_waited_for(
    yesterday: Home, tick: Tick, instance: dg.DagsterInstance, state: dg.DagsterRunStatus
) -> None:
    begin(instance, state)
    found = tick(yesterday)
    assert isinstance(found, str) and found.endswith("is under way")


def test_a_sealed_day_that_cannot_be_built_is_not_built_all_day(
    yesterday: Home, sealed: Home, tick: Tick, instance: dg.DagsterInstance
) -> None:
    for _ in range(2):
        begin(instance, dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(sealed), dg.RunRequest)
    begin(instance, dg.DagsterRunStatus.FAILURE)
    assert tick(sealed) == f"{TODAY} is sealed, and 3 runs have failed to publish it since"
    # A day that is not had yet can be lost.
    assert isinstance(tick(yesterday), dg.RunRequest)


def test_a_tick_that_was_missed_until_its_day_was_over_asks_for_nothing(
    yesterday: Home, tick: Tick
) -> None:
    found = tick(yesterday, day=YESTERDAY)
    assert isinstance(found, str) and "is over" in found


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A Hub of yesterday, half an hour before midnight."""
    rows = "".join(
        json.dumps({"_id": f"{n:024x}", "id": f"a/m-{n}", "createdAt": f"{FIRST}T00:00:00.000Z"})
        + "\n"
        for n in range(2_500)
    )
    for folder in (tmp_path / "hub", tmp_path / "hub/datasets"):
        folder.mkdir()
        for day in (YESTERDAY, TODAY):
            (folder / f"{day}.ndjson").write_text(rows)
    late = datetime.combine(YESTERDAY, time(23, 30), UTC)
    with LocalHub(Recorded(tmp_path / "hub"), date=late) as found:
        yield found


def nightly(tick: Tick, **given: Any) -> list[str]:
    """For which day a run is asked for at midnight and in the six hours after it."""
    found = [tick(hour=hour, now=time(hour, 1), **given) for hour in range(7)]
    assert all("is over" in one for one in found if isinstance(one, str))
    return [str(one.partition_key) for one in found if isinstance(one, dg.RunRequest)]


@pytest.mark.parametrize(
    ("kind", "schedule"),
    [(MODELS, schedules.every_morning), (DATASETS, schedules.every_morning_others)],
)
def test_a_crawl_of_yesterday_is_ended_after_midnight_while_it_may_be(
    kind: Kind, schedule: dg.ScheduleDefinition, hub: LocalHub, tmp_path: Path, tick: Tick
) -> None:
    home = Home(tmp_path / "home")
    given = {"home": home, "schedule": schedule, "endpoint": hub.endpoint}

    def stop(progress: Progress) -> None:
        if progress.pages == 2:
            raise KeyboardInterrupt

    assert nightly(tick, **given) == [str(TODAY)]
    with pytest.raises(KeyboardInterrupt):
        crawl(home, HubClient(hub.endpoint), table=kind.table, progress=stop)
    # Two hours for what is still to be asked of the Hub ...
    assert nightly(tick, **given) == [str(YESTERDAY)] * 2 + [str(TODAY)]
    hub.set_date(datetime.combine(TODAY, time(1), UTC))
    crawl(home, HubClient(hub.endpoint), table=kind.table)
    # ... and the whole night for what is only to be sealed.
    assert nightly(tick, **given) == [str(YESTERDAY)] * 6 + [str(TODAY)]
    hub.set_date(datetime.combine(TODAY, time(5), UTC))
    sealed, _ = live.fetch_live(home, kind, YESTERDAY, timedelta(hours=1))
    assert (sealed.snapshot_date, sealed.rows) == (YESTERDAY, 2_500)
    assert nightly(tick, **given) == [str(TODAY)]


def test_datasets_and_spaces_are_asked_for_until_they_are_sealed(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    others = schedules.every_morning_others
    assert others.cron_schedule == "30 * * * *"
    crawled(home, TODAY, "hub_datasets")
    assert isinstance(tick(home, schedule=others), dg.RunRequest)
    crawled(home, TODAY, "hub_spaces")
    assert tick(home, schedule=others) == f"datasets and spaces of {TODAY} are sealed"


def test_datasets_that_were_set_aside_are_not_crawled_every_hour(
    sealed: Home, tmp_path: Path, tick: Tick
) -> None:
    home = copied(sealed, tmp_path)
    others = schedules.every_morning_others
    aside = set_aside(home, time(6, 50), table="hub_datasets")
    found = tick(home, 7, schedule=others)
    assert isinstance(found, str) and f"set aside in {aside}" in found
    assert isinstance(tick(home, 13, schedule=others), dg.RunRequest)
    # The models' schedule has no share in it.
    assert isinstance(tick(home, 7), dg.RunRequest)


def test_the_state_of_a_home_tells_when_a_refused_crawl_is_tried_again(
    yesterday: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    home = copied(yesterday, tmp_path)
    for refused, hour in ((6, 13), (13, 20), (20, 30)):
        set_aside(home, time(refused, 40))
        now = datetime.combine(TODAY, time(refused, 50), UTC)
        again = datetime.combine(TODAY, time(), UTC) + timedelta(hours=hour)
        assert status.status(home, now)["next_run"] == again.isoformat()


def test_the_state_of_a_home_tells_tomorrow_where_the_day_is_had(
    sealed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    home = copied(sealed, tmp_path)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    found = status.status(home, datetime.combine(TODAY, time(9), UTC))["next_run"]
    assert found == datetime.combine(TODAY + timedelta(1), time(6), UTC).isoformat()
