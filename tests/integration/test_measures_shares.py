"""Shares of every slice of sixty days, against a second computation from the raw files."""

from __future__ import annotations

import pandas as pd
import pytest

from local_hub import World
from tests.integration.built_world import Built
from tests.integration.oracle import ALL_WINDOWS, SLICE, Oracle

pytestmark = pytest.mark.xdist_group("measures")

KEYS = {"fct_country_share_daily": "country_key", "fct_organization_share_daily": "owner"}
SHARES = [
    "share_of_all",
    "share_of_attributed",
    "share_of_all_without_largest_model",
    "share_of_all_low",
    "share_of_all_high",
]


def read(built: Built, table: str) -> pd.DataFrame:
    """The mart by the oracle's names, in the order of its grain."""
    found = built.read(f"select * from marts.{table}").rename(columns={"organization": "owner"})
    found["snapshot_date"] = found["snapshot_date"].dt.date
    return found.sort_values([*SLICE, KEYS[table], "country_key"], ignore_index=True)


@pytest.mark.parametrize("table", KEYS)
def test_every_slice_is_what_its_definition_says(
    at_once: Built, oracle: Oracle, table: str
) -> None:
    grain = list(dict.fromkeys([*SLICE, KEYS[table], "country_key"]))
    found = read(at_once, table)
    expected = oracle.shares(KEYS[table], oracle.days).sort_values(grain, ignore_index=True)
    assert found[grain].equals(expected[grain])
    assert len(expected[SLICE].drop_duplicates()) == len(oracle.days) * 6 * 2 * 2 * 2
    assert (found["models_count"] == expected["models_count"]).all()
    assert found["rank"].astype("float64").equals(expected["rank"])
    for name in ("downloads", "downloads_uncorrected"):
        pd.testing.assert_series_equal(found[name], expected[name], rtol=1e-12, atol=1e-6)
    # What the Hub counted is counted, to the last download.
    counted = found["window_name"].isin(["30d", "all_time"]) & (found["attribution"] == "publisher")
    assert (found["downloads"] == expected["downloads"])[counted].all()
    for name in SHARES:
        if name in expected:
            pd.testing.assert_series_equal(found[name], expected[name], rtol=0, atol=1e-9)


def test_international_owners_of_a_generated_world_count_as_such(
    at_once: Built, world: World
) -> None:
    """By the world's own word, not by its CSV: once `True` there was read as false."""
    owners = world.organizations()
    international = set(owners.loc[owners["is_international"], "organization"])
    shares = read(at_once, "fct_organization_share_daily")
    listed = shares[shares["owner"].isin(international)]
    assert set(listed["country_key"]) == {"international"}
    assert set(shares.loc[shares["country_key"] == "international", "owner"]) <= international
    row = read(at_once, "fct_country_share_daily").query("country_key == 'international'")
    assert row["downloads"].max() == listed.groupby(SLICE)["downloads"].sum().max() > 0
    # One owner changes its home, on a day that is read from the same file.
    [moved] = owners.loc[owners["valid_to"].notna(), "organization"].unique()
    assert shares.loc[shares["owner"] == moved, "country_key"].nunique() == 2


@pytest.mark.parametrize("table", KEYS)
def test_changes_are_differences_to_the_day_itself(at_once: Built, table: str) -> None:
    found = read(at_once, table)
    key = [*SLICE, KEYS[table], "country_key"]
    for days in (7, 30):
        before = found[[*dict.fromkeys(key), "share_of_all"]].copy()
        before["snapshot_date"] = [
            day + pd.Timedelta(days=days).to_pytimedelta() for day in before["snapshot_date"]
        ]
        both = found.merge(before, "left", list(dict.fromkeys(key)), suffixes=("", "_before"))
        expected = both["share_of_all"] - both["share_of_all_before"]
        pd.testing.assert_series_equal(
            both[f"share_change_{days}d"], expected, check_names=False, rtol=0, atol=1e-12
        )
        assert expected.notna().sum() > 1000


def test_a_window_that_history_cannot_fill_is_null_with_a_reason(
    at_once: Built, oracle: Oracle
) -> None:
    for table in KEYS:
        found = read(at_once, table)
        assert set(found["window_name"]) == set(ALL_WINDOWS)
        is_known = pd.Series(
            [
                oracle.is_known(day, window)
                for day, window in found[["snapshot_date", "window_name"]].itertuples(index=False)
            ]
        )
        # Who is known has a figure; an owner first seen that day, with older models, has none.
        has_figure = found["downloads"].notna()
        assert (found["null_reason"].isna() == has_figure).all()
        assert not has_figure[~is_known].any()
        assert has_figure[is_known].mean() > 0.9
        unknown = found[~is_known]
        measures = ["downloads", "rank", "share_change_7d", "share_change_30d"]
        assert unknown[[*measures, *found.columns.intersection(SHARES)]].isna().all(axis=None)
        assert (unknown["window_name"] == "365d").any()
        assert "known since 2026-09-02, after the window begins" in unknown["null_reason"].iloc[0]


def test_the_newest_three_days_of_flows_are_provisional(at_once: Built, oracle: Oracle) -> None:
    for table in KEYS:
        found = read(at_once, table)
        flows = ~found["window_name"].isin(["30d", "all_time"])
        newest = found["snapshot_date"].isin(oracle.days[-3:])
        assert (found["is_provisional"] == (flows & newest)).all()


def test_what_was_not_provisional_stays_as_it_was_said(day_by_day: Built) -> None:
    """Said amid a rollback that was accepted later, and three builds before the last."""
    grain = [*SLICE, "country_key"]
    early = pd.read_parquet(day_by_day.home.root / "early.parquet")
    last = day_by_day.read("select * from marts.fct_country_share_daily")
    both = early.merge(last, "left", grain, suffixes=("", "_now"))
    same = (both["downloads"] == both["downloads_now"]) | (
        both["downloads"].isna() & both["downloads_now"].isna()
    )
    assert same[~both["is_provisional"]].all()
    assert not same[both["is_provisional"]].all()
    assert early["is_provisional"].sum() > 100
