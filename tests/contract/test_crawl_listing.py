"""The crawl against a Hub that is well: whole, in one date, and going on where it stopped."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local_hub import LocalHub, Recorded
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.hub import aside
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import CrawlStopped, Landed, Progress, crawl, resumable
from orchestration.hub.pages import LISTINGS
from orchestration.hub.patience import Nonsense

DAYS = [date(2026, 8, 18) + timedelta(days=n) for n in range(6)]
DEFAULT_DATE = "2022-03-02T23:29:04.000Z"
# The requests that prove that nothing follows the last page.
PROOF = 2
Record = dict[str, Any]


def record(number: int, created: str, chance: random.Random) -> Record:
    return {
        "_id": f"{chance.getrandbits(96):024x}",
        "id": f"author-{number % 9}/model-{number}",
        "createdAt": created,
        "downloads": chance.randrange(1000),
        "likes": chance.randrange(50),
        "tags": ["license:mit"],
    }


def days(count: int = 5_200) -> Iterator[tuple[date, list[Record]]]:
    """A Hub that changes: every day models come, go, are renamed, and all counters move."""
    chance = random.Random(3)
    start = datetime(2026, 8, 18, tzinfo=UTC)
    models = []
    for number in range(count):
        moment = start - timedelta(seconds=chance.randrange(9_000_000))
        is_default = number % 2 == 0
        models.append(record(number, DEFAULT_DATE if is_default else hub_time(moment), chance))
    for on in DAYS:
        yield on, [dict(model) for model in models]
        chance.shuffle(models)
        del models[:40]
        for model in models[:30]:
            model["id"] = model["id"].replace("author", "renamed")
        for model in models:
            model["downloads"] = chance.randrange(1000)
        born = datetime(on.year, on.month, on.day, 13, tzinfo=UTC)
        models += [record(count + n, hub_time(born), chance) for n in range(50)]
        count += 50


def hub_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    for on, rows in days():
        (folder / f"{on}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def hub(snapshots: Path) -> Iterator[LocalHub]:
    with LocalHub(Recorded(snapshots), date=DAYS[0]) as running:
        yield running


@pytest.fixture
def client(hub: LocalHub) -> HubClient:
    return HubClient(hub.endpoint, token=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def rows(landed: Landed) -> list[Record]:
    files = str(landed.folder / "*.json.zst")
    found = duckdb.sql(
        f"select json from read_json_objects('{files}', format = 'array', compression = 'zstd')"
    ).fetchall()
    return [json.loads(text) for (text,) in found]


def stop_after(pages: int) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.pages == pages:
            raise KeyboardInterrupt

    return stop


def interrupted(home: Home, client: HubClient, pages: int = 2, **given: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        crawl(home, client, progress=stop_after(pages), **given)


def test_every_model_once_with_the_fields_that_were_asked_for(
    home: Home, client: HubClient, snapshots: Path
) -> None:
    client.contact()
    landed = crawl(home, client)
    lines = (snapshots / f"{DAYS[0]}.ndjson").read_text().splitlines()
    expected = {row["_id"]: row for row in map(json.loads, lines)}
    found = {row["_id"]: row for row in rows(landed)}
    assert found == expected
    assert landed.rows == len(expected) == len(rows(landed))
    assert (landed.table, landed.snapshot_date) == ("hub_models", DAYS[0])
    assert landed.universe == Universe("panel", "archive")
    assert landed.requests == 1 + 6 + PROOF
    assert landed.bytes > 500_000
    assert landed.newest_created_at == max(
        datetime.fromisoformat(row["createdAt"]) for row in expected.values()
    )
    assert not landed.resumed
    assert not landed.passed_midnight


def test_a_hub_that_changes_all_the_time_is_read_without_gap_or_double(
    home: Home, hub: LocalHub, client: HubClient
) -> None:
    """Between any two pages: 40 deleted, 30 renamed, 50 new, all counters moved, a day gone."""
    upcoming = iter(DAYS[1:])

    def change(_: Progress) -> None:
        hub.set_date(next(upcoming, DAYS[-1]))

    landed = crawl(home, client, progress=change)
    found = [row["_id"] for row in rows(landed)]
    assert len(set(found)) == len(found)
    every_day = set.intersection(*({row["_id"] for row in models} for _, models in days()))
    assert every_day <= set(found)


def test_a_crawl_that_passes_midnight_keeps_its_date_and_says_so(
    home: Home, hub: LocalHub, client: HubClient, caplog: pytest.LogCaptureFixture
) -> None:
    hub.set_date(datetime(2026, 8, 18, 23, 59, 50, tzinfo=UTC))
    seen: list[Progress] = []

    def look(progress: Progress) -> None:
        seen.append(progress)
        if progress.pages == 2 and progress.note is None:
            hub.set_date(datetime(2026, 8, 19, 0, 0, 10, tzinfo=UTC))

    landed = crawl(home, client, progress=look)
    assert landed.snapshot_date == DAYS[0]
    assert landed.passed_midnight
    assert landed.observed_to.date() == DAYS[1]
    assert "keeps its date, 2026-08-18" in caplog.text
    assert [p.note for p in seen if p.note and "midnight" in p.note]


def test_a_crawl_stopped_before_midnight_goes_on_after_it(
    home: Home, hub: LocalHub, client: HubClient
) -> None:
    hub.set_date(datetime(2026, 8, 18, 23, 50, tzinfo=UTC))
    interrupted(home, client)
    hub.set_date(datetime(2026, 8, 19, 0, 10, tzinfo=UTC))
    assert resumable(home, client.contact()) == DAYS[0]
    by_name = crawl(home, client, snapshot_date=DAYS[0])
    assert by_name.resumed
    assert by_name.snapshot_date == DAYS[0]
    by_default = crawl(home, client)
    assert by_default.pages == by_name.pages
    by_default.discard()
    assert crawl(home, client).snapshot_date == DAYS[1]


@pytest.mark.parametrize(
    ("later", "goes_on"),
    [
        (datetime(2026, 8, 18, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 8, 19, 1, 59, tzinfo=UTC), True),
        (datetime(2026, 8, 19, 2, 1, tzinfo=UTC), False),
        (datetime(2026, 8, 19, 5, 30, tzinfo=UTC), False),
    ],
)
def test_a_crawl_goes_on_until_two_hours_after_its_day_and_no_longer(
    home: Home,
    hub: LocalHub,
    client: HubClient,
    later: datetime,
    goes_on: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of what comes later the counters are those of the next day."""
    hub.set_date(datetime(2026, 8, 18, 6, tzinfo=UTC))
    interrupted(home, client)
    hub.set_date(later)
    assert resumable(home, client.contact()) == (DAYS[0] if goes_on else None)
    landed = crawl(home, client)
    assert landed.resumed == goes_on
    assert landed.snapshot_date == (DAYS[0] if goes_on else DAYS[1])
    assert {folder.name for folder in (home.landing / "hub_models").iterdir()} == {
        str(landed.snapshot_date)
    }
    assert ("the crawl of 2026-08-18 was not ended in time" in caplog.text) != goes_on


