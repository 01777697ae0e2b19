"""What is refused inside a step of a run is told as a refusal, wherever in the step that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.automation import running
from orchestration.defs.fetch.assets import fetch
from orchestration.defs.fetch.resources import HomeResource
from orchestration.defs.publish import assets as publishing
from orchestration.defs.transform.assets import transform_others
from orchestration.errors import Refusal
from orchestration.gates import raw
from orchestration.home import Home, Universe
from orchestration.snapshots import store
from orchestration.snapshots.contract import DATASETS
from tests.unit.marts_fixture import home_with_marts, seal

pytestmark = pytest.mark.xdist_group("definitions")

Refused = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "home")
    monkeypatch.setenv("OBSERVATORY_HOME", str(found.root))
    monkeypatch.setenv("DAGSTER_HOME", str(found.root / "dagster"))
    return found


@pytest.fixture
def refused(home: Home) -> Refused:
    """The words with which the step of an asset is refused."""

    def refused(asset: dg.AssetsDefinition, **config: str) -> str:
        ended = dg.materialize(
            [asset],
            resources={"observatory": HomeResource()},
            run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
            raise_on_error=False,
        )
        (failed,) = [event for event in ended.all_events if event.is_step_failure]
        failure = failed.step_failure_data.user_failure_data
        assert failure is not None and failure.description is not None
        return failure.description

    return refused


def refusals(home: Home) -> list[str]:
    """The words with which a build of what is sealed is refused."""
    report = running.execute(home, "publish_again")
    assert not report.published and report.defects == []
    return report.refusals


def test_a_generated_world_without_its_organizations(home: Home) -> None:
    seal(home, 1)
    (told,) = refusals(home)
    assert "generated.csv: the organizations of the generated world 'fixture' are missing" in told


def test_a_judged_day_whose_file_is_gone(home: Home) -> None:
    (day,) = seal(home, 1, universe=Universe("hub"))
    assert raw.verdict(home, day).passed
    store.parquet_of(home, store.list_sealed(home)[0]).unlink()
    (told,) = refusals(home)
    assert f"the sealed snapshot of {day} is not there" in told


def test_a_damaged_manifest_in_two_steps(home: Home) -> None:
    """The first gate reads it, and so does the build."""
    (day,) = seal(home, 1)
    (store.folder_of(home, day) / store.MANIFEST).write_text("{}")
    told = refusals(home)
    assert ["the manifest of a sealed snapshot" in words for words in told] == [True, True]


def test_a_day_of_datasets_whose_file_is_gone(home: Home, refused: Refused) -> None:
    (day,) = seal(home, 1)
    folder = store.folder_of(home, day, DATASETS.table)
    folder.mkdir(parents=True)
    of_models = store.list_sealed(home)[0]
    (folder / store.MANIFEST).write_text(replace(of_models, table=DATASETS.table).to_json())
    assert f"the sealed snapshot of {day} is not there" in refused(transform_others)


def test_a_publication_that_cannot_be_described(
    home: Home, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def describe(*_: object) -> None:
        raise Refusal("it cannot be read", cure="publish again")

    home_with_marts(home.root)
    monkeypatch.setattr(publishing, "describe", describe)
    assert refused(publishing.publication) == "it cannot be read\nCure: publish again"


def test_an_archive_none_of_whose_days_can_be_read(
    home: Home, refused: Refused, tmp_path: Path
) -> None:
    """Each day is told with its own cure."""
    names = ["2026-08-20.ndjson.gz", "2026-08-21.ndjson.gz"]
    archive = tmp_path / "archive"
    archive.mkdir()
    for name in names:
        (archive / name).write_bytes(b"\x1f\x8b cut")
    told = refused(fetch, source="ARCHIVE", archive=str(archive))
    assert told.startswith("all 2 days were refused:\n")
    assert all(f"file {archive / name}: " in told for name in names)
    assert told.count("Cure: copy or fetch the file again") == 2
    (archive / names[1]).unlink()
    told = refused(fetch, source="ARCHIVE", archive=str(archive))
    assert told.startswith(f"file {archive / names[0]}: ")
