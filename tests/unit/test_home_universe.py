"""A home belongs to one universe, and says so where it is damaged or cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.errors import Refusal
from orchestration.home import Home, Universe


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_the_first_claim_counts(home: Home) -> None:
    assert home.universe() is None
    home.claim_universe(Universe("world", "demo"))
    home.claim_universe(Universe("world", "demo"))
    assert home.universe() == Universe("world", "demo")
    assert json.loads(home.universe_file.read_text())["kind"] == "world"


@pytest.mark.parametrize(
    "other", [Universe("hub"), Universe("panel", "demo"), Universe("world", "demo2")]
)
def test_a_second_universe_is_refused_with_the_cure(other: Universe, home: Home) -> None:
    home.claim_universe(Universe("world", "demo"))
    for claim in (home.claim_universe, home.check_universe):
        with pytest.raises(Refusal, match="the generated world 'demo'") as caught:
            claim(other)
        assert str(other) in caught.value.problem
        assert "OBSERVATORY_HOME" in caught.value.cure
    assert home.universe() == Universe("world", "demo")


def test_checking_claims_nothing(home: Home) -> None:
    home.check_universe(Universe("hub"))
    assert not home.root.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"kind": "hub"}', '{"kind": "moon", "name": ""}',
     '{"kind": ["hub"], "name": ""}', '{"kind": "panel", "name": 7}', "\x00\x00"],
)  # fmt: skip
def test_a_damaged_universe_is_refused_by_name(text: str, home: Home) -> None:
    home.create()
    home.universe_file.write_text(text)
    for read in (home.universe, lambda: home.claim_universe(Universe("hub"))):
        with pytest.raises(Refusal, match="cannot be read") as caught:
            read()
        assert caught.value.file == home.universe_file
        assert "backup" in caught.value.cure
    assert home.universe_file.read_text() == text


def test_bytes_that_are_no_text(home: Home) -> None:
    home.create()
    home.universe_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Refusal, match="cannot be read"):
        home.universe()


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(Refusal) as caught, Home(root).lock("test"):
            pass
        assert "OBSERVATORY_HOME" in caught.value.cure


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "here"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert Home.from_environment().root == tmp_path / "here"
    assert Home.from_environment().dagster == tmp_path / "here" / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "there"))
    assert Home.from_environment().dagster == tmp_path / "there"
    monkeypatch.setenv("OBSERVATORY_HOME", "")
    assert Home.from_environment().root.name == "data"