def test_a_crawl_that_has_ended_may_be_sealed_a_day_after_its_own(
    home: Home, hub: LocalHub, client: HubClient
) -> None:
    """It asks for no page any more."""
    first = crawl(home, client)
    hub.set_date(datetime(2026, 8, 19, 23, 59, tzinfo=UTC))
    assert crawl(home, client, snapshot_date=DAYS[1]).snapshot_date == DAYS[1]
    again = crawl(home, client, snapshot_date=DAYS[0])
    assert (again.pages, again.requests) == (first.pages, first.requests)
    hub.set_date(datetime(2026, 8, 20, 0, 1, tzinfo=UTC))
    with pytest.raises(Refusal, match="2026-08-18 was asked for"):
        crawl(home, client, snapshot_date=DAYS[0])
    assert first.folder.exists()


def test_another_day_than_the_hubs_is_refused_and_nothing_touched(
    home: Home, client: HubClient
) -> None:
    for on in (DAYS[0] - timedelta(days=1), DAYS[1]):
        with pytest.raises(Refusal, match=f"{on} was asked for"):
            crawl(home, client, snapshot_date=on)
    assert not home.root.exists()
    assert crawl(home, client, snapshot_date=DAYS[0]).snapshot_date == DAYS[0]


def test_a_home_of_another_universe_is_left_alone(home: Home, client: HubClient) -> None:
    home.claim_universe(Universe("world", "demo"))
    with pytest.raises(Refusal, match="belongs to the generated world 'demo'"):
        crawl(home, client)
    assert not home.landing.exists()


