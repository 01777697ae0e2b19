"""A run that the machine cannot hold is refused before it begins, with the numbers and a cure."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import namedtuple
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration import database, preflight
from orchestration.database import GIB, MIB
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.snapshots import store
from tests.unit.archive_fixture import ndjson, records, take, write

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose manifest tells of 5 M models; its files are small."""
    home = Home(tmp_path / "home")
    archive = write(tmp_path / "archive", {"2026-08-20.ndjson": ndjson(records(10))})
    (day,) = take(home, archive).sealed
    large = dataclasses.replace(day, rows=5_000_000)
    (store.folder_of(home, day.snapshot_date) / store.MANIFEST).write_text(large.to_json())
    return home


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, disk=100 * GIB, memory=24 * GIB)


def have(monkeypatch: pytest.MonkeyPatch, *, disk: int, memory: int | None) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(disk, 0, disk))
    monkeypatch.setattr(preflight, "available_memory", lambda: memory)


def test_a_run_that_fits_begins_and_is_told_what_it_may_need(home: Home) -> None:
    needed = preflight.check(home)
    assert needed["spill"] == 5_000_000 * preflight.SPILL_PER_MODEL
    assert set(needed) == {"compacted day", "warehouse", "generation", "spill"}


def test_a_build_asks_for_no_day_that_is_sealed_already(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (day,) = store.list_sealed(home)
    with store.parquet_of(home, day).open("r+b") as file:
        file.truncate(500 * MIB)  # a hole: it takes no room
    have(monkeypatch, disk=int(3.5 * GIB), memory=24 * GIB)
    assert preflight.check(home)["compacted day"] == 500 * MIB
    assert preflight.check_crawl(home) == {"snapshot": 2_000 * MIB}


@pytest.mark.parametrize("name", ["OBSERVATORY_WHOLE_DAYS", "OBSERVATORY_COMPACT_FROM_MIB"])
def test_a_setting_that_the_end_of_a_run_would_refuse_is_asked_for_before_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "-1")
    with pytest.raises(Refusal, match=name):
        preflight.check(Home(tmp_path / "new"))


def test_a_full_disk_refuses_before_it_begins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, disk=GIB, memory=24 * GIB)
    with pytest.raises(Refusal, match=r"2.8 GiB of disk .*1.0 GiB are free; nothing was built"):
        preflight.check(home)


def test_a_crawl_asks_for_itself_and_not_for_the_build_after_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its day cannot be had later; the build's can."""
    have(monkeypatch, disk=GIB, memory=2 * GIB)
    with pytest.raises(Refusal):
        preflight.check(home)
    assert set(preflight.check_crawl(home)) == {"snapshot"}


def test_a_crawl_that_does_not_fit_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = preflight.check_crawl(home)["snapshot"]
    have(monkeypatch, disk=100 * GIB, memory=GIB - 1)
    with pytest.raises(Refusal, match=r"may take 1.0 GiB of memory, .* nothing was begun"):
        preflight.check_crawl(home)
    have(monkeypatch, disk=snapshot - 1, memory=24 * GIB)
    with pytest.raises(Refusal, match=r"of disk \(.* snapshot\), and .* are free"):
        preflight.check_crawl(home)


def test_sizes_of_yesterday_count(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.warehouse.parent.mkdir(parents=True)
    with home.warehouse.open("wb") as file:
        file.truncate(50 * GIB)  # a hole: it takes no room
    assert preflight.check(home)["warehouse"] == 50 * GIB
    have(monkeypatch, disk=50 * GIB, memory=24 * GIB)
    with pytest.raises(Refusal, match=r"50.0 GiB warehouse"):
        preflight.check(home)


def test_want_of_memory_names_the_setting(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, disk=100 * GIB, memory=2 * GIB)
    with pytest.raises(Refusal, match="OBSERVATORY_MEMORY_LIMIT") as caught:
        preflight.check(home)
    assert "lower the limit" in str(caught.value)


def wait_for_the_next(home: Home, days: list[date]) -> None:
    """Let the counters of `days` have stood still."""
    (day,) = store.list_sealed(home)
    for one in days:
        waits = dataclasses.replace(day, snapshot_date=one)
        store.folder_of(home, one).mkdir()
        (store.folder_of(home, one) / store.MANIFEST).write_text(waits.to_json())
        shutil.copy(store.parquet_of(home, day), store.folder_of(home, one))
    home.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.finished_build as select ? as built_from",
            [json.dumps({"code": "c", "days": {}, "waiting": [str(one) for one in days]})],
        )


def test_the_room_that_is_left_in_the_warehouse_counts(home: Home) -> None:
    """A rebuild of many days leaves more of it than a day uses."""
    home.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        for table, rows in (("of_many_days", 3_000_000), ("of_a_day", 1_000_000)):
            connection.execute(
                f"create table {table} as select hash(range) as n from range({rows})"
            )
    size = home.warehouse.stat().st_size
    assert 0.9 * size < preflight.check(home)["warehouse"] <= size
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("drop table of_many_days")
    assert home.warehouse.stat().st_size == size
    assert preflight.check(home)["warehouse"] == 0


def test_days_that_are_built_again_count(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = preflight.check(home)
    wait_for_the_next(home, [date(2026, 8, 21), date(2026, 8, 22)])
    needed = preflight.check(home)
    assert needed["spill"] == 3 * usual["spill"]
    assert needed["warehouse"] > 10_000_000 * preflight.WAREHOUSE_PER_MODEL_AGAIN
    # What suffices for a day does not for three.
    have(monkeypatch, disk=100 * GIB, memory=4 * GIB)
    with pytest.raises(
        Refusal, match=r"2.5 GiB .* the run 2.4 GiB beside it \(10,000,000 models .* 4.0 GiB"
    ):
        preflight.check(home)


def test_a_limit_bounds_the_spill(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "TEMPORARY_LIMIT", "100MiB")
    assert preflight.check(home)["spill"] == 100 * MIB


def test_a_machine_that_tells_no_memory_is_believed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(monkeypatch, disk=100 * GIB, memory=None)
    assert preflight.check(home)


def test_a_new_or_small_home_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, disk=1, memory=1)
    assert preflight.check(Home(tmp_path / "new")) == {}
    assert preflight.check_crawl(Home(tmp_path / "new")) == {}


@pytest.mark.parametrize(
    ("text", "size"), [("3GiB", 3 * GIB), ("1.5 gb", 1_500_000_000), ("512MiB", GIB // 2)]
)
def test_limits_are_read_as_duckdb_reads_them(text: str, size: int) -> None:
    assert database.bytes_of(text, "X") == size


@pytest.mark.parametrize("text", ["3", "GiB", "three GiB", "3 parsecs", ""])
def test_an_unreadable_limit_is_named(text: str) -> None:
    with pytest.raises(Refusal, match="OBSERVATORY_TEMPORARY_LIMIT"):
        database.bytes_of(text, "OBSERVATORY_TEMPORARY_LIMIT")
