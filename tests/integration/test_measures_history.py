"""What a day says does not depend on how its build came about."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.integration.built_world import Built, sums_by_day

pytestmark = pytest.mark.xdist_group("measures")

GRAINS = {
    "fct_country_share_daily": "snapshot_date window_name attribution cohort scope country_key",
    "fct_organization_share_daily": (
        "snapshot_date window_name attribution cohort scope organization country_key"
    ),
    "fct_mapping_coverage_daily": "snapshot_date window_name attribution cohort scope",
    "fct_flow_adjustments": "snapshot_date model_key",
    "fct_concentration_daily": "snapshot_date window_name attribution cohort scope level",
    "fct_country_gap_daily": (
        "snapshot_date window_name attribution cohort scope country_key other_country_key"
    ),
    "fct_claims": "snapshot_date claim_id",
    "fct_family_share_daily": "snapshot_date window_name attribution cohort scope family",
    "fct_overtakes": (
        "overtaken_on window_name attribution cohort scope entity_kind leader follower"
    ),
    "fct_relative_adoption": "model age_days",
    "fct_family_derivatives_monthly": "month_start_date scope family",
}


@pytest.mark.parametrize("table", GRAINS)
def test_day_by_day_gives_what_one_rebuild_gives(
    at_once: Built, day_by_day: Built, table: str
) -> None:
    grain = GRAINS[table].split()
    once, daily = (
        built.read(f"select * from marts.{table}").sort_values(grain, ignore_index=True)
        for built in (at_once, day_by_day)
    )
    assert len(once) > 20
    pd.testing.assert_frame_equal(once, daily, rtol=0, atol=1e-9)


def test_a_build_leaves_the_days_alone_that_it_says_it_leaves_alone(day_by_day: Built) -> None:
    """The publication takes them over unread: a build that changed one would not be published."""
    told = json.loads(day_by_day.rows("select built_from from raw.finished_build")[0]["built_from"])
    assert len(told["changed_from"]) == 3
    changed_from = pd.Timestamp(told["changed_from"][-1])
    before = pd.read_parquet(day_by_day.home.root / "before_last.parquet")
    before, after = (
        sums[pd.to_datetime(sums["snapshot_date"]) < changed_from]
        .sort_values(["mart", "snapshot_date"])
        .reset_index(drop=True)
        for sums in (before, sums_by_day(day_by_day))
    )
    assert before["mart"].nunique() > 8
    assert before["snapshot_date"].nunique() > 20
    pd.testing.assert_frame_equal(before, after)
