"""Rows are repeated where their values are, not where DuckDB's hash of them is."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.database import count_repeated

# Two ids of a generated world of 4.6 M models, to which DuckDB 1.5.5 gives one hash.
ALIKE = ["MavelenTech/Palzoren-1.1-4B-GGUF", "MavelenTech/Palqoren-1.4-4B-GGUF"]


def repeated(rows: list[tuple[str, int]], columns: list[str]) -> int:
    with duckdb.connect() as connection:
        connection.execute("create table t (id varchar, day integer)")
        if rows:
            connection.executemany("insert into t values (?, ?)", rows)
        return count_repeated(connection, "t", columns)


def test_ids_that_share_a_hash_are_two() -> None:
    hashes = duckdb.execute("select hash(?) = hash(?)", ALIKE).fetchall()
    if hashes != [(True,)]:
        pytest.skip("this DuckDB tells the two by its hash")
    assert repeated([(name, 1) for name in ALIKE], ["id"]) == 0
    assert repeated([(name, 1) for name in [*ALIKE, *ALIKE, ALIKE[0]]], ["id"]) == 3


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*ALIKE, "a/b", ""]), st.integers(1, 3)), max_size=30))
def test_it_counts_what_a_set_does_not_take(rows: list[tuple[str, int]]) -> None:
    assert repeated(rows, ["id", "day"]) == len(rows) - len(set(rows))
    assert repeated(rows, ["id"]) == len(rows) - len({name for name, _ in rows})
