"""Sealed days: the same content is no news, other content is a new version beside the old."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.snapshots import importing, sealing, store
from orchestration.snapshots.contract import COLUMN_NAMES
from orchestration.snapshots.store import Source
from tests.unit.archive_fixture import (
    DAY,
    PANEL,
    ROWS,
    files_of,
    ndjson,
    quarantine_of,
    records,
    rows_of,
    take,
    write,
)

NAME = "2026-08-20.ndjson"
GOOD = ndjson(records())
FOLDER = "raw/hub_models/snapshot_date=2026-08-20"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def archive(tmp_path: Path, text: bytes = GOOD) -> Path:
    return write(tmp_path / "archive", {NAME: text})


def test_a_sealed_day_and_its_manifest_agree(home: Home, tmp_path: Path) -> None:
    (sealed,) = take(home, archive(tmp_path)).sealed

    assert files_of(home) == [
        f"{FOLDER}/manifest.json",
        f"{FOLDER}/models.v1.parquet",
        "universe.json",
    ]
    assert store.find(home, DAY) == sealed
    manifest = json.loads((home.root / FOLDER / "manifest.json").read_text())
    assert (manifest["rows"], manifest["downloads"]) == (ROWS, 1_000 * ROWS)
    assert manifest["source"] == {"kind": "archive", "archive": "test"}
    assert manifest["universe"] == {"kind": "panel", "name": "test"}
    parquet = (home.root / FOLDER / "models.v1.parquet").read_bytes()
    assert manifest["sha256"] == hashlib.sha256(parquet).hexdigest()
    assert rows_of(home, sealed, "count(*), sum(downloads)") == [(ROWS, 1_000 * ROWS)]
    assert len(COLUMN_NAMES) == 17
    (first,) = rows_of(home, sealed, "min_by(columns(*), id)")
    assert first[:4] == ("0" * 24, "org-0/model-0", "org-0", None)
    assert first[-1] == 7_000_000


def test_the_same_content_again_writes_nothing(home: Home, tmp_path: Path) -> None:
    path = archive(tmp_path)
    (sealed,) = take(home, path).sealed
    before = {name: (home.root / name).stat().st_mtime_ns for name in files_of(home)}

    again = take(home, path)

    assert (again.sealed, again.unchanged, again.dates) == ([], [sealed], [DAY])
    assert {name: (home.root / name).stat().st_mtime_ns for name in files_of(home)} == before


def test_corrected_content_becomes_version_2_beside_version_1(home: Home, tmp_path: Path) -> None:
    (first,) = take(home, archive(tmp_path)).sealed
    old = store.parquet_of(home, first).read_bytes()
    corrected = records()
    corrected[5]["downloads"] = 77

    (second,) = take(home, archive(tmp_path, ndjson(corrected))).sealed

    assert (second.version, second.file) == (2, "models.v2.parquet")
    assert second.content_sha256 != first.content_sha256
    assert store.parquet_of(home, first).read_bytes() == old
    assert store.find(home, DAY) == second
    (older,) = second.versions
    assert (older["version"], older["content_sha256"]) == (1, first.content_sha256)
    (third,) = take(home, archive(tmp_path)).sealed
    assert third.version == 3
    assert [older["version"] for older in third.versions] == [2, 1]


def test_a_refused_correction_leaves_the_sealed_day(home: Home, tmp_path: Path) -> None:
    (sealed,) = take(home, archive(tmp_path)).sealed
    before = files_of(home)
    assert list(take(home, archive(tmp_path, b"<html>")).refused) == [DAY]
    assert files_of(home) == before
    assert store.find(home, DAY) == sealed


def test_rows_set_aside_make_a_version_of_their_own(home: Home, tmp_path: Path) -> None:
    take(home, archive(tmp_path))
    bad = GOOD + b'{"id":"not an id","downloads":1}\n'
    (sealed,) = take(home, archive(tmp_path, bad)).sealed
    assert (sealed.version, sealed.rows, sealed.rows_quarantined) == (2, ROWS, 1)
    assert quarantine_of(home, sealed, "id") == [("not an id",)]
    assert take(home, archive(tmp_path, bad)).unchanged == [sealed]


@pytest.mark.parametrize("moment", ["rows", "quarantine", "manifest"])
def test_a_crash_while_sealing_leaves_the_day_unsealed(
    moment: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = archive(tmp_path, GOOD + b'{"id":"not an id","downloads":1}\n')
    really_write = sealing.write_file

    def fail(target: Path, write: Callable[[Path], None]) -> None:
        if ("quarantine" in str(target)) == (moment == "quarantine"):
            raise OSError(28, "No space left on device")
        really_write(target, write)

    def fail_manifest(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if moment == "manifest":
            patch.setattr(sealing, "write_text_durably", fail_manifest)
        else:
            patch.setattr(sealing, "write_file", fail)
        with pytest.raises(OSError, match="No space left"):
            take(home, bad)
    assert store.list_sealed(home) == []
    assert not (home.temporary.exists() and list(home.temporary.iterdir()))

    (sealed,) = take(home, bad).sealed
    assert (sealed.version, sealed.rows, sealed.rows_quarantined) == (1, ROWS, 1)


def test_what_a_killed_import_left_is_gone_after_the_next(home: Home, tmp_path: Path) -> None:
    """As large as a snapshot, for each kill: in the end the disk would be full."""
    left = home.temporary / "import-of-one-that-was-killed"
    (left / "spill").mkdir(parents=True)
    (left / "import.duckdb").write_bytes(bytes(1000))
    take(home, archive(tmp_path))
    assert list(home.temporary.iterdir()) == []


def test_another_universe_is_refused_before_anything_is_read(home: Home, tmp_path: Path) -> None:
    path = archive(tmp_path)
    take(home, path)
    before = files_of(home)
    for universe in (Universe("panel", "other"), Universe("hub"), Universe("world", "test")):
        with pytest.raises(Refusal, match=r"belongs to the recorded panel 'test'") as caught:
            importing.import_archive(home, path, Source("archive", universe, {}, whole=False))
        assert caught.value.file == home.universe_file
        assert "OBSERVATORY_HOME" in caught.value.cure
    assert files_of(home) == before


def test_a_refused_first_day_claims_no_home(home: Home, tmp_path: Path) -> None:
    take(home, archive(tmp_path, b"<html>"))
    assert home.universe() is None
    other = Source("archive", Universe("panel", "other"), {}, whole=False)
    assert importing.import_archive(home, archive(tmp_path), other).dates == [DAY]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"snapshot_date": "x"}', "\x00", "{"])
def test_a_damaged_manifest_is_refused_by_name(text: str, home: Home, tmp_path: Path) -> None:
    path = archive(tmp_path)
    take(home, path)
    manifest = home.root / FOLDER / "manifest.json"
    manifest.write_text(text)
    for read in (lambda: store.list_sealed(home), lambda: take(home, path)):
        with pytest.raises(Refusal, match="manifest") as caught:
            read()
        assert caught.value.file == manifest
        assert "import the day again" in caught.value.cure


def test_a_manifest_of_another_day_is_refused(home: Home, tmp_path: Path) -> None:
    take(home, archive(tmp_path))
    folder = home.root / FOLDER
    folder.rename(folder.with_name("snapshot_date=2026-08-21"))
    with pytest.raises(Refusal, match="2026-08-20"):
        store.list_sealed(home)


def test_days_are_listed_oldest_first(home: Home, tmp_path: Path) -> None:
    days = ["2026-08-22", "2026-08-19", "2026-08-20"]
    take(home, write(tmp_path / "archive", {f"{day}.ndjson": GOOD for day in days}))
    found = [sealed.snapshot_date for sealed in store.list_sealed(home)]
    assert found == sorted(date.fromisoformat(day) for day in days)
    assert PANEL.whole is False
