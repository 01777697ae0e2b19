"""What dbt is asked for a build: seeds where all is made anew, unit tests until they passed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration import warehouse
from orchestration.defs.transform import project
from orchestration.defs.transform.assets import UNIT_TESTS, arguments_of
from orchestration.home import Home


@pytest.fixture
def rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> warehouse.BuildPlan:
    """Of a home without a warehouse, in a checkout that has built nothing."""
    monkeypatch.setattr(project, "UNIT_TESTED", tmp_path / "target" / "unit_tested")
    return warehouse.plan(Home(tmp_path / "home"), [], project.CODE)


def test_unit_tests_are_asked_until_they_passed(rebuild: warehouse.BuildPlan) -> None:
    assert UNIT_TESTS not in arguments_of(rebuild)
    project.note_unit_tests()
    assert UNIT_TESTS in arguments_of(rebuild)


@pytest.mark.parametrize("what", ["code", "engine"])
def test_they_are_asked_again_of_other_code_and_by_another_engine(
    rebuild: warehouse.BuildPlan, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.note_unit_tests()
    if what == "code":
        monkeypatch.setattr(project, "CODE", "models of another day")
    else:
        monkeypatch.setattr(project, "version", lambda name: f"another {name}")
    assert UNIT_TESTS not in arguments_of(rebuild)


def test_seeds_are_loaded_where_all_is_made_anew_and_never_else(
    rebuild: warehouse.BuildPlan,
) -> None:
    assert rebuild.is_rebuild
    arguments = arguments_of(rebuild)
    assert "--full-refresh" in arguments and "path:seeds" not in arguments
    arguments = arguments_of(replace(rebuild, is_rebuild=False))
    assert "--full-refresh" not in arguments and "path:seeds" in arguments
