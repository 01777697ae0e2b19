"""Whatever way the same records come, they are the same content."""

from __future__ import annotations

import gzip
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from orchestration.home import Home
from tests.unit.archive_fixture import DAY, Content, ndjson, take, write

# NUL and lone surrogates are set aside; every other text must pass unharmed.
TEXT = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
COUNT = some.none() | some.integers(0, 10**15 - 1)
PART = some.text("abcXYZ019_-", min_size=1, max_size=6)
FIELDS: dict[str, some.SearchStrategy[Any]] = {
    "author": some.none() | TEXT,
    "downloads": COUNT,
    "downloadsAllTime": COUNT,
    "likes": COUNT,
    # A model that is created after its snapshot is set aside.
    "createdAt": some.none()
    | some.datetimes(max_value=datetime.combine(DAY, time.min)).map(
        lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z"
    ),
    "private": some.none() | some.booleans(),
    "tags": some.none() | some.lists(TEXT, max_size=4),
    "pipeline_tag": some.none() | TEXT,
}
ROWS = some.lists(
    some.fixed_dictionaries({"id": some.tuples(PART, PART).map("/".join), **FIELDS}),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row["id"],
)
# Keeps an id and a count in every file, which a file of models must have.
KEPT = {"id": "kept/KEPT-always", **dict.fromkeys(FIELDS), "downloads": 1}
TYPES = {
    "downloads": pa.int64(),
    "downloadsAllTime": pa.int64(),
    "likes": pa.int64(),
    "private": pa.bool_(),
    "tags": pa.list_(pa.string()),
}
quickly = settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def contents(*days: dict[str, Content]) -> list[tuple[str, int, int]]:
    """Content hash, rows and rows set aside of each of `days`, whose files bear no date.

    One import of many days, as each import costs a tenth of a second.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {
            f"{DAY + timedelta(days=number)}.{name}": content
            for number, day in enumerate(days)
            for name, content in day.items()
        }
        imported = take(Home(Path(folder) / "home"), write(Path(folder) / "archive", files))
        assert imported.refused == {}
        return [
            (sealed.content_sha256, sealed.rows, sealed.rows_quarantined)
            for sealed in imported.sealed
        ]


def as_parquet(rows: list[dict[str, Any]]) -> Content:
    columns = {
        name: pa.array([row[name] for row in rows], TYPES.get(name, pa.string()))
        for name in rows[0]
    }
    return lambda path: pq.write_table(pa.table(columns), path)


@quickly
@given(ROWS, some.randoms(use_true_random=False))
def test_order_files_and_formats_do_not_change_the_content(rows: Any, chance: Any) -> None:
    shuffled = rows[:]
    chance.shuffle(shuffled)
    cut = chance.randrange(len(rows) + 1)
    halves = [[*half, KEPT] for half in (rows[:cut], rows[cut:])]
    found = contents(
        {"ndjson": ndjson([*rows, KEPT])},
        {"ndjson.gz": gzip.compress(ndjson([KEPT, *shuffled]))},
        {"parquet": as_parquet([*shuffled, KEPT])},
        {"1.ndjson": ndjson(halves[0]), "2.parquet": as_parquet(halves[1])},
        {"twice.ndjson": ndjson([KEPT, *rows, *shuffled])},
        {"unknown.ndjson": ndjson({**row, "unknown": 1} for row in [KEPT, *rows])},
    )
    assert set(found) == {(found[0][0], len(rows) + 1, 0)}


@quickly
@given(ROWS, some.data())
def test_one_other_value_is_other_content(rows: Any, data: Any) -> None:
    row = data.draw(some.sampled_from(rows))
    name = data.draw(some.sampled_from(sorted(FIELDS)))
    other = {**row, name: data.draw(FIELDS[name].filter(lambda value: value != row[name]))}
    rest = [KEPT, *(one for one in rows if one is not row)]
    found = contents(
        {"ndjson": ndjson([*rest, row])},
        {"ndjson": ndjson([*rest, other])},
        {"ndjson": ndjson(rest)},
    )
    assert len({content for content, _, _ in found}) == 3
