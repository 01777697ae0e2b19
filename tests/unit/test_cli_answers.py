"""What the command line answers: one screen to a person, one document to a program, help."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from local_hub import LocalHub, named_world
from orchestration import cli, status
from orchestration.alerts.journal import Journal
from orchestration.alerts.rules import Alert
from orchestration.commands import days
from orchestration.defs.automation import running
from orchestration.gates import raw
from orchestration.home import CHECKOUT, Home, Universe
from orchestration.hub import aside
from orchestration.hub.client import HubClient, HubGreeting
from orchestration.publication import generation, swap
from orchestration.snapshots import store
from tests.unit.marts_fixture import build_warehouse, copied, home_with_marts, seal

OBSERVATORY: Any = typer.main.get_command(cli.app)
# `metrics` hands its words on to MetricFlow, which has a help of its own.
COMMANDS = {
    " ".join([*group, name])
    for group, commands in (
        ([], OBSERVATORY.commands),
        (["quarantine"], OBSERVATORY.commands["quarantine"].commands),
    )
    for name, command in commands.items()
    if not command.hidden and name not in ("metrics", "quarantine")
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two generations, of seven days and of eight."""
    made = home_with_marts(tmp_path_factory.mktemp("answers") / "home", 7)
    swap.publish(made, code_version="1")
    seal(made, 8)
    build_warehouse(made)
    swap.publish(made, code_version="1")
    return made


@pytest.fixture(autouse=True)
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["observatory", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def ended(
    job: str,
    *,
    day: str | None = None,
    refused: str = "",
    broke: str = "",
    published: bool = True,
    metadata: Mapping[str, Any] | None = None,
) -> running.RunReport:
    """A run that ended well, unless something was `refused` or `broke`."""
    told = {**({"publication": {}} if published else {}), **(metadata or {})}
    refusals, defects = [refused] if refused else [], [broke] if broke else []
    return running.RunReport(job, day, not refusals + defects, refusals, defects, told)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_teaches_by_example_and_every_option_says_what_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *name.split(), "--help") == 0
    told = capsys.readouterr().out
    assert f"observatory {name}" in told.partition("Examples")[2]
    assert "--json" in told
    command = OBSERVATORY
    for word in name.split():
        command = command.commands[word]
    assert [one.name for one in command.params if not getattr(one, "help", None)] == []


def test_reading_commands_answer_in_json(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "status", "--json") == 0
    state = document(capsys)
    older, newer = state["generations_kept"]
    assert state["generation"] == newer and state["published_days"] == 8
    assert call(monkeypatch, "shares", "--json", "--most", "2") == 0
    assert len(document(capsys)["countries"]) == 2
    assert call(monkeypatch, "verify", "--json") == 0
    checks = document(capsys)
    assert checks["generation"] == newer and {one["status"] for one in checks["checks"]} == {
        "passed"
    }
    assert call(monkeypatch, "rollback", "--json") == 0
    assert document(capsys) == {"generation": older}
    assert call(monkeypatch, "rollback", newer, "--json") == 0


