"""Paging by keyset, for all kinds of days: nothing twice, nothing lost, whatever the ties."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_hub import Change, Recorded, listing, named_world
from local_hub.changes import ChangingDay
from local_hub.content import SORTS, Day

DAY = date(2026, 8, 20)
NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)

counts = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 10**12))
times = st.sampled_from([None, "2022-03-02T23:29:04.000Z", "2026-08-20T01:02:03.000Z", "never"])


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A recorded day with many ties, missing fields and, sometimes, `_id`s."""
    some_id = st.integers(0, 10**9).map(lambda n: f"a/{n:x}")
    ids = draw(st.lists(some_id, min_size=1, max_size=60, unique=True))
    with_key = draw(st.booleans())
    rows = [
        {
            "_id": f"{zlib.crc32(name.encode()):08x}{int(name[2:], 16):016x}" if with_key else None,
            "id": name,
            "createdAt": draw(times),
            "lastModified": draw(times),
            "downloads": draw(counts),
            "likes": draw(counts),
            "trendingScore": draw(counts),
        }
        for name in ids
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{DAY}.ndjson"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return Recorded(file).day(DAY)


def pages(day: Day, question: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        query = listing.understand(
            ((name, str(value)) for name, value in {**question, **more}.items()),
            listing.RULES["models"],
        )
        found = listing.page(day, query)
        yield json.loads(found.body)
        cursor = found.next_cursor
        if cursor is None:
            return


@settings(max_examples=150, deadline=None)
@given(days(), st.sampled_from(SORTS), st.integers(1, 7), st.sampled_from(["-1", "1"]))
def test_pages_hold_every_model_once(day: Day, sort: str, limit: int, direction: str) -> None:
    found = list(pages(day, {"sort": sort, "limit": limit, "direction": direction}))
    ids = [item["id"] for page in found for item in page]
    assert len(ids) == len(set(ids)) == len(day)
    assert all(len(page) == limit for page in found[:-1])
    assert 1 <= len(found[-1]) <= limit


@settings(max_examples=50, deadline=None)
@given(days(), st.sampled_from(SORTS), st.integers(1, 7))
def test_the_size_of_pages_changes_nothing(day: Day, sort: str, limit: int) -> None:
    small = [item for page in pages(day, {"sort": sort, "limit": limit}) for item in page]
    (whole,) = pages(day, {"sort": sort})
    assert small == whole


@settings(max_examples=50, deadline=None)
@given(days(), st.integers(1, 7), st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_by_creation_nothing_is_lost_while_models_change(
    day: Day, limit: int, steps: list[int]
) -> None:
    changing = ChangingDay(day, seed=limit)
    before = {record["id"] for record in day.records(day.newest_first("createdAt"))}
    seen: list[str] = []
    for number, page in enumerate(pages(changing, {"sort": "createdAt", "limit": limit})):
        seen += [item["id"] for item in page]
        step = steps[number % len(steps)]
        changing.change(Change(counters=0.5, create=step % 3, delete=step // 3, rename=1), NOW)
    stayed = before - set(changing.changed.deleted) - set(changing.changed.renamed)
    assert stayed <= set(seen)
    assert len([name for name in seen if name in stayed]) == len(stayed)


def test_thousands_of_models_at_one_second_are_paged_whole() -> None:
    world = named_world("clean:40000x1")
    day = world.day(world.dates[0])
    default = [n for n in world.models.created if n in (1_646_263_744, 1_646_263_745)]
    assert len(default) > 500
    ids = [item["id"] for page in pages(day, {"sort": "createdAt", "limit": 300}) for item in page]
    assert len(ids) == len(set(ids)) == len(day)


@pytest.mark.parametrize("sort", SORTS)
def test_a_world_is_sorted_as_its_fields_say(sort: str) -> None:
    day = named_world("clean:1000x2").day(date(2026, 10, 31))
    field: list[Any] = [
        item.get(sort) for page in pages(day, {"sort": sort, "full": True}) for item in page
    ]
    assert field == sorted(field, reverse=True)
