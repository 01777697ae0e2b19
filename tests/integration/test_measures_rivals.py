"""Gaps between countries with the range of all assignments, and who passed whom."""

from __future__ import annotations

import itertools
import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.home import Home
from tests.integration.built_world import Built, run_dbt
from tests.integration.oracle import SLICE, Oracle, Slice

pytestmark = pytest.mark.xdist_group("measures")

LARGEST = {"country": 20, "organization": 50}
LASTING = timedelta(days=7)
LOOKED_BACK = 31
OVERTAKES = (
    *(
        f"int_hub__{name}"
        for name in ("unknown_shares", "standings", "passes", "confirmations", "lost_leads")
    ),
    "fct_overtakes",
)
# Of some nobody knows on a day what they have, of others for days or weeks.
UNKNOWN = """
    hash({key}, window_name, snapshot_date) % 15 = 0
    or hash({key}, scope, date_trunc('week', snapshot_date), attribution) % 30 = 0
    or hash({key}, cohort, date_trunc('month', snapshot_date)) % 40 = 0
"""
Key = tuple[str, str, str, str]
Standing = dict[str, tuple[float, int] | None]


def assigned_gaps(oracle: Oracle, slice_: Slice, one: str, other: str) -> list[float]:
    """Gap as it is, and the smallest and largest over the homes that each owner may have."""
    credits = oracle.credits(slice_)
    totals = [0.0, 0.0, 0.0]
    for owner, downloads in credits.groupby("owner")["downloads"].sum().items():
        home = oracle.home(str(owner), slice_[0])[0]
        homes = oracle.possible_homes(str(owner), slice_[0])
        if "(anywhere)" in homes:
            homes |= {one, other}
        values = [(place == one) * downloads - (place == other) * downloads for place in homes]
        now = (home == one) * downloads - (home == other) * downloads
        for position, value in enumerate((now, min(values), max(values))):
            totals[position] += value
    return [total / credits["downloads"].sum() for total in totals]


