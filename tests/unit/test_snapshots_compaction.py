"""Compaction: a day reads the same before and after, and nothing goes before it was proven."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest

from orchestration import database, warehouse
from orchestration.defs.fetch.resources import HomeResource
from orchestration.defs.retain.assets import history
from orchestration.errors import Refusal
from orchestration.gates import raw
from orchestration.home import Home
from orchestration.snapshots import compaction, content, reading, retention, store
from orchestration.snapshots.retention import Retention
from orchestration.snapshots.store import Sealed
from orchestration.warehouse import BuildPlan
from tests.unit.archive_fixture import ndjson, records, take, write

FIRST = date(2026, 8, 29)
DAYS = [FIRST + timedelta(days=n) for n in range(6)]
ALL_AT_ONCE = Retention(whole_days=2, compact_from=0)


def changing_days() -> dict[str, bytes]:
    """Six days across a month's end, with all that can happen to a model."""
    files = {}
    for number, day in enumerate(DAYS):
        rows = records(300)
        for place, row in enumerate(rows):
            if place % 4 == 0:
                row["downloads"] += 7 * number
            row["downloadsAllTime"] = 5_000 + place * number
            row["trendingScore"] = 0.1 * place if place % 3 else None
        rows[0]["tags"] = ["b", "a"] if number % 2 else ["a", "b"]  # there and back again
        rows[1]["lastModified"] = f"2026-08-{10 + number}T00:00:00.000001Z"
        rows[2]["id"] = "org-2/renamed" if number > 2 else rows[2]["id"]
        rows[3]["tags"] = [[], None, [""], ["\t", "名前", "a\x1fb\x1ec"], [], None][number]
        rows[4]["downloads"] = None if number == 3 else 10**15 - 1
        rows[5]["_id"] = None
        rows[6]["likes"] = None if number % 2 else 0
        if number == 4:
            del rows[7]  # gone, and back the next day
        rows += records(303)[300:] if number > 1 else []
        files[f"{day}.ndjson"] = ndjson(rows)
    return files


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    assert take(home, write(tmp_path / "archive", changing_days())).dates == DAYS
    return home


def rows_of(home: Home, days: list[Sealed]) -> pd.DataFrame:
    with database.connect(folders=[home.raw]) as connection:
        return (
            connection.sql(f"select * from {reading.records(home, days)}")
            .df()
            .sort_values(["snapshot_date", "id"], ignore_index=True)
        )


def content_of(home: Home, day: Sealed) -> str:
    with database.connect(folders=[home.raw]) as connection:
        return content.measure(connection, reading.records(home, [day]), day.quarantined).sha256


def enforce(home: Home, retention_: Retention = ALL_AT_ONCE) -> retention.Enforced:
    return retention.enforce(home, retention_, is_judged=lambda _: True)


def whole_days(home: Home) -> list[date]:
    return [day.snapshot_date for day in store.list_sealed(home) if reading.is_whole(home, day)]


def test_every_day_reads_as_it_was(home: Home, tmp_path: Path) -> None:
    sealed = store.list_sealed(home)
    before = rows_of(home, sealed)

    done = enforce(home)

    assert [one.sealed.snapshot_date for one in done.compacted] == DAYS[:-2]
    assert whole_days(home) == DAYS[-2:]
    pd.testing.assert_frame_equal(rows_of(home, sealed), before)
    for day in sealed:
        assert content_of(home, day) == day.content_sha256
        reading.restore(home, day, tmp_path / "whole.parquet")
        with duckdb.connect() as connection:
            again = content.measure(connection, f"'{tmp_path / 'whole.parquet'}'", day.quarantined)
        assert again == content.Content(day.rows, day.downloads, day.content_sha256)


def test_attributes_are_stored_when_they_change(home: Home) -> None:
    enforce(home)
    august, september = (reading.read_month(home, month) for month in ("2026-08", "2026-09"))
    # 300 models; then the tags, the commit and the odd tags of one each; then the same, three
    # new models, and tags that were there before.
    assert [one.rows for one in august.attributes] == [300, 3, 5]
    assert [day.snapshot_date for day in august.days] == [str(day) for day in DAYS[:3]]
    assert [one.rows for one in september.attributes] == [303]
    # Who a model is, is stored once for all months; the last is the one that was renamed.
    assert [one.rows for one in reading.read_keys(home)] == [300, 3, 1]