def test_another_endpoint_does_not_go_on_from_foreign_cursors(
    home: Home, client: HubClient, snapshots: Path
) -> None:
    interrupted(home, client)
    with LocalHub(Recorded(snapshots), date=DAYS[0]) as other:
        landed = crawl(home, HubClient(other.endpoint, token=False))
    assert not landed.resumed
    assert landed.requests == 1 + 6 + PROOF


def test_a_whole_crawl_that_was_not_sealed_is_given_again(home: Home, client: HubClient) -> None:
    first = crawl(home, client)
    before = client.requests
    again = crawl(home, client)
    assert client.requests == before + 1
    assert again.pages == first.pages
    assert again.resumed
    assert again.requests == first.requests


def test_what_is_set_aside_is_kept_with_its_reason(home: Home, client: HubClient) -> None:
    folders = [crawl(home, client).set_aside(home, "rows", f"too short, {n}") for n in range(4)]
    assert [folder.is_dir() for folder in folders] == [False, True, True, True]
    assert (folders[3] / "reason.txt").read_text() == "rows\ntoo short, 3\n"
    assert len(list(folders[3].glob("*.json.zst"))) == 6
    assert not crawl(home, client).resumed


def test_a_copy_of_what_was_set_aside_is_nobodys_crawl(home: Home, client: HubClient) -> None:
    """People copy it to look into it, under whatever name: it is neither counted nor removed."""
    first = crawl(home, client).set_aside(home, "rows", "too short")
    # A fraction of fewer digits is read as well, and is not how it is written.
    names = [f"{first.name}{end}" for end in (".copy", "-2", " (1)")] + [first.name[:-1], "notes"]
    copies = [shutil.copytree(first, first.with_name(name)) for name in names]
    assert [one.folder for one in aside.found(home, "hub_models")] == [first]
    kept = [crawl(home, client).set_aside(home, "rows", "again") for _ in range(2)]
    assert [one.folder for one in aside.found(home, "hub_models")] == [first, *kept]
    assert all(copy.is_dir() for copy in copies)


def damage_journal(folder: Path) -> None:
    journal = folder / "journal.ndjson"
    journal.write_bytes(journal.read_bytes()[:-7])


def lose_a_page(folder: Path) -> None:
    (folder / "page-00003.json.zst").unlink()


def cut_a_page(folder: Path) -> None:
    page = folder / "page-00004.json.zst"
    page.write_bytes(page.read_bytes()[:-1])


def lose_the_start(folder: Path) -> None:
    (folder / "crawl.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "asked"),
    [(damage_journal, 2), (lose_a_page, 4), (cut_a_page, 3), (lose_the_start, 6)],
)
def test_a_damaged_landing_is_believed_up_to_the_damage(
    home: Home, client: HubClient, damage: Callable[[Path], None], asked: int
) -> None:
    interrupted(home, client, pages=5)
    damage(home.landing / "hub_models" / str(DAYS[0]))
    before = client.requests
    landed = crawl(home, client)
    assert client.requests - before == 1 + asked + PROOF
    assert len({row["_id"] for row in rows(landed)}) == landed.rows == 5_200