@pytest.mark.parametrize("command", ["rollback", "verify"])
def test_a_refusal_in_json_says_what_where_and_the_cure(
    command: str, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, command, "nonsense", "--json") == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["error"] == "refused"
    (problem,) = found["problems"]
    assert problem["problem"] == "there is no generation nonsense"
    assert problem["cure"] == f"choose one of: {', '.join(generation.generations(home))}"
    assert told.err.startswith("refused: ")
    # The next command of the same process speaks to a person again.
    assert call(monkeypatch, command, "nonsense") == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "metadata", "code"),
    [
        (["publish"], {}, 0),
        (
            ["backfill", "--archive", "{archive}", "--panel", "x"],
            {"2026-08-09": "no \x1b[2J"},
            3,
        ),
    ],
)
def test_a_run_answers_with_what_it_published_and_refused(
    arguments: list[str],
    metadata: Mapping[str, str],
    code: int,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = tmp_path / "2026-08-09.ndjson"
    archive.write_text("{}\n", encoding="utf-8")
    report = ended("x", metadata={"raw_hub__models": {"days": [], "days_refused": metadata}})
    monkeypatch.setattr(running, "execute", lambda *_, **__: report)
    monkeypatch.setattr(Home, "check_universe", lambda *_: None)
    given = [word.format(archive=archive) for word in arguments]
    assert call(monkeypatch, *given, "--json") == code
    told = capsys.readouterr()
    # What strangers wrote steers no terminal.
    assert "\x1b" not in told.err and all(f"refused {day}: no " in told.err for day in metadata)
    found = json.loads(told.out)
    assert found["refused_days"] == metadata
    assert found["shares"]["countries"] and found["generation"] in found["folder"]


def test_a_publication_lists_the_sealed_days_that_it_went_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    half = "delete from records where snapshot_date = date '2026-08-03' and hash(id) % 2 = 0"
    seal(home, 3, change=half)
    build_warehouse(home, map(_day, (1, 2)))
    swap.publish(home, code_version="1")
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    monkeypatch.setattr(running, "execute", lambda *_, **__: ended("publish_again"))
    assert call(monkeypatch, "publish", "--json") == 3
    told = capsys.readouterr()
    assert list(json.loads(told.out)["refused_days"]) == ["2026-08-03"]
    assert "refused 2026-08-03: rows_complete: " in told.err


@pytest.mark.parametrize(
    ("metadata", "refused_days"),
    [
        ({}, {}),
        (
            {
                "raw_hub__models": {
                    "days": ["2026-08-08"],
                    "days_refused": {"2026-08-09": "no rows"},
                }
            },
            {"2026-08-09": "no rows"},
        ),
    ],
    ids=["ended before it knew", "ended after"],
)
def test_an_import_that_is_refused_tells_the_days_it_could_not_read_as_well(
    metadata: Mapping[str, Any],
    refused_days: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = tmp_path / "2026-08-09.ndjson"
    archive.write_text("{}\n", encoding="utf-8")
    report = ended("x", refused="no memory", published=False, metadata=metadata)
    monkeypatch.setattr(running, "execute", lambda *_, **__: report)
    monkeypatch.setattr(Home, "check_universe", lambda *_: None)
    assert call(monkeypatch, "backfill", "--archive", str(archive), "--json") == 1
    found = document(capsys)
    assert found["problems"] == [{"problem": "no memory"}]
    assert found["refused_days"] == refused_days and "shares" not in found


@pytest.mark.parametrize(
    ("refused", "broke", "code", "error"),
    [
        ("PostgreSQL is away", "", 1, "refused"),
        ("", "KeyError", 70, "defect"),
        ("PostgreSQL is away", "KeyError", 70, "defect"),
    ],
)
def test_what_fails_after_the_publication_is_told_after_it(
    refused: str,
    broke: str,
    code: int,
    error: str,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command line said no more than `refused`, with the new publication there to be read."""
    report = ended("x", refused=refused, broke=broke)
    problems = report.refusals + report.defects
    monkeypatch.setattr(running, "execute", lambda *_, **__: report)
    current = generation.current(home)
    assert current is not None
    assert call(monkeypatch, "publish", "--json") == code
    found = document(capsys)
    assert (found["error"], found["generation"]) == (error, current.name)
    assert [one["problem"] for one in found["problems"]] == problems
    assert call(monkeypatch, "publish") == code
    told = capsys.readouterr()
    assert f"-> {current.name}" in told.out.replace("\n", "")
    assert all(words in told.err for words in problems)
    assert "nothing was published" not in told.err


def test_a_day_that_readers_saw_and_see_no_more_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A correction that the first gate refused took its day away from readers, with exit 0."""
    withdrawn = {"publication": {"days_withdrawn": ["2026-08-04"]}}
    report = ended("x", metadata=withdrawn)
    monkeypatch.setattr(running, "execute", lambda *_, **__: report)
    assert call(monkeypatch, "publish", "--json") == 3
    told = capsys.readouterr()
    assert "refused 2026-08-04: readers saw this day and see it no more" in told.err
    assert list(json.loads(told.out)["refused_days"]) == ["2026-08-04"]


@pytest.mark.parametrize(
    ("is_served", "are_others_whole", "code"),
    [(True, True, 0), (True, False, 3), (False, True, 1), (False, False, 1)],
)
def test_what_fails_after_the_publication_costs_no_day_of_other_repositories(
    is_served: bool, are_others_whole: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub tells of today alone: what is not crawled today is lost."""
    reports = {
        job: ended(job, refused="" if is_whole else "short")
        for job, is_whole in (
            ("daily_observatory", is_served),
            ("other_repositories", are_others_whole),
        )
    }
    asked = []

    def execute(_: Home, job: str, **__: Any) -> running.RunReport:
        asked.append(job)
        return reports[job]

    monkeypatch.setattr(running, "execute", execute)
    monkeypatch.setattr(Home, "check_universe", lambda *_: None)
    monkeypatch.setenv("OBSERVATORY_ALSO_CRAWL", "datasets")
    with LocalHub(named_world("clean:500x1")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        assert call(monkeypatch, "run") == code
    assert asked == list(reports)


def test_the_state_of_a_home_fits_one_screen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    raw.verdicts(home, list(map(_day, range(2, 9))))
    journal = Journal(home.alerts)
    journal.raise_new("data_stale", [Alert("x", "y", "z", "late " * 40, "https://l", "asset")])
    found = status.status(home, datetime(2026, 8, 10, 5, tzinfo=UTC))
    screen = Console(file=io.StringIO(), width=80, height=24)
    screen.print(status.screen(found))
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    lines = written.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    for words in (
        "GENERATED WORLD",
        "2026-08-08",
        "passed",
        "coverage",
        "days that do not age, the newest 2026-08-08",
        "8 of 8 sealed days",
        "none: this home holds the generated world 'fixture'",
        "late late",
        "in use by",
    ):
        assert words in written


def test_the_state_of_a_home_tells_of_a_crawl_that_was_refused_since_the_newest_day(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is fresh for a day yet, and its next run may be refused like the last."""
    home = copied(home, tmp_path)
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    for day, reason in ((8, "of a sealed day"), (9, "of the first try"), (9, "too few\nin all")):
        pages = home.landing / "pages"
        pages.mkdir(parents=True)
        folder = aside.put(home, pages, store.MODELS, _day(day), "rows, newest", reason)
    assert call(monkeypatch, "status", "--json") == 0
    (refused,) = document(capsys)["refused_crawls"]
    *_, last = aside.found(home, store.MODELS)
    assert refused == {
        "snapshot_date": "2026-08-09",
        "refused_at": last.at.isoformat(timespec="seconds"),
        "failed_checks": ["rows", "newest"],
        "reason": "too few",
        "folder": str(folder),
    }
    assert call(monkeypatch, "status") == 0
    told = capsys.readouterr().out
    assert "crawl of 2026-08-09 refused: too few" in told
    assert told.count("crawl of ") == 1


@pytest.mark.parametrize("command", [["run"], ["backfill", "--dataset", "one/two"]])
def test_a_panel_is_named_for_an_archive_alone(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(running, "execute", lambda _, job, **__: begun.append(job))
    monkeypatch.setattr(HubClient, "contact", lambda _: begun.append("contact"))
    assert call(monkeypatch, *command, "--panel", "tracker") == 2
    assert "--panel" in capsys.readouterr().err and begun == []


@pytest.mark.parametrize(("refusals", "code"), [([], 0), (["not a list\nCure: wait"], 3)])
def test_a_run_that_also_crawls_datasets_answers_with_one_document(
    refusals: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def execute(_: Home, job: str, **__: object) -> running.RunReport:
        asked.append(job)
        return ended(job, refused="".join(refusals) if job == "other_repositories" else "")

    hub = HubGreeting(datetime.now(UTC), _day(8), Universe("hub"), "http://127.0.0.1:1")
    monkeypatch.setenv("OBSERVATORY_ALSO_CRAWL", "datasets")
    monkeypatch.setattr(running, "execute", execute)
    monkeypatch.setattr(HubClient, "contact", lambda _: hub)
    monkeypatch.setattr(Home, "check_universe", lambda *_: None)
    assert call(monkeypatch, "run", "--json") == code
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert asked == ["daily_observatory", "other_repositories"]
    assert found["generation"] and found["refused_days"] == {}
    assert [one["problem"] for one in found["others_refused"]] == refusals
    assert [line for line in told.err.splitlines() if line.startswith("refused: ")] == [
        "refused: not a list" for _ in refusals
    ]


How = dict[str, Any]
FINE: How = {}
REFUSED: How = {"refused": "no"}
BROKE: How = {"broke": "KeyError"}
UNPUBLISHED: How = {"published": False}


@pytest.mark.parametrize(
    ("yesterday", "today", "datasets", "code", "told"),
    [
        (FINE, FINE, FINE, 0, set()),
        (FINE, FINE, REFUSED, 3, {"others_refused"}),
        (FINE, FINE, BROKE, 70, {"KeyError of datasets"}),
        (FINE, FINE, REFUSED | BROKE, 70, {"others_refused", "KeyError of datasets"}),
        (REFUSED | UNPUBLISHED, FINE, REFUSED, 3, {"refused_days", "others_refused"}),
        # Published, and then PostgreSQL is away, or the program breaks.
        (REFUSED, FINE, FINE, 3, {"refused_days"}),
        (BROKE, FINE, FINE, 70, {"KeyError of yesterday"}),
        (BROKE | UNPUBLISHED, FINE, FINE, 70, {"KeyError of yesterday"}),
        (BROKE | REFUSED, FINE, FINE, 70, {"KeyError of yesterday", "refused_days"}),
        (FINE, REFUSED | UNPUBLISHED, None, 1, {"no of today"}),
        (
            *(REFUSED | UNPUBLISHED, REFUSED | UNPUBLISHED, None, 1),
            {"refused_days", "no of today"},
        ),
        (
            *(BROKE | UNPUBLISHED, REFUSED | BROKE | UNPUBLISHED, None, 70),
            {"KeyError of yesterday", "no of today", "KeyError of today"},
        ),
    ],
)
def test_nothing_that_a_run_was_refused_or_broke_by_is_lost(
    yesterday: How,
    today: How,
    datasets: How | None,
    code: int,
    told: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever came of one of its runs: each is run, and each is told of."""
    runs = {"yesterday": yesterday, "today": today, "datasets": datasets}
    left = [name for name, how in runs.items() if how is not None]

    def execute(_: Home, job: str, *, partition_key: str, **__: object) -> running.RunReport:
        name = left.pop(0)
        how = runs[name] or {}
        given: How = {"published": name != "datasets"} | how
        given |= {k: f"{v} of {name}" for k, v in how.items() if isinstance(v, str)}
        return ended(job, day=partition_key, **given)

    monkeypatch.setenv("OBSERVATORY_ALSO_CRAWL", "datasets")
    monkeypatch.setattr(running, "execute", execute)
    monkeypatch.setattr(days, "_days_to_crawl", lambda *_: [_day(7), _day(8)])
    assert call(monkeypatch, "run", "--json") == code
    assert left == []
    said = capsys.readouterr()
    found = json.loads(said.out)
    is_published = any(how.get("published", True) for how in (yesterday, today))
    assert ("generation" in found) == is_published
    assert found["refused_days"] == (
        {"2026-08-07": "no of yesterday"} if "refused_days" in told else {}
    )
    others = [{"problem": "no of datasets"}] if "others_refused" in told else []
    assert found["others_refused"] == others
    problems = {one["problem"] for one in found.get("problems", [])}
    assert problems == told - {"refused_days", "others_refused"}
    assert found.get("error") == {1: "refused", 70: "defect"}.get(code)
    for name, how in runs.items():
        for words in ("no", "KeyError"):
            assert (f"{words} of {name}" in said.err) == (words in (how or {}).values())


def test_a_day_that_the_demo_cannot_have_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str | None] = []

    def execute(_: Home, job: str, *, partition_key: str | None, **__: object) -> running.RunReport:
        asked.append(partition_key)
        return ended(job, day=partition_key, refused="no disk" if len(asked) == 1 else "")

    monkeypatch.setattr(running, "execute", execute)
    monkeypatch.setattr(Home, "check_universe", lambda *_: None)
    assert call(monkeypatch, "demo", "--days", "2") == 3
    assert f"refused {asked[0]}: no disk" in capsys.readouterr().err
    assert len(asked) == 3 and asked[2] is None


@pytest.mark.parametrize(
    ("content", "troubles"), [(b"garbage " * 200, 1), (b"", 0)], ids=["damaged", "just begun"]
)
def test_a_journal_of_alerts_that_cannot_be_read_is_told_among_the_troubles(
    content: bytes,
    troubles: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path))
    (tmp_path / "alerts.sqlite").write_bytes(content)
    assert call(monkeypatch, "status", "--json") == 0
    found = document(capsys)
    assert found["last_alerts"] == [] and found["sealed_days"] == 0
    assert len(found["trouble"]) == troubles
    for words in found["trouble"]:
        assert (
            "alerts.sqlite: the journal of alerts cannot be read (file is not a database" in words
        )
    assert (tmp_path / "alerts.sqlite").read_bytes() == content


def _day(number: int) -> Any:
    return datetime(2026, 8, number).date()


@pytest.mark.parametrize(
    ("hour", "due"), [(5, "2026-08-10T06:00"), (6, "2026-08-10T07:00"), (23, "2026-08-11T06:00")]
)
def test_the_next_run_is_that_of_the_schedule(
    hour: int, due: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.defs.automation.schedules import every_morning

    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert every_morning.cron_schedule == "0 * * * *"
    assert status.status(home, datetime(2026, 8, 10, hour, tzinfo=UTC))["next_run"].startswith(due)


def complete(*words: str) -> list[str]:
    environment = os.environ | {
        "_OBSERVATORY_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["observatory", *words]),
        "COMP_CWORD": str(len(words)),
    }
    program = "import sys; sys.argv[0] = 'observatory'; from orchestration.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.split()


def test_the_shell_completes_commands_options_and_generations(home: Home) -> None:
    assert complete("ro") == ["rollback"]
    assert "--attribution" in complete("shares", "--a")
    assert set(complete("shares", "--window", "3")) == {"30d", "365d"}
    assert len(complete("rollback", "2")) == 2


def test_help_loads_nothing_that_is_slow() -> None:
    program = "import sys, orchestration.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"dagster", "dbt", "duckdb", "pandas", "great_expectations"} & set(loaded)
