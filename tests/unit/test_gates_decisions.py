"""What an operator decides at the command line: rows let in or dropped, checks accepted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration import cli
from orchestration.defs.automation import running
from orchestration.gates import quarantine, raw, verdicts
from orchestration.home import Home
from orchestration.publication import refusals, swap
from orchestration.snapshots import store
from tests.unit import marts_fixture
from tests.unit.archive_fixture import DAY, ndjson, records, take, write

BAD = [
    {"_id": "b1", "id": "owner/twice", "downloads": 10},
    {"_id": "b1", "id": "owner/twice", "downloads": 20},
    {"_id": "b2", "id": "owner/negative", "downloads": -5, "tags": ["\u202e[red]<b>"]},
    {"_id": "b3", "id": "no id at all/", "downloads": 1},
]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Order = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The Dagster runs that were asked for, none of which is run: (job, decision)."""
    asked: list[tuple[str, str]] = []

    def execute(home: Home, job: str, *, decision: str, **_: Any) -> running.RunReport:
        asked.append((job, decision))
        return running.RunReport("x", None, False, ["not today"], [], {})

    monkeypatch.setattr(running, "execute", execute)
    return asked


@pytest.fixture
def order(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Order:
    def give(*arguments: str) -> Ended:
        monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
        monkeypatch.setattr(sys, "argv", ["observatory", *arguments])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            assert isinstance(ended.code, int)
            code = ended.code
        told = capsys.readouterr()
        return Ended(code, told.out, " ".join(told.err.split()))

    return give


@pytest.fixture
def quarantined(home: Home, tmp_path: Path) -> Home:
    """A day of 1,000 good rows and those of `BAD`."""
    folder = write(tmp_path / "archive", {f"{DAY}.ndjson": ndjson([*records(), *BAD])})
    (sealed,) = take(home, folder).sealed
    assert sealed.rows_quarantined == len(BAD)
    return home


def test_rows_set_aside_are_shown_with_reason_and_content(quarantined: Home, order: Order) -> None:
    shown = json.loads(order("quarantine", "show", "--json").out)
    assert [row["number"] for row in shown] == [1, 2, 3, 4]
    assert {row["snapshot_date"] for row in shown} == {DAY.isoformat()}
    contents = [json.loads(row["content"]) for row in shown]
    assert sorted(row["id"] for row in contents) == sorted(str(row["id"]) for row in BAD)
    table = order("quarantine", "show", "--date", DAY.isoformat()).out
    assert "impossible_count" in table
    # What comes from strangers neither formats nor turns around what an operator reads.
    assert "\\u202e[red]<b>" in "".join(table.split()) and "\u202e" not in table


def number(home: Home, id_: str) -> str:
    return next(str(row.number) for row in quarantine.held(home, DAY) if row.id == id_)


def test_a_released_row_is_in_the_next_version_and_the_run_tells_of_it(
    quarantined: Home, order: Order, runs: list[tuple[str, str]]
) -> None:
    row = number(quarantined, "owner/negative")
    words = ["--date", DAY.isoformat(), "--rows", row, "--note", "the model is real"]
    ended = order("quarantine", "release", *words)
    # What was decided stands though the publication was refused.
    assert (ended.code, ended.err) == (1, "refused: not today")
    told = f"released 1 rows of {DAY}, now version 2: the model is real"
    assert told in ended.out
    assert runs == [("publish_again", told)]
    sealed = store.find(quarantined, DAY)
    assert sealed is not None and (sealed.version, sealed.rows_quarantined) == (2, 3)


def test_dropped_rows_count_no_more(
    quarantined: Home, order: Order, runs: list[tuple[str, str]]
) -> None:
    words = ["--date", DAY.isoformat(), "--note", "a broken exporter", "--no-publish"]
    assert order("quarantine", "drop", "--rows", "1,3-4", *words).code == 0
    assert order("quarantine", "drop", "--rows", "all", *words).code == 0
    sealed = store.find(quarantined, DAY)
    assert sealed is not None and (sealed.version, sealed.rows_quarantined) == (3, 0)
    assert "No row is set aside" in order("quarantine", "show").out
    assert runs == []
    assert [len(one["rows"]) for one in quarantine.decisions(quarantined, DAY)] == [3, 1]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["release", "--rows", "9", "--note", "x"], 1, "4 rows are set aside there"),
        (["release", "--rows", "1", "--note", " "], 1, "a note that says why"),
        (["drop", "--rows", "1", "--note", "x", "--date", "2020-01-01"], 1, "no sealed snapshot"),
        (["drop", "--rows", "one", "--note", "x"], 2, "--rows"),
        (["drop", "--rows", "", "--note", "x"], 2, "--rows"),
        (["drop", "--note", "x"], 2, "--rows"),
        (["drop", "--rows", "1"], 2, "--note"),
        (["show", "--date", "2020-01-01"], 1, "no sealed snapshot of 2020-01-01"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_orders_change_nothing(
    arguments: list[str], code: int, words: str, quarantined: Home, order: Order
) -> None:
    if "--date" not in arguments and arguments[0] != "show":
        arguments = [*arguments, "--date", DAY.isoformat()]
    ended = order("quarantine", *arguments)
    assert ended.code == code, ended.err
    assert words in ended.err
    sealed = store.find(quarantined, DAY)
    assert sealed is not None and sealed.version == 1


@pytest.fixture
def doubled(home: Home) -> date:
    """Ten days, on the last of which all counters are three times themselves."""
    last = marts_fixture.FIRST_DAY + timedelta(days=9)
    marts_fixture.seal(
        home,
        10,
        change="update records set downloads = downloads * 3, downloadsAllTime = "
        f"downloadsAllTime * 3 where snapshot_date = date '{last}'",
    )
    return last


def test_a_check_is_accepted_for_one_day_by_name_and_reason(
    home: Home, doubled: date, order: Order, runs: list[tuple[str, str]]
) -> None:
    failed = [one.name for one in raw.verdict(home, doubled).outcomes if one.blocks]
    assert failed == ["downloads_usual", "downloads_all_time_usual"]
    assert f"refused: {', '.join(failed)}" in order("status").out
    words = ["--date", doubled.isoformat(), "--reason", "the Hub counts anew"]
    first = order("accept", failed[0], *words, "--no-publish")
    assert first.code == 0
    assert f"still refused: {doubled}: downloads_all_time_usual failed" in first.err
    assert order("accept", failed[1], *words).code == 1  # by the run, which is not run here
    assert runs == [("publish_again", f"accepted {failed[1]} of {doubled}: the Hub counts anew")]
    assert raw.verdict(home, doubled).passed
    last = json.loads(order("status", "--json").out)["last_days"][-1]
    assert (last["gate"], last["failed_checks"]) == ("passed", [])


def test_a_day_refused_long_ago_is_told_with_what_to_accept(home: Home, order: Order) -> None:
    """As of a back-fill of a year: the table shows the last seven days alone."""
    wrong = [marts_fixture.FIRST_DAY + timedelta(days=number) for number in (8, 10)]
    days = marts_fixture.seal(
        home,
        20,
        change="update records set downloads = downloads * 3, downloadsAllTime = "
        f"downloadsAllTime * 3 where snapshot_date in {tuple(map(str, wrong))}",
    )
    refused = {
        str(day): [one.name for one in given.outcomes if one.blocks]
        for day, given in sorted(raw.verdicts(home, days).items())
        if not given.passed
    }
    assert {*map(str, wrong)} <= refused.keys() and max(refused) < str(days[-7])
    told = json.loads(order("status", "--json").out)["refused_days"]
    assert {day["snapshot_date"]: day["failed_checks"] for day in told} == refused
    screen = " ".join(order("status").out.split())
    newest = max(refused)
    words = f"refused {newest}: {', '.join(refused[newest])}; and {len(refused) - 1} before it"
    assert words in screen


def test_a_verdict_that_the_next_run_gives_anew_is_shown_as_none(
    home: Home, doubled: date, order: Order
) -> None:
    given = raw.verdict(home, doubled)
    for old in (replace(given, suite_version=0), replace(given, metrics_version=0)):
        verdicts.keep(home, old)
        last = json.loads(order("status", "--json").out)["last_days"][-1]
        assert (last["gate"], last["failed_checks"]) == ("not judged", [])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rows_usual", "--date", "{day}", "--reason", "x"], 1, "rows_usual does not fail on"),
        (["downloads_usual", "--date", "{day}", "--reason", " "], 1, "needs a reason"),
        (["ids_unique", "--date", "{day}", "--reason", "x"], 1, "it tells facts"),
        (["nonsense", "--date", "{day}", "--reason", "x"], 1, "there is none"),
        (["downloads_usual", "--date", "2020-01-01", "--reason", "x"], 1, "no sealed snapshot"),
        (["downloads_usual", "--date", "{day}"], 2, "--reason"),
        (["downloads_usual", "--reason", "x"], 2, "a day must be named"),
        (["history_as_published", "--reason", "x"], 1, "no publication was refused"),
        (["history_as_published", "--date", "{day}", "--reason", "x"], 2, "of no single day"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_accepted_is_told(
    arguments: list[str], code: int, words: str, home: Home, doubled: date, order: Order
) -> None:
    ended = order("accept", *(word.format(day=doubled) for word in arguments))
    assert ended.code == code, ended.err
    assert words in ended.err
    assert not raw.verdict(home, doubled).passed


def test_a_seed_row_that_moves_the_past_is_published_after_acceptance_only(
    home: Home, order: Order
) -> None:
    marts_fixture.seal(home, 2)

    def publish(moved: dict[str, str]) -> swap.Publication:
        marts_fixture.build_warehouse(home, moved=moved)
        return swap.publish(home, code_version=str(moved))

    publish({})
    moved = {"owner-0": "CN"}
    with pytest.raises(swap.PublicationRefused, match="history_as_published"):
        publish(moved)
    assert json.loads(order("status", "--json").out)["refused_publication"].endswith(
        ": history_as_published"
    )
    why = ["--reason", "it moved its seat", "--no-publish"]
    assert order("accept", "history_as_published", *why).code == 0
    # It holds for what was refused, and for no other change of the seed.
    with pytest.raises(swap.PublicationRefused):
        publish({"owner-0": "FR"})
    with pytest.raises(swap.PublicationRefused):
        publish(moved)
    assert order("accept", "history_as_published", *why).code == 0
    published = publish(moved)
    assert published.manifest["accepted"] == {"history_as_published": "it moved its seat"}
    (outcome,) = [one for one in published.outcomes if one.name == "history_as_published"]
    assert outcome.status == "warned" and "accepted: it moved its seat" in outcome.threshold
    assert json.loads(order("status", "--json").out)["refused_publication"] is None
    # Once shown, it is history like any other.
    with pytest.raises(swap.PublicationRefused):
        publish({})


def test_a_check_that_crashed_is_accepted_by_nobody(home: Home, order: Order) -> None:
    marts_fixture.seal(home, 2)
    marts_fixture.build_warehouse(home)
    swap.publish(home, code_version="1")
    marts_fixture.build_warehouse(
        home, change="alter table marts.fct_country_share_daily drop column share_of_all"
    )
    with pytest.raises(swap.PublicationRefused):
        swap.publish(home, code_version="2")
    ended = order("accept", "history_as_published", "--reason", "never mind", "--no-publish")
    assert ended.code == 1 and "what failed on the last" in ended.err
    assert refusals.describe(home) is not None


def test_a_record_that_does_not_tell_when_is_none(home: Home, order: Order) -> None:
    record = {"content_sha256": "x", "code_version": "x", "failed": {}, "accepted": {}}
    home.create()
    refusals.file_of(home).write_text(json.dumps(record))
    told = order("status", "--json")
    assert told.code == 0
    assert json.loads(told.out)["refused_publication"] is None