@pytest.mark.parametrize("count", [1, 2, 999, 1_000, 2_000])
def test_the_last_page_is_the_end_only_when_nothing_follows(
    home: Home, tmp_path: Path, count: int
) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    chance = random.Random(count)
    few = [record(n, DEFAULT_DATE, chance) for n in range(count)]
    (folder / f"{DAYS[0]}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in few))
    with LocalHub(Recorded(folder)) as hub:
        landed = crawl(home, HubClient(hub.endpoint, token=False))
    assert landed.rows == count
    # First contact, the pages, the proof; of a single model there is no shorter page to lead on.
    assert landed.requests == 1 + -(-count // 1000) + (PROOF if count > 1 else 1)


def test_a_cursor_that_the_hub_forgot_begins_the_crawl_anew(home: Home, client: HubClient) -> None:
    interrupted(home, client)
    forget_the_cursor(home)
    landed = crawl(home, client)
    assert not landed.resumed
    assert landed.rows == 5_200


def forget_the_cursor(home: Home) -> None:
    journal = home.landing / "hub_models" / str(DAYS[0]) / "journal.ndjson"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[-1]["next"] = lines[-1]["next"].replace("cursor=", "cursor=forgotten")
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_cursor_forgotten_hours_later_begins_the_crawl_anew_at_that_hour(
    home: Home, hub: LocalHub, client: HubClient
) -> None:
    interrupted(home, client)
    forget_the_cursor(home)
    late = datetime(2026, 8, 18, 20, tzinfo=UTC)
    hub.set_date(late)
    landed = crawl(home, client)
    assert landed.rows == 5_200
    assert landed.observed_from >= late


def test_a_cursor_forgotten_over_midnight_drops_the_crawl_and_says_so(
    home: Home, hub: LocalHub, client: HubClient
) -> None:
    hub.set_date(datetime(2026, 8, 18, 23, 50, tzinfo=UTC))
    interrupted(home, client)
    forget_the_cursor(home)
    hub.set_date(datetime(2026, 8, 19, 0, 10, tzinfo=UTC))
    with pytest.raises(Refusal, match=r"crawl of 2026-08-18 .* lives on 2026-08-19: .* dropped"):
        crawl(home, client)
    landed = crawl(home, client)
    assert (landed.snapshot_date, landed.rows, landed.resumed) == (DAYS[1], 5_210, False)


@pytest.mark.parametrize(
    "later",
    [
        datetime(2026, 8, 18, 9, tzinfo=UTC),
        datetime(2026, 8, 18, 23, tzinfo=UTC),
        datetime(2026, 8, 19, 5, tzinfo=UTC),
    ],
)
def test_a_crawl_that_got_no_page_is_begun_again_at_any_later_hour(
    home: Home, snapshots: Path, later: datetime
) -> None:
    """First contact was well at six; while its first page was waited for, somebody gave up."""
    silent = [{"when": {"requests": 2}, "times": 1, "do": "status", "status": 504}]

    def give_up(_: Progress) -> None:
        raise KeyboardInterrupt

    six = datetime(2026, 8, 18, 6, tzinfo=UTC)
    with LocalHub(Recorded(snapshots), date=six, faults={"faults": silent}) as hub:
        client = HubClient(hub.endpoint, token=False)
        with pytest.raises(KeyboardInterrupt):
            crawl(home, client, progress=give_up)
        hub.set_date(later)
        landed = crawl(home, client)
    assert landed.snapshot_date == later.date()
    assert landed.observed_from >= later


@pytest.mark.parametrize("table", LISTINGS)
def test_every_listing_is_read_whole_and_gone_on_with(
    home: Home, tmp_path: Path, table: str
) -> None:
    listing = LISTINGS[table]
    chance = random.Random(table)
    of_day = [record(n, DEFAULT_DATE, chance) for n in range(3_300)]
    other = [record(n, DEFAULT_DATE, chance) for n in range(17)]
    for name in {one.name for one in LISTINGS.values()}:
        folder = tmp_path / "hub" / ("" if name == "models" else name)
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(
            json.dumps(row) + "\n" for row in (of_day if name == listing.name else other)
        )
        (folder / f"{DAYS[0]}.ndjson").write_text(text)
    with LocalHub(Recorded(tmp_path / "hub")) as hub:
        client = HubClient(hub.endpoint, token=False)
        interrupted(home, client, table=table)
        assert resumable(home, client.contact(), table) == DAYS[0]
        landed = crawl(home, client, table=table)
    assert landed.resumed
    assert landed.requests == 2 * (1 + 2) + PROOF
    expected = [
        {n: v for n, v in row.items() if n in ("id", "_id", *listing.expand)} for row in of_day
    ]
    assert sorted(rows(landed), key=by_id) == sorted(expected, key=by_id)


def by_id(row: Record) -> str:
    return str(row["_id"])


def test_progress_tells_rate_quota_and_time_to_go(home: Home, client: HubClient) -> None:
    seen: list[Progress] = []
    crawl(home, client, progress=seen.append, expected_rows=5_200)
    assert [progress.rows for progress in seen] == [1000, 2000, 3000, 4000, 5000, 5200]
    assert seen[-1].seconds_to_go == 0
    assert seen[0].rate_per_second > 0
    assert seen[0].quota_left is not None
    assert "1,000 models in 1 page," in str(seen[0])
    assert issubclass(CrawlStopped, Refusal)
    assert not issubclass(Nonsense, Refusal)
