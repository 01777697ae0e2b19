"""Models that come and go: what is known of them does not depend on how builds came about."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from local_hub import named_world
from orchestration.home import Home
from tests.integration.built_world import Built, build, write_days

pytestmark = pytest.mark.xdist_group("known_models")

# Who is away on which day: nobody on the first, a tenth of the models on each of the next ones,
# half of these on two days together; who is away is as it was when it is there again.
AWAY = "hash(_id) % 10 = {place} or (hash(_id) % 20 = {place} - 1)"
DAYS = 4
# Without the status of the counters a build begins anew.
SELECTED = "+dim_models +int_hub__counter_status"


def test_who_returns_as_it_was_is_there_again(tmp_path: Path) -> None:
    world = named_world(f"scale:500x{DAYS}")
    assert len(world.dates) == DAYS
    at_once, day_by_day = Home(tmp_path / "at_once"), Home(tmp_path / "day_by_day")
    for home in (at_once, day_by_day):
        write_days(world, home)
        for place, day in enumerate(world.dates):
            leave_out(home, day, AWAY.format(place=place) if place else "false")
    found: dict[Home, pd.DataFrame] = {}
    for home, builds in ((at_once, [DAYS]), (day_by_day, range(1, DAYS + 1))):
        for until in builds:
            built = build(home, world.dates[:until], select=SELECTED)
        found[home] = models(built)
    pd.testing.assert_frame_equal(found[at_once], found[day_by_day])
    newest = found[day_by_day]
    newest = newest[newest["last_seen_on"] == pd.Timestamp(world.dates[-1])]
    file = day_by_day.raw / "hub_models" / f"snapshot_date={world.dates[-1]}/models.v1.parquet"
    with duckdb.connect() as connection:
        there = connection.sql(f"select _id from '{file}'").df()["_id"]
    # Gate 3 asks the same of every publication.
    assert set(newest["model_key"]) == set(there)


def test_an_earlier_creation_that_one_day_tells_is_kept(tmp_path: Path) -> None:
    world = named_world("scale:500x3")
    found: list[pd.DataFrame] = []
    for name, builds in (("at_once", [3]), ("in_parts", [1, 3])):
        home = Home(tmp_path / name)
        write_days(world, home)
        create_earlier(home, world.dates[1])
        for until in builds:
            built = build(home, world.dates[:until], select=SELECTED)
        found.append(models(built))
    at_once, in_parts = found
    pd.testing.assert_frame_equal(at_once, in_parts)
    file = home.raw / "hub_models" / f"snapshot_date={world.dates[1]}/models.v1.parquet"
    with duckdb.connect() as connection:
        told = connection.sql(f"select _id, \"createdAt\" from '{file}'").df()
    told = told.merge(in_parts, left_on="_id", right_on="model_key")
    assert len(told) > 400
    assert (told["created_at"] == told["createdAt"]).all()


def create_earlier(home: Home, day: date) -> None:
    """Date every model of `day` forty days before its creation."""
    file = home.raw / "hub_models" / f"snapshot_date={day}/models.v1.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table day as from '{file}'")
        connection.execute('update day set "createdAt" = "createdAt" - interval 40 day')
        connection.execute(f"copy day to '{file}' (compression zstd)")


def leave_out(home: Home, day: date, condition: str) -> None:
    """Take the rows out of the snapshot of `day` of which `condition` is true."""
    file = home.raw / "hub_models" / f"snapshot_date={day}/models.v1.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table day as from '{file}' where not ({condition})")
        connection.execute(f"copy day to '{file}' (compression zstd)")


def models(built: Built) -> pd.DataFrame:
    """The dimension, in the order of its key."""
    return built.read("select * from marts.dim_models order by model_key")