def test_only_the_columns_asked_for_are_there(home: Home) -> None:
    enforce(home)
    with database.connect(folders=[home.raw]) as connection:
        found = connection.sql(
            f"from {reading.records(home, store.list_sealed(home), ['id', 'likes'])}"
        )
        assert found.columns == ["snapshot_date", "id", "likes"]


def test_a_build_is_given_the_same_rows_of_compacted_days(home: Home) -> None:
    def sources() -> list[pd.DataFrame]:
        days = tuple(store.list_sealed(home))
        warehouse.register(home, BuildPlan(days, days[1:], True, "", ""), [])
        with database.connect(home.warehouse, folders=[home.raw], read_only=True) as connection:
            return [
                connection.sql(f"from raw.{name}")
                .df()
                .sort_values(["snapshot_date", "id"], ignore_index=True)
                for name in ("hub_models", "hub_counters")
            ]

    before = sources()
    assert [len(frame) for frame in before] == [1511, 1811]
    enforce(home)
    for now, then in zip(sources(), before, strict=True):
        pd.testing.assert_frame_equal(now, then)


@pytest.mark.parametrize("newest_is_largest", [True, False])
def test_a_statement_reads_the_days_that_it_asks_for_alone(
    tmp_path: Path, newest_is_largest: bool
) -> None:
    """Of a year of days a build asks for five, and says which by a join.

    Every day brings models, as on the Hub: there are as many files of keys as of counters, and
    DuckDB takes the ones for as large as the others.
    """
    home = Home(tmp_path / "home")
    sizes = range(2_300, 2_306) if newest_is_largest else range(2_306, 2_300, -1)
    archive = {}
    for number, (day, size) in enumerate(zip(DAYS, sizes, strict=True)):
        rows = records(size) + records(2_400 + number)[-1:]
        archive[f"{day}.ndjson"] = ndjson(row | {"downloadsAllTime": 5_000} for row in rows)
    assert take(home, write(tmp_path / "archive", archive)).dates == DAYS
    enforce(home)
    days = store.list_sealed(home)
    columns = ["_id", "id", "createdAt", "downloadsAllTime"]
    with duckdb.connect() as connection:
        connection.execute(f"create view counters as from {reading.records(home, days, columns)}")
        connection.execute("create table asked as select date '2026-08-30' as snapshot_date")
        asked = (
            "select count(_id), sum(downloadsAllTime) "
            "from counters join asked using (snapshot_date) where downloadsAllTime is not null"
        )
        assert connection.execute(asked).fetchall() == [(days[1].rows, 5_000 * days[1].rows)]
        profile = tmp_path / "profile.json"
        connection.execute("set enable_profiling = 'json'")
        connection.execute(f"set profiling_output = '{profile}'")
        connection.execute(asked).fetchall()
    scans = [
        operator["extra_info"]
        for operator in operators(json.loads(profile.read_text()))
        if "Total Files Read" in operator.get("extra_info", {})
    ]
    read = sum(int(one["Total Files Read"]) for one in scans if "downloadsAllTime" in str(one))
    assert read == 1
    assert len(scans) == 3


