"""Bad rows, kept with their reason and content, until an operator lets them in or drops them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

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
    record(2002, downloads=-5),
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
