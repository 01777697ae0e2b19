"""A day as Dagster sees it: what is sealed, what is kept aside, and what the run tells of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from huggingface_hub import HfApi

from local_hub import LocalHub, Recorded, World, named_world, write_dataset
from orchestration import preflight
from orchestration.defs.automation import running
from orchestration.defs.fetch import live
from orchestration.defs.fetch.assets import fetch
from orchestration.defs.fetch.other_repositories import SETTING, also_crawled, others
from orchestration.defs.fetch.resources import HomeResource
from orchestration.errors import Refusal
from orchestration.gates import raw, verdicts
from orchestration.home import Home, Universe
from orchestration.hub import dataset_archive
from orchestration.hub.client import HubClient
from orchestration.snapshots import store
from orchestration.snapshots.contract import DATASETS, SPACES, Kind
from orchestration.warehouse import generated_organizations_file

TOKEN = "hf_canaryCanaryCanaryCanaryCanary12"
NAME = "cfahlgren1/hub-stats"
DAYS = [date(2026, 8, 19), date(2026, 8, 20)]


@dataclass(frozen=True)
class Told:
    """What a run told: how it ended, its log, and the metadata of each asset by its name."""

    succeeded: bool
    messages: list[str]
    metadata: dict[str, dict[str, Any]]

    @property
    def failure(self) -> str:
        return "\n".join(message for message in self.messages if "Cure: " in message)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "home")
    monkeypatch.setenv("OBSERVATORY_HOME", str(found.root))
    monkeypatch.setenv("DAGSTER_HOME", str(found.root / "dagster"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return found


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    """Materialize raw assets in the home, with the project's own settings of Dagster."""

    def run(hub: LocalHub, day: date | None, *assets: Any, **config: Any) -> Told:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        home.create()
        running.prepare_instance(home)
        with dg.DagsterInstance.get() as instance:
            result = dg.materialize(
                list(assets) or [fetch],
                partition_key=day.isoformat() if day else None,
                instance=instance,
                resources={"observatory": HomeResource()},
                run_config={"ops": {"fetch": {"config": config}}} if config else None,
                raise_on_error=False,
            )
            entries = instance.all_logs(result.run_id)
        failed = (event for event in result.all_events if event.is_step_failure)
        data = [event.step_failure_data.user_failure_data for event in failed]
        return Told(
            result.success,
            [entry.user_message for entry in entries]
            + [str(failure.description) for failure in data if failure is not None],
            {
                event.materialization.asset_key.path[-1]: dict(event.materialization.metadata)
                for event in result.get_asset_materialization_events()
            },
        )

    return run


@pytest.fixture(scope="module")
def world() -> World:
    return named_world("clean:1500x4")


def test_no_day_of_a_generated_world_is_sealed_before_its_organizations_are_known(
    run: Callable[..., Told], world: World, home: Home
) -> None:
    """A sealed day is not crawled again: without them it would be of no country for ever."""

    def killed(*_: object) -> None:
        raise SystemExit("killed")

    with LocalHub(world, date=world.dates[0]) as hub:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live, "write_text_durably", killed)
            assert not run(hub, world.dates[0]).succeeded
        assert store.find(home, world.dates[0]) is None
        # What was noted of the world is of no use to another universe.
        assert home.universe() == Universe("world", world.name)
        assert run(hub, world.dates[0]).succeeded
    assert generated_organizations_file(home).exists()


def test_a_live_day_is_told_in_numbers_that_dagster_plots_and_its_progress_in_the_log(
    run: Callable[..., Told], world: World, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "orchestration")
    with LocalHub(world, date=world.dates[0]) as hub:
        run(hub, world.dates[0])
        hub.set_date(world.dates[1])
        told = run(hub, world.dates[1])
    assert told.succeeded
    found = told.metadata["raw_hub__models"]
    numbers = dg.IntMetadataValue | dg.FloatMetadataValue
    for name in (
        "rows", "requests", "retries", "waited_seconds", "received_bytes", "crawl_seconds",
        "dagster/row_count",
    ):  # fmt: skip
        assert isinstance(found[name], numbers), name
    sealed = store.find(home, world.dates[1])
    assert sealed is not None
    assert found["rows"].value == found["dagster/row_count"].value == sealed.rows
    assert found["requests"].value == sealed.requests == 1 + 2 + 2
    assert found["received_bytes"].value > 100_000
    assert found["retries"].value == 0
    path = store.parquet_of(home, sealed)
    newest = duckdb.sql(f"""select epoch(max("createdAt")) from '{path}'""").fetchall()
    assert [(found["newest_created_at"].value,)] == newest
    plot = found["crawls"].value.replace("\\", "")
    for day in world.dates[:2]:
        (line,) = (line for line in plot.splitlines() if str(day) in line)
        assert "█" in line

    for words in ("models in 1 page,", "models/s", "quota", "to go"):
        assert any(words in message for message in told.messages), words
        assert words in caplog.text


