"""Bad rows, kept with their reason and content, until an operator lets them in or drops them."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from orchestration import warehouse
from orchestration.database import connect
from orchestration.errors import Refusal
from orchestration.gates import quarantine, raw
from orchestration.home import Home, Universe
from orchestration.snapshots import importing, sealing, store
from orchestration.snapshots.store import Source

DAY = date(2026, 8, 1)
GOOD = 1000


def record(number: int, **changes: Any) -> dict[str, Any]:
    found = {
        "_id": f"{number:024x}",
        "id": f"owner/model-{number}",
        "author": "owner",
        "downloads": 5000,
        "downloadsAllTime": 90_000,
        "likes": 3,
        "safetensors": {"total": 7},
        "tags": ["x"],
    }
    return found | changes


# Two values for one id, a negative count, an id that is none.
BAD = [
    record(2001, downloads=10),
    record(2001, downloads=20, _id=None),
    record(2002, downloads=-5, downloadsAllTime=9),
    record(2003, id="no id!", downloads=1),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    archive = tmp_path / "2026-08-01.ndjson"
    rows = [*(record(number) for number in range(GOOD)), *BAD]
    archive.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = Source("archive", Universe("panel", "p"), {"path": archive.name}, whole=False)
    imported = importing.import_archive(home, archive, source)
    assert imported.sealed[0].rows_quarantined == len(BAD)
    return home


def downloads_of(home: Home, model: str) -> list[int | None]:
    sealed = store.find(home, DAY)
    assert sealed is not None
    with connect(folders=[home.raw]) as connection:
        rows = connection.execute(
            f"select downloads from '{store.parquet_of(home, sealed)}' where id = ?", [model]
        ).fetchall()
    return [row[0] for row in rows]


def number_of(home: Home, **wanted: object) -> int:
    return next(
        row.number
        for row in quarantine.held(home, DAY)
        if all(getattr(row, name) == value for name, value in wanted.items())
    )


def test_rows_set_aside_are_seen_with_reason_and_content(home: Home) -> None:
    rows = quarantine.held(home, DAY)
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert sorted(row.reason for row in rows) == [
        "duplicate_id",
        "duplicate_id",
        "impossible_count",
        "unreadable_id",
    ]
    assert {json.loads(row.content)["id"] for row in rows} == {row["id"] for row in BAD}
    assert all(row.why for row in rows)


def test_a_released_row_joins_a_new_version_its_bad_value_unknown(home: Home) -> None:
    number = number_of(home, reason="impossible_count")
    sealed = quarantine.release(home, DAY, [number], "the model is real")
    assert (sealed.version, sealed.rows, sealed.rows_quarantined) == (2, GOOD + 1, 3)
    assert downloads_of(home, "owner/model-2002") == [None]
    assert len(quarantine.held(home, DAY)) == 3
    given = raw.verdict(home, DAY)
    assert given.passed, [str(one) for one in given.outcomes if one.blocks]
    assert given.rows_quarantined == 3


def test_one_of_two_rows_for_an_id_is_released_and_the_other_dropped(home: Home) -> None:
    both = [row.number for row in quarantine.held(home, DAY) if row.reason == "duplicate_id"]
    with pytest.raises(Refusal, match="owner/model-2001 cannot be let in"):
        quarantine.release(home, DAY, both, "both")
    assert downloads_of(home, "owner/model-2001") == []
    quarantine.release(home, DAY, [number_of(home, downloads=20)], "the later one")
    assert downloads_of(home, "owner/model-2001") == [20]
    other = number_of(home, reason="duplicate_id")
    with pytest.raises(Refusal, match="owner/model-2001 cannot be let in"):
        quarantine.release(home, DAY, [other], "the other, too")
    quarantine.drop(home, DAY, [other], "superseded")
    assert downloads_of(home, "owner/model-2001") == [20]
    assert {row.reason for row in quarantine.held(home, DAY)} == {
        "impossible_count",
        "unreadable_id",
    }


def test_all_dropped_leaves_a_day_without_quarantine(home: Home) -> None:
    sealed = quarantine.drop(home, DAY, [1, 2, 3, 4], "a broken exporter")
    assert (sealed.rows, sealed.rows_quarantined) == (GOOD, 0)
    assert quarantine.held(home, DAY) == []


def test_nothing_is_lost(home: Home) -> None:
    """The first quarantine and every decision with its rows stay on disk."""
    first = store.find(home, DAY)
    assert first is not None
    before = quarantine.held(home, DAY)
    quarantine.drop(home, DAY, [1], "one")
    quarantine.release(home, DAY, [number_of(home, reason="impossible_count")], "two")
    found = quarantine.decisions(home, DAY)
    assert [(one["decision"], one["note"], one["version"]) for one in found] == [
        ("drop", "one", 2),
        ("release", "two", 3),
    ]
    assert found[0]["rows"][0]["content"] == before[0].content
    assert sealing.quarantine_file(home, first).exists()
    newest = store.find(home, DAY)
    assert newest is not None
    assert [older["version"] for older in newest.versions] == [2, 1]


@pytest.mark.parametrize(
    ("numbers", "note", "match"),
    [
        ([1], " ", "a note that says why"),
        ([9], "x", "rows of this quarantine"),
        ([], "x", "rows of this quarantine"),
    ],
)
def test_a_decision_needs_rows_and_a_note(
    home: Home, numbers: list[int], note: str, match: str
) -> None:
    with pytest.raises(Refusal, match=match):
        quarantine.drop(home, DAY, numbers, note)
    sealed = store.find(home, DAY)
    assert sealed is not None and sealed.version == 1


def test_a_row_without_an_id_cannot_be_released(home: Home) -> None:
    with pytest.raises(Refusal, match="the id is missing or not of the form"):
        quarantine.release(home, DAY, [number_of(home, reason="unreadable_id")], "x")


def test_a_day_that_is_not_sealed_has_no_quarantine(home: Home) -> None:
    with pytest.raises(Refusal, match="no sealed snapshot of 2020-01-01"):
        quarantine.held(home, date(2020, 1, 1))


def seal_rows(root: Path, rows: list[dict[str, Any]]) -> tuple[Home, importing.Imported]:
    """A home of its own with a day of `GOOD` good rows and `rows`, in the order given."""
    root.mkdir()
    archive = root / f"{DAY}.ndjson"
    every = [*rows[:1], *(record(number) for number in range(GOOD)), *rows[1:]]
    archive.write_text("".join(json.dumps(row) + "\n" for row in every))
    home = Home(root / "home")
    source = Source("archive", Universe("panel", "p"), {"path": archive.name}, whole=False)
    return home, importing.import_archive(home, archive, source)


OLD = record(3000, id="owner/old", lastModified="2026-07-30T00:00:00Z", downloads=900_000)
NEW = record(3000, id="owner/new", lastModified="2026-07-31T00:00:00Z", downloads=899_000)
NEITHER = record(3000, id="owner/undated", downloads=2)


@pytest.mark.parametrize(
    "rows",
    list(itertools.permutations([OLD, NEW, NEITHER])),
    ids=lambda rows: " ".join(row["id"] for row in rows),
)
def test_of_two_ids_with_one_key_the_row_changed_last_stays(
    rows: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    """A model renamed while it is read: the day goes on, whatever the order of its rows."""
    home, imported = seal_rows(tmp_path / "day", list(rows))
    (sealed,) = imported.sealed
    assert sealed.quarantined == {"duplicate_key": 2}
    assert (downloads_of(home, "owner/new"), downloads_of(home, "owner/old")) == ([899_000], [])
    # The model is not lost: the day goes without the difference alone.
    assert sealed.downloads_quarantined == 1_000
    held = {row.id: row for row in quarantine.held(home, DAY)}
    assert {name: row.field for name, row in held.items()} == {
        "owner/old": "_id",
        "owner/undated": "_id",
    }
    assert json.loads(held["owner/old"].content)["downloads"] == 900_000
    assert raw.verdict(home, DAY).passed


def test_without_dates_the_one_with_more_downloads_stays(tmp_path: Path) -> None:
    few, many = record(3000, id="owner/a", downloads=1), record(3000, id="owner/b", downloads=2)
    home, _ = seal_rows(tmp_path / "day", [few, many])
    assert (downloads_of(home, "owner/a"), downloads_of(home, "owner/b")) == ([], [2])


def test_in_a_crawl_the_name_of_the_latest_page_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    pages = []
    for number, seen in enumerate(([NEW], [OLD], [record(n) for n in range(GOOD)])):
        page = tmp_path / f"page-{number:05d}.json.zst"
        page.write_bytes(pa.Codec("zstd").compress(json.dumps(seen).encode(), asbytes=True))
        pages.append(page)
    source = Source("live", Universe("panel", "p"), {}, whole=False)
    (sealed,) = importing.import_pages(home, pages, DAY, source).sealed
    assert sealed.quarantined == {"duplicate_key": 1}
    assert downloads_of(home, "owner/old") == [900_000]


def test_a_day_of_repeated_keys_is_refused(tmp_path: Path) -> None:
    rows = [record(3000, id=f"owner/copy-{number}", downloads=1) for number in range(7)]
    _, imported = seal_rows(tmp_path / "day", rows)
    assert not imported.sealed
    assert "comes under another id as well" in str(imported.refused[DAY])
    # A key that hides the downloads of many would be a wrong number: refused as well.
    rows = [record(3000, id="owner/new", downloads=0, lastModified="2026-07-31T00:00:00Z"), OLD]
    _, imported = seal_rows(tmp_path / "heavy", rows)
    assert not imported.sealed


def test_the_other_name_is_let_in_only_when_the_key_is_free(tmp_path: Path) -> None:
    home, _ = seal_rows(tmp_path / "day", [OLD, NEW])
    with pytest.raises(Refusal, match="owner/old cannot be let in: the Hub's key"):
        quarantine.release(home, DAY, [1], "the old name")
    sealed = quarantine.drop(home, DAY, [1], "renamed")
    assert (sealed.rows, sealed.rows_quarantined) == (GOOD + 1, 0)


@pytest.mark.parametrize(
    ("created", "is_kept"), [("2026-08-02T00:59:00Z", True), ("2026-08-02T01:01:00Z", False)]
)
def test_a_model_from_the_future_is_set_aside(created: str, is_kept: bool, tmp_path: Path) -> None:
    home, imported = seal_rows(tmp_path / "day", [record(3000, id="owner/new", createdAt=created)])
    (sealed,) = imported.sealed
    assert sealed.quarantined == ({} if is_kept else {"future_date": 1})
    assert raw.verdict(home, DAY).passed
    for row in quarantine.held(home, DAY):
        assert (row.field, json.loads(row.content)["createdAt"][:10]) == ("createdAt", created[:10])
    if not is_kept:
        quarantine.release(home, DAY, [1], "a clock that was wrong")
        assert downloads_of(home, "owner/new") == [5000]


def test_a_build_is_told_of_whom_a_row_was_set_aside(home: Home) -> None:
    """Its first row, on a later day, is no sign that it was private until then."""
    set_aside = {row.id for row in quarantine.held(home, DAY)} - {None}
    assert set_aside == {"owner/model-2001", "owner/model-2002", "no id!"}
    chosen = number_of(home, id="owner/model-2002")
    for expected in (set_aside, set_aside - {"owner/model-2002"}):
        days = tuple(store.list_sealed(home))
        warehouse.register(home, warehouse.BuildPlan(days, days, True, "x", "c"), [])
        with connect(home.warehouse, folders=[home.root]) as connection:
            found = connection.execute("from raw.rows_set_aside").fetchall()
        assert sorted(found) == sorted((DAY, name) for name in expected)
        if expected == set_aside:
            quarantine.release(home, DAY, [chosen], "it was there")