def test_the_range_of_a_gap_is_that_of_all_assignments(at_once: Built, oracle: Oracle) -> None:
    days = [oracle.days[3], oracle.days[-1]]
    gaps: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in at_once.rows("select * from marts.fct_country_gap_daily"):
        gaps[tuple(row[name] for name in SLICE)].append(row)
    compared = 0
    for slice_ in oracle.slices(days):
        rows = gaps[slice_]
        for row in rows[:: max(len(rows) // 4, 1)]:
            expected = assigned_gaps(oracle, slice_, row["country_key"], row["other_country_key"])
            found = [row["gap"], row["gap_low"], row["gap_high"]]
            assert found == pytest.approx(expected, abs=1e-9), (slice_, row)
            compared += 1
    assert compared > 100
    assert any(row["gap_high"] - row["gap_low"] > 0.01 for rows in gaps.values() for row in rows)


def test_the_gap_of_every_pair_of_the_largest_countries_is_given(at_once: Built) -> None:
    shares = at_once.read(
        "select * from marts.fct_country_share_daily where rank <= 20 and downloads > 0"
    )
    gaps = at_once.read("select * from marts.fct_country_gap_daily")
    expected = shares.groupby(SLICE)["country_key"].count().map(lambda n: n * (n - 1) // 2)
    found = gaps.groupby(SLICE)["gap"].count().reindex(expected.index, fill_value=0)
    assert (found == expected).all()
    week_before = gaps.assign(snapshot_date=gaps["snapshot_date"] + pd.Timedelta(days=7))
    pair = ["country_key", "other_country_key"]
    both = gaps.merge(week_before, on=[*SLICE, *pair], suffixes=("", "_before"))
    assert len(both) > 1000
    change = both["gap"] - both["gap_before"]
    assert (both["gap_change_7d"] - change).abs().max() < 1e-12


@pytest.fixture(scope="module")
def partly_unknown(at_once: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same shares with some that nobody knows, and who overtakes by them."""
    home = Home(tmp_path_factory.mktemp("partly_unknown"))
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(at_once.home.warehouse, home.warehouse)
    with duckdb.connect(str(home.warehouse)) as connection:
        for kind, key in {"country": "country_code", "organization": "organization"}.items():
            connection.execute(
                f"update marts.fct_{kind}_share_daily set downloads = null, share_of_all = null, "
                "rank = null, null_reason = 'nobody knows' "
                f"where rank is not null and ({UNKNOWN.format(key=key)})"
            )
    run_dbt(home, "run", "--full-refresh", "--select", *OVERTAKES)
    return Built(home)


def leads(built: Built) -> dict[tuple[str, Key], dict[date, Standing]]:
    """Share and rank of everybody, by day, of each kind and slice; None of whom nobody knows."""
    found: dict[Any, Any] = defaultdict(lambda: defaultdict(dict))
    for kind in LARGEST:
        key = "country_key" if kind == "country" else kind
        is_one = "country_code is not null" if kind == "country" else "organization <> '(other)'"
        for row in built.rows(
            f"select * from marts.fct_{kind}_share_daily where {is_one} "
            "and (rank is not null or downloads is null)"
        ):
            slice_ = tuple(row[name] for name in SLICE[1:])
            standing = None if row["rank"] is None else (row["share_of_all"], row["rank"])
            found[kind, slice_][row["snapshot_date"]][row[key]] = standing
    return {
        place: {day: known for day, known in days.items() if any(known.values())}
        for place, days in found.items()
    }


def lead(known: Standing, leader: str, follower: str) -> float | None:
    """By how much one is ahead of another: nothing has who is gone, None is of whom none knows."""
    one, other = (known.get(name, (0.0, 0)) for name in (leader, follower))
    return None if one is None or other is None else one[0] - other[0]


def was_behind(leader: str, follower: str, days: Iterable[tuple[date, Standing]]) -> bool:
    """Whether somebody was behind before, by `days` from the newest back.

    Equal days are nobody's, a lead of a week has been an overtake itself, and of a day on which
    one of the two was not there nobody can tell. Days of which nobody knows are passed over.
    """
    led_until = None
    is_newest = True
    for day, known in days:
        if leader not in known or follower not in known:
            return False
        ahead = lead(known, leader, follower)
        if ahead is None:
            continue
        if ahead < 0:
            return True
        if ahead == 0:
            led_until = None
        elif is_newest or (led_until := led_until or day) - day >= LASTING:
            return False
        is_newest = False
    return False


def overtakes(days: dict[date, Standing], largest: int) -> set[tuple[Any, ...]]:
    """(day, leader, follower, day that confirms) of one slice, by walking through its days."""
    ordered = sorted(days.items())
    found = set()
    for position, (day, now) in enumerate(ordered):
        names = sorted(name for name, known in now.items() if known and known[1] <= largest)
        earlier = ordered[max(position - LOOKED_BACK, 0) : position][::-1]
        for leader, follower in itertools.permutations(names, 2):
            if not (lead(now, leader, follower) or 0) > 0:
                continue
            if not was_behind(leader, follower, earlier):
                continue
            later = [
                (d, ahead)
                for d, known in ordered[position:]
                if (ahead := lead(known, leader, follower)) is not None
            ]
            confirming = next((d for d, _ in later if d >= day + LASTING), None)
            if all(ahead > 0 for d, ahead in later if confirming is None or d <= confirming):
                found.add((day, leader, follower, confirming))
    return found


@pytest.mark.parametrize("shares", ["at_once", "partly_unknown"])
def test_overtakes_are_those_that_last_a_week(shares: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(shares)
    table = built.rows("select * from marts.fct_overtakes")
    found: dict[Any, set[tuple[Any, ...]]] = defaultdict(set)
    for row in table:
        assert row["confirmed"] == (row["confirmed_on"] is not None)
        slice_ = tuple(row[name] for name in SLICE[1:])
        found[row["entity_kind"], slice_].add(
            tuple(row[name] for name in ("overtaken_on", "leader", "follower", "confirmed_on"))
        )
    every = leads(built)
    for (kind, slice_), days in every.items():
        assert found[kind, slice_] == overtakes(days, LARGEST[kind]), (kind, slice_)
    assert sum(row["confirmed"] for row in table) > 100
    assert sum(not row["confirmed"] for row in table) > 10


def test_an_overtake_is_certain_where_no_assignment_takes_the_lead_away(at_once: Built) -> None:
    table = at_once.read(
        "select overtakes.*, gap_low, gap_high from marts.fct_overtakes as overtakes "
        "left join marts.fct_country_gap_daily as gaps on confirmed_on = snapshot_date "
        "and overtakes.window_name = gaps.window_name "
        "and overtakes.attribution = gaps.attribution and overtakes.cohort = gaps.cohort "
        "and overtakes.scope = gaps.scope and country_key = least(leader, follower) "
        "and other_country_key = greatest(leader, follower) where entity_kind = 'country'"
    )
    both = table[table["gap_low"].notna()]
    excludes_zero = (both["gap_low"] > 0) | (both["gap_high"] < 0)
    assert (both["is_certain"] == excludes_zero).all()
    assert not table.loc[~table["confirmed"], "is_certain"].any()
    assert len(both) > 10