@pytest.mark.parametrize("damaged", [1, 2])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("models.v1.parquet", lambda file: file.write_bytes(b"PAR1")),
        ("models.v1.parquet", Path.unlink),
        ("manifest.json", lambda file: file.write_text("{}")),
    ],
)
def test_a_day_is_crawled_though_files_of_the_days_before_are_damaged(
    run: Callable[..., Told],
    world: World,
    home: Home,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[Path], object],
    damaged: int,
) -> None:
    """It cannot be had later. It is held against the newest day that is as it was sealed."""
    *before, day = world.dates[:3]
    with LocalHub(world, date=before[0]) as hub:
        for on in before:
            hub.set_date(on)
            assert run(hub, on).succeeded
        files = [store.folder_of(home, on) / name for on in before[-damaged:]]
        for file in files:
            damage(file)
        hub.set_date(day)
        assert run(hub, day).succeeded
    assert store.find(home, day) is not None
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    for file in files:
        assert any(str(file) in text and "Cure: restore" in text for text in warnings)


def test_a_day_that_was_crawled_is_not_crawled_again_unless_it_was_refused(
    run: Callable[..., Told], world: World, home: Home
) -> None:
    """At a later hour its counters are others: a correction, for which all would be built anew."""
    day = world.dates[0]
    crawled = []
    with LocalHub(world, date=day) as hub:
        for passed in (None, True, False):
            sealed = store.find(home, day)
            if sealed is not None and passed is not None:
                (verdict,) = raw.verdicts(home, [day]).values()
                verdicts.keep(home, replace(verdict, passed=passed))
            told = run(hub, day)
            assert told.succeeded
            crawled.append("requests" in told.metadata["raw_hub__models"])
            assert sealed in (None, store.find(home, day))
    assert crawled == [True, False, True]