def operators(operator: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An operator of a query's profile, and all below it."""
    yield operator
    for child in operator.get("children", ()):
        yield from operators(child)


def test_the_first_gate_judges_a_compacted_day_as_it_judged_the_whole(home: Home) -> None:
    def answers() -> list[tuple[object, ...]]:
        return [(one.name, one.status, one.observed) for one in raw.judge(home, DAYS)]

    before = answers()
    enforce(home)
    assert answers() == before
    month = reading.read_month(home, "2026-08")
    file = reading.month_folder(home, "2026-08") / month.attributes[0].file
    file.write_bytes(file.read_bytes() + b"\0")
    failed = {
        o.snapshot_date for o in raw.judge(home, DAYS) if o.name == "file_as_sealed" and o.blocks
    }
    assert failed == set(DAYS[:3])


def test_a_correction_counts_and_is_compacted_beside_what_it_corrects(
    home: Home, tmp_path: Path
) -> None:
    enforce(home)
    old = store.find(home, DAYS[1])
    assert old is not None
    corrected = write(tmp_path / "again", {f"{DAYS[1]}.ndjson": ndjson(records(290))})
    (new,) = take(home, corrected).sealed
    assert rows_of(home, [new]).shape[0] == 290

    enforce(home)

    assert not reading.is_whole(home, new)
    assert content_of(home, new) == new.content_sha256
    month = reading.read_month(home, "2026-08")
    assert {day.version for day in month.days if day.snapshot_date == str(DAYS[1])} == {1, 2}
    assert month.find(old) is not None
    assert content_of(home, old) == old.content_sha256


def test_a_whole_file_that_is_not_what_was_sealed_stays_as_it_is(home: Home) -> None:
    (day, *_) = store.list_sealed(home)
    file = store.parquet_of(home, day)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(Refusal, match="SHA-256 differs"):
        compaction.compact(home, day)
    done = enforce(home)
    assert list(done.left) == [str(DAYS[0])]
    assert file.exists()


def test_a_form_that_is_not_the_day_removes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = compaction._write

    def broken(
        home: Home, month: reading.Month, keys: compaction.Parts, sealed: Sealed
    ) -> tuple[reading.Month, compaction.Parts]:
        found = real(home, month, keys, sealed)
        file = reading.counters_file(home, sealed)
        with duckdb.connect() as connection:
            connection.execute(f"create table t as from '{file}'")
            connection.execute("update t set likes = likes + 1 where attributes_row = 17")
            connection.execute(f"copy t to '{file}'")
        return found

    monkeypatch.setattr(compaction, "_write", broken)
    (day, *_) = store.list_sealed(home)
    with pytest.raises(Refusal, match="is not the day"):
        compaction.compact(home, day)
    assert reading.is_whole(home, day)
    assert reading.read_month(home, "2026-08").days == ()
    monkeypatch.undo()
    assert len(enforce(home).compacted) == 4


@pytest.mark.parametrize("damage", [None, b"not what was written"])
def test_a_day_that_was_imported_again_is_compacted_anew(
    home: Home, damage: bytes | None, tmp_path: Path
) -> None:
    """What to do about a damaged form: remove it and import the day again."""
    first = store.list_sealed(home)[0]
    whole = tmp_path / "whole.parquet"
    shutil.copy(store.parquet_of(home, first), whole)
    enforce(home)
    counters = reading.counters_file(home, first)
    if damage is None:
        counters.unlink()
    else:
        counters.write_bytes(damage)
    shutil.copy(whole, store.parquet_of(home, first))
    assert [one.sealed for one in enforce(home).compacted] == [first]
    assert content_of(home, first) == first.content_sha256


def test_days_that_are_not_judged_or_small_stay_whole(home: Home) -> None:
    assert not enforce(home, Retention(whole_days=2, compact_from=2**20)).compacted
    left = retention.enforce(
        home, ALL_AT_ONCE, is_judged=lambda day: day.snapshot_date != DAYS[1]
    ).left
    assert list(left) == [str(DAYS[1])]
    assert whole_days(home) == [DAYS[1], *DAYS[-2:]]


@pytest.mark.parametrize("text", ["1", "-3", "many", "2.5"])
def test_a_setting_that_makes_no_sense_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATORY_WHOLE_DAYS", text)
    with pytest.raises(Refusal, match="OBSERVATORY_WHOLE_DAYS"):
        Retention.from_environment()


def test_the_asset_refuses_such_a_setting_and_is_no_defect(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as a fault of the program, by a run whose publication was there to be read."""
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    monkeypatch.setenv("OBSERVATORY_WHOLE_DAYS", "1")
    ended = dg.materialize(
        [history], resources={"observatory": HomeResource()}, raise_on_error=False
    )
    (failed,) = [event for event in ended.all_events if event.is_step_failure]
    refused = failed.step_failure_data.user_failure_data
    assert refused is not None and refused.description is not None
    assert "OBSERVATORY_WHOLE_DAYS" in refused.description and "Cure: " in refused.description
    assert len(whole_days(home)) == len(DAYS)


def test_a_day_in_neither_form_is_told(home: Home) -> None:
    (day, *_) = store.list_sealed(home)
    store.parquet_of(home, day).unlink()
    with pytest.raises(Refusal, match="neither whole nor compacted"):
        reading.records(home, [day])


def older_keys(home: Home, older: Path) -> Path:
    manifest = reading.keys_folder(home) / store.MANIFEST
    return Path(shutil.copy(older / manifest.relative_to(home.root), manifest))


def no_keys(home: Home, older: Path) -> Path:
    manifest = reading.keys_folder(home) / store.MANIFEST
    manifest.unlink()
    return manifest


def older_month(home: Home, older: Path) -> Path:
    manifest = reading.month_folder(home, "2026-08") / store.MANIFEST
    return Path(shutil.copy(older / manifest.relative_to(home.root), manifest))


def no_month(home: Home, older: Path) -> Path:
    manifest = reading.month_folder(home, "2026-08") / store.MANIFEST
    manifest.unlink()
    return manifest


@pytest.mark.parametrize("put_back", [older_keys, no_keys, older_month, no_month])
def test_a_manifest_that_is_older_than_a_day_is_refused_and_nothing_written_over(
    home: Home, tmp_path: Path, put_back: Callable[[Home, Path], Path]
) -> None:
    """Days compacted since read without ids, and the next compaction overwrote their keys."""
    sealed = store.list_sealed(home)
    before = rows_of(home, sealed)
    enforce(home, Retention(whole_days=5, compact_from=0))
    older = tmp_path / "older"
    shutil.copytree(home.raw, older / "raw")
    enforce(home, Retention(whole_days=3, compact_from=0))
    newest = shutil.copytree(home.raw, tmp_path / "newest")
    manifest = put_back(home, older)
    lying = files_of(home)

    with pytest.raises(Refusal, match=f"older than {DAYS[2]}") as refused:
        rows_of(home, sealed[2:3])
    assert refused.value.file == manifest
    assert "from a backup made after the last compaction" in refused.value.cure
    # The third brought three models: the first two know the keys of an older manifest.
    told = [reading.damage(home, day, {}) for day in sealed]
    assert [words for words in told[3:] if words] == []
    assert f"{manifest.parent.name}/{store.MANIFEST} is gone or older than" in str(told[2])
    # The day that is due is of another month.
    left = enforce(home).left
    assert list(left) == [str(DAYS[3])] and "is gone or older than" in left[str(DAYS[3])]
    assert files_of(home) == lying

    shutil.copy(newest / manifest.relative_to(home.raw), manifest)
    assert len(enforce(home).compacted) == 1
    pd.testing.assert_frame_equal(rows_of(home, sealed), before)


def test_a_file_that_a_killed_run_left_is_not_written_over(home: Home) -> None:
    sealed = store.list_sealed(home)
    before = rows_of(home, sealed)
    left = [
        reading.keys_folder(home) / "keys.0001.parquet",
        reading.month_folder(home, "2026-08") / "attributes.0002.parquet",
    ]
    for file in left:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"whose manifest may be put back")
    assert len(enforce(home).compacted) == 4
    assert {file.read_bytes() for file in left} == {b"whose manifest may be put back"}
    pd.testing.assert_frame_equal(rows_of(home, sealed), before)


def files_of(home: Home) -> dict[str, str]:
    """What lies in the raw history, with its hash."""
    return {
        str(file.relative_to(home.raw)): store.sha256_of(file)
        for file in home.raw.rglob("*")
        if file.is_file()
    }


def test_days_that_an_older_program_compacted_are_read_and_compacted_on(home: Home) -> None:
    """It did not note which keys a day needs."""
    sealed = store.list_sealed(home)
    before = rows_of(home, sealed)
    enforce(home, Retention(whole_days=4, compact_from=0))
    manifest = reading.month_folder(home, "2026-08") / store.MANIFEST
    found = json.loads(manifest.read_text())
    for day in found["days"]:
        del day["keys_sha256"]
    manifest.write_text(json.dumps(found))
    assert [reading.damage(home, day, {}) for day in sealed] == [None] * len(DAYS)
    assert len(enforce(home).compacted) == 2
    pd.testing.assert_frame_equal(rows_of(home, sealed), before)
    no_keys(home, home.root)
    with pytest.raises(Refusal, match=f"older than {DAYS[0]}"):
        rows_of(home, sealed)


# A process that is killed just before its n-th rename or removal of a file.
KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.home import Home
from orchestration.snapshots import retention
left = int(sys.argv[2])
def audit(event, arguments):
    global left
    if event in ("os.rename", "os.remove"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
retention.enforce(
    Home(Path(sys.argv[1])), retention.Retention(5, 0), is_judged=lambda _: True
)
"""


def test_a_kill_at_any_moment_loses_nothing(home: Home) -> None:
    sealed = store.list_sealed(home)
    before = rows_of(home, sealed)
    kills = 0
    for moment in range(1, 20):
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(home.root), str(moment)], check=False
        )
        pd.testing.assert_frame_equal(rows_of(home, sealed), before)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        kills += 1
    # Two files, each from a draft, the manifest, the whole file.
    assert kills >= 4
    assert whole_days(home) == DAYS[1:]
    assert content_of(home, sealed[0]) == sealed[0].content_sha256
