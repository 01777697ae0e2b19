"""The file that queries are timed on: a year drawn from a day must lie as a publication does."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks import queries
from orchestration.publication import swap
from orchestration.publication.build import order_of
from tests.unit.marts_fixture import home_with_marts, seen

SHARES = "fct_organization_share_daily"
DAYS = 40


def test_a_drawn_file_lies_in_the_order_of_a_publication(tmp_path: Path) -> None:
    home = home_with_marts(tmp_path / "home", 3)
    swap.publish(home, code_version="1")
    drawn = tmp_path / "drawn.duckdb"
    rows = queries.draw(seen(home) / "observatory.duckdb", DAYS, drawn)
    with duckdb.connect(str(drawn), read_only=True) as connection:
        (days,) = connection.execute(
            f"select count(distinct snapshot_date) from {SHARES}"
        ).fetchall()[0]
        found, ordered = (
            connection.execute(f"from {SHARES} {order}").fetchall()
            for order in ("", f"order by {order_of(SHARES)}")
        )
    assert days == DAYS
    assert len(found) == rows
    assert found == ordered