def test_of_a_refused_day_that_is_crawled_again_the_second_version_counts(
    run: Callable[..., Told], world: World, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the morning the Hub lists every counter as 0; by noon it has mended that."""
    ask = HubClient.ask

    def zeros(client: HubClient, path: str, **given: Any) -> Any:
        answer = ask(client, path, **given)
        if not path.startswith("/api/models?"):
            return answer
        rows = [row | {"downloads": 0, "downloadsAllTime": 0} for row in answer.json()]
        return replace(answer, body=json.dumps(rows).encode())

    day = world.dates[0]
    passed = []
    with LocalHub(world, date=day) as hub:
        with monkeypatch.context() as morning:
            morning.setattr(HubClient, "ask", zeros)
            assert run(hub, day).succeeded
        passed.append(raw.verdict(home, day).passed)
        assert run(hub, day).succeeded
        passed.append(raw.verdict(home, day).passed)
    sealed = store.find(home, day)
    assert sealed is not None
    assert (sealed.version, passed) == (2, [False, True])
    assert [version["downloads"] for version in sealed.versions] == [0]
    assert sealed.downloads > 0


def test_a_day_is_crawled_though_the_build_after_it_would_not_fit(
    run: Callable[..., Told], world: World, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds the memory at six may be gone when the build is repeated; the day is gone then."""
    monkeypatch.setattr(preflight, "FEW_MODELS", 1)
    with LocalHub(world, date=world.dates[0]) as hub:
        assert run(hub, world.dates[0], *others, fetch).succeeded
        monkeypatch.setattr(preflight, "available_memory", lambda: preflight.CRAWL)
        with pytest.raises(Refusal, match="of memory are available"):
            preflight.check(home)
        hub.set_date(world.dates[1])
        assert run(hub, world.dates[1], *others, fetch).succeeded
        assert store.find(home, world.dates[1]) is not None
        # What is crawled already takes nothing.
        monkeypatch.setattr(preflight, "available_memory", lambda: preflight.CRAWL - 1)
        assert run(hub, world.dates[1], *others, fetch).succeeded
        hub.set_date(world.dates[2])
        for asset in (*others, fetch):
            assert "nothing was begun" in run(hub, world.dates[2], asset).failure


def test_the_token_is_in_no_file_event_or_metadata(
    run: Callable[..., Told], world: World, home: Home
) -> None:
    faults = [
        {"when": {"requests": 2}, "times": 1, "do": "status", "status": 500, "body": TOKEN},
        {"when": {"path": "/api/organizations/*"}, "do": "redirect"},
    ]
    with LocalHub(world, date=world.dates[0], faults={"faults": faults}) as hub:
        told = run(hub, world.dates[0])
    assert told.succeeded
    assert told.metadata["raw_hub__models"]["retries"].value == 1
    assert TOKEN not in str(told)
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert any("dagster" in path.parts for path in files)
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def record(number: int) -> dict[str, Any]:
    return {
        "_id": f"{number:024x}",
        "id": f"owner-{number % 7}/thing-{number}",
        "createdAt": f"2026-07-{1 + number % 28:02d}T10:00:00.000Z",
        "downloads": 1_000_000 // (number + 1),
        "likes": 10_000 // (number + 1),
        "tags": [],
    }


def days_of(folder: Path, *counts: int) -> Recorded:
    """A Hub that says to be the real one, with so many of each kind on each of `DAYS`."""
    for name in ("", "datasets", "spaces"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for day, count in zip(DAYS, counts, strict=True):
            rows = [record(number) for number in range(count)]
            rows[0]["createdAt"] = f"{day}T11:30:00.000Z"
            random.Random(count).shuffle(rows)
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / name / f"{day}.ndjson").write_text(text)
    content = Recorded(folder)
    content.universe = ""
    return content


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_a_short_day_is_not_sealed_but_kept_aside_with_the_reason(
    run: Callable[..., Told], home: Home, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the second day the listing ends a hundred rows early, and the Hub has them still."""
    assets: dict[str, dg.AssetsDefinition] = dict(
        zip(("models", "datasets", "spaces"), (fetch, *others), strict=True)
    )
    ask = HubClient.ask

    def ends_early(client: HubClient, path: str, **given: Any) -> Any:
        answer = ask(client, path, **given)
        if "cursor=" not in path:
            return answer
        return replace(answer, body=json.dumps(json.loads(answer.body)[:-100]).encode())

    ends = []
    with LocalHub(days_of(tmp_path / "hub", 1_400, 1_400), date=DAYS[0]) as hub:
        for day in DAYS:
            hub.set_date(day)
            if day == DAYS[1]:
                monkeypatch.setattr(HubClient, "ask", ends_early)
            ends.append(run(hub, day, assets[kind]))
    table = f"hub_{kind}"
    assert [told.succeeded for told in ends] == [True, False]
    (sealed,) = store.list_sealed(home, table)
    assert (sealed.snapshot_date, sealed.rows) == (DAYS[0], 1_400)
    assert sealed.universe["kind"] == "hub"
    assert f"the crawl of the {kind} of {DAYS[1]} is not whole: 1,300 rows are" in ends[1].failure
    (aside,) = (home.landing / "set_aside" / table).iterdir()
    reason = (aside / "reason.txt").read_text()
    assert reason.startswith(f"rows, heaviest_{kind}\n1,300 rows are 92.86% of the 1,400")
    assert list(aside.glob("page-*.json.zst"))


def test_a_day_on_which_the_hub_removed_many_is_sealed_and_left_to_gate_1(
    run: Callable[..., Told], home: Home, tmp_path: Path
) -> None:
    """Whoever knows that it was a clearing-up accepts it; the next day is held against this one."""
    with LocalHub(days_of(tmp_path / "hub", 1_400, 1_300), date=DAYS[0]) as hub:
        assert run(hub, DAYS[0]).succeeded
        hub.set_date(DAYS[1])
        told = run(hub, DAYS[1])
    assert told.succeeded, told.failure
    assert any("the Hub has none any more" in message for message in told.messages)
    assert [day.rows for day in store.list_sealed(home)] == [1_400, 1_300]
    refused = [one.name for one in raw.verdict(home, DAYS[1]).outcomes if one.blocks]
    assert "rows_complete" in refused
    after = raw.accept(home, DAYS[1], "rows_complete", "spam was removed")
    assert "rows_complete" not in [one.name for one in after.outcomes if one.blocks]


def test_datasets_and_spaces_are_archived_as_the_hub_lists_them(
    run: Callable[..., Told], world: World, home: Home
) -> None:
    day = world.dates[2]
    with LocalHub(world, date=day) as hub:
        told = run(hub, day, *others)
        api = HfApi(endpoint=hub.endpoint, token=False)
        listed: dict[Kind, dict[str, Any]] = {
            DATASETS: {one.id: one for one in api.list_datasets(expand=["downloadsAllTime"])},
            SPACES: {one.id: one for one in api.list_spaces(expand=["sdk"])},
        }
    assert told.succeeded
    assert any("datasets in 1 page," in message for message in told.messages)
    fields = {DATASETS: ("downloads_all_time", "downloadsAllTime"), SPACES: ("sdk", "sdk")}
    for kind, (field, column) in fields.items():
        sealed = store.find(home, day, kind.table)
        assert sealed is not None and sealed.whole
        assert sealed.file == f"{kind.name}.v1.parquet"
        path = store.parquet_of(home, sealed)
        rows = duckdb.sql(f'select id, "{column}" from "{path}"').fetchall()
        assert len(rows) > 300
        assert dict(rows) == {name: getattr(one, field) for name, one in listed[kind].items()}
        described = duckdb.sql(f'describe from read_parquet("{path}", hive_partitioning = false)')
        assert [row[0] for row in described.fetchall()] == [column.name for column in kind.columns]
        assert told.metadata[f"raw_hub__{kind.name}"]["rows"].value == sealed.rows


def test_the_setting_names_datasets_and_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str | None, tuple[Any, ...]] = {
        None: (),
        "": (),
        "datasets": (DATASETS,),
        " spaces , datasets": (DATASETS, SPACES),
    }
    for text, kinds in asked.items():
        if text is None:
            monkeypatch.delenv(SETTING, raising=False)
        else:
            monkeypatch.setenv(SETTING, text)
        assert also_crawled() == kinds
    monkeypatch.setenv(SETTING, "datasets,papers")
    with pytest.raises(Refusal, match=f"field {SETTING}: 'papers' cannot be crawled"):
        also_crawled()


@pytest.fixture(scope="module")
def archive(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """A dataset that archives the Hub, without the second day."""
    folder = tmp_path_factory.mktemp("hub-stats")
    write_dataset(world, folder, dates=[world.dates[0], *world.dates[2:]])
    with LocalHub(world, datasets={NAME: folder}) as hub:
        yield hub


def test_a_dataset_that_archives_the_hub_is_sealed_day_by_day(
    run: Callable[..., Told],
    world: World,
    home: Home,
    archive: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    fetch_one = dataset_archive.fetch

    def fetching(*given: Any, **named: Any) -> Any:
        """What lies on the disk of the days before, when the next is asked for."""
        seen.append([path for path in home.temporary.rglob("*.parquet") if path.is_file()])
        return fetch_one(*given, **named)

    monkeypatch.setattr(dataset_archive, "fetch", fetching)
    days = [world.dates[0], world.dates[2]]
    told = run(archive, None, source="DATASET", dataset=NAME, last=str(days[-1]))
    assert told.succeeded
    sealed = store.list_sealed(home)
    assert [day.snapshot_date for day in sealed] == days
    for day in sealed:
        assert day.source["kind"] == "dataset"
        assert day.source["dataset"] == NAME
        assert len(day.source["revision"]) == 40
        assert day.rows == len(world.rows(day.snapshot_date))
    assert len({day.source["revision"] for day in sealed}) == 2
    # A file of the real archive has 1.1 GB: it goes when its day is sealed ...
    assert seen == [[], []]
    assert not [path for path in home.temporary.rglob("*") if path.is_file()]
    # ... and is not fetched again for a day that is sealed.
    again = run(archive, None, source="DATASET", dataset=NAME)
    assert len(seen) == 3
    found = again.metadata["raw_hub__models"]
    assert (found["days_sealed"].value, found["days_unchanged"].value) == (1, 2)


def test_a_day_that_was_crawled_stays_when_a_dataset_has_it_too(
    run: Callable[..., Told], world: World, home: Home, archive: LocalHub
) -> None:
    """Of another hour, it would be a correction, and the next crawl one of that."""
    archive.set_date(world.dates[2])
    assert run(archive, world.dates[2]).succeeded
    told = run(archive, None, source="DATASET", dataset=NAME, last=str(world.dates[2]))
    assert told.succeeded
    found = told.metadata["raw_hub__models"]
    assert (found["days_sealed"].value, found["days_unchanged"].value) == (1, 1)
    kept = store.find(home, world.dates[2])
    assert kept is not None
    assert (kept.source["kind"], kept.version) == ("live", 1)


def test_owners_are_asked_of_the_homes_own_hub_alone(
    run: Callable[..., Told], world: World, home: Home
) -> None:
    """A day that was crawled is not contacted about: a wrong HF_ENDPOINT would not be noticed."""
    with LocalHub(world, date=world.dates[0]) as hub:
        assert run(hub, world.dates[0]).succeeded
    with LocalHub(named_world("demo:500x4"), date=world.dates[0]) as other:
        told = run(other, world.dates[0])
    assert told.succeeded
    found = told.metadata["raw_hub__authors"]
    assert found["asked"].value == 0
    assert "the generated world" in found["why"].value


def test_a_day_that_was_crawled_needs_no_hub(
    run: Callable[..., Told], world: World, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalHub(world, date=world.dates[0]) as hub:
        assert run(hub, world.dates[0]).succeeded
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        told = run(hub, world.dates[0])
    assert told.succeeded
    assert "unset HF_HUB_OFFLINE" in told.metadata["raw_hub__authors"]["why"].value
