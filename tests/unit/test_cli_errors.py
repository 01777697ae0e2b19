"""How the command line speaks of refusals, of defects of its own, and of neither's secrets."""

from __future__ import annotations

import errno
import logging
import sqlite3
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import cli, status
from orchestration.commands.options import begin
from orchestration.defs.automation import running
from orchestration.errors import Refusal

TOKEN = "hf_canaryCanaryCanaryCanaryCanary12"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return tmp_path / "home"


def end_of(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["observatory", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def breaking(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_refusal_is_its_words_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = Refusal("bad [row] /[x]", file="a [b].ndjson", row=3, field="id", cure="mend [it]")
    monkeypatch.setattr(status, "status", breaking(refusal))
    assert end_of("status", monkeypatch=monkeypatch) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "refused: file a [b].ndjson, row 3, field id: bad [row] /[x]\nCure: mend [it]\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/home/raw/page-1"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("disk I/O error"),
        duckdb.IOException('Could not write file "x.duckdb": No space left on device'),
    ],
    ids=["the system", "SQLite", "SQLite's journal", "DuckDB"],
)
def test_a_full_disk_is_refused_with_the_cure_whoever_found_it(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "status", breaking(error))
    assert end_of("status", monkeypatch=monkeypatch) == 1
    told = capsys.readouterr().err
    assert told.startswith("refused: nothing more can be written: ")
    assert str(error) in told and "Cure: make room" in told
    assert "Traceback" not in told


def test_a_defect_looks_like_no_refusal_and_hides_the_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "status", breaking(RuntimeError(f"with {TOKEN}")))
    assert end_of("status", monkeypatch=monkeypatch) == 70
    told = capsys.readouterr()
    assert "defect: " in told.err and "RuntimeError: with (HF_TOKEN)" in told.err
    assert "refused" not in told.err and TOKEN not in told.out + told.err


@pytest.mark.parametrize(
    ("refusals", "defects", "code"),
    [(["no"], [], 1), ([], [f"KeyError: {TOKEN}"], 70), (["no"], ["KeyError"], 70), ([], [], 70)],
)
def test_a_failed_run_tells_refusals_from_defects(
    refusals: list[str],
    defects: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = running.RunReport("x", None, False, refusals, defects, {})
    monkeypatch.setattr(running, "execute", lambda *_, **__: report)
    assert end_of("publish", monkeypatch=monkeypatch) == code
    told = capsys.readouterr().err
    assert ("refused: no" in told) == bool(refusals)
    assert ("defect: " in told) == (code == 70)
    assert TOKEN not in told


def test_what_the_pipeline_says_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    begin()
    logging.getLogger("orchestration.test").info("reading %s", "[/dim] [bold]x.ndjson")
    assert capsys.readouterr().err == "reading [/dim] [bold]x.ndjson\n"


def test_a_home_in_brackets_is_told_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.parent / "[red]home[/]"))
    assert end_of("status", monkeypatch=monkeypatch) == 0
    assert "[red]home[/]" in capsys.readouterr().out.replace("\n", "")


def test_a_home_that_cannot_be_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file")
    assert end_of("publish", monkeypatch=monkeypatch) == 1
    assert "set OBSERVATORY_HOME" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["lots", "3 parsecs"])
def test_a_memory_limit_that_is_none_is_refused(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import database

    monkeypatch.setattr(database, "MEMORY_LIMIT", words)
    with pytest.raises(Refusal, match="OBSERVATORY_MEMORY_LIMIT"):
        database.connect()
