"""Who is named of equal ones at the edge of a list: the first by name, whatever thirds sum to."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd
import pytest

from tests.contract.compiled_models import Model, build, compiled

pytestmark = pytest.mark.xdist_group("ties")

DAY = date(2026, 8, 10)
SLICES = "int_hub__organization_slices"
MONTHLY = "fct_family_derivatives_monthly"
WINDOWS = ("1d", "7d", "28d", "30d", "365d", "all_time")
# Thirds have nine digits: added up on one way or another they are the same number.
THIRDS, AGAIN = 2.666666666, 2.666666667


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    return compiled(tmp_path_factory.mktemp("compiled"), (SLICES, MONTHLY))


def tied(count: int, places: int) -> dict[str, float]:
    """`count` names, of which one less than the `places` have more than two that are equal."""
    names = [f"owner{number:05}" for number in range(count)]
    more = dict.fromkeys(names[-places + 1 :], 5.0)
    return dict.fromkeys(names, 1.0) | {names[0]: THIRDS, names[1]: AGAIN} | more


def test_the_500th_organization_is_the_first_by_name_of_equal_ones(
    models: dict[str, Model],
) -> None:
    downloads = tied(2_001, 500)
    owners = pd.DataFrame(
        {
            "snapshot_date": DAY,
            "organization": list(downloads),
            "canonical_organization": list(downloads),
            "country_key": "unattributed_unknown",
            "parent": None,
            "is_curated": False,
        }
    )
    sums = pd.DataFrame(
        {
            "snapshot_date": DAY,
            "attribution": "base_model",
            "organization": list(downloads),
            "is_new_365d": False,
            "is_language_model": False,
            "is_whole": False,
            "models_count": 1,
        }
        | {f"{what}_{window}": 0.0 for what in ("largest", "uncorrected") for window in WINDOWS}
        | {f"downloads_{window}": list(downloads.values()) for window in WINDOWS}
    )
    slices = pd.DataFrame(
        {
            "snapshot_date": DAY, "window_name": WINDOWS, "attribution": "base_model",
            "cohort": "all", "scope": "all", "listed_cohort": "all", "listed_scope": "all",
            "is_content_known": True, "is_uncorrected_known": True,
            "null_reason": pd.array([None] * len(WINDOWS), dtype="string"),
        }
    )  # fmt: skip
    inputs = {
        "intermediate.int_hub__owner_downloads": sums,
        "intermediate.int_hub__owner_days": owners,
        "intermediate.int_hub__slices": slices,
    }
    found = named(build({SLICES: models[SLICES]}, inputs), f"built.{SLICES}", "organization")
    assert len(found) == 501
    assert "owner00000" in found and "owner00001" not in found


def test_the_20th_line_of_a_month_is_the_first_by_name_of_equal_ones(
    models: dict[str, Model],
) -> None:
    derivatives = tied(30, 20)
    families = pd.DataFrame(
        {
            "snapshot_date": DAY,
            "attribution": "base_model",
            "organization": list(derivatives),
            "family_name": "orno2",
            "line_name": "orno",
            "is_unknown": False,
            "created_month": date(2026, 8, 1),
            "is_language_model": True,
            "new_derivatives": list(derivatives.values()),
        }
    )
    inputs = {
        "intermediate.int_hub__family_months": families,
        "intermediate.int_hub__snapshot_days": pd.DataFrame(
            {"snapshot_date": [DAY], "has_tags": [True]}
        ),
    }
    found = named(build({MONTHLY: models[MONTHLY]}, inputs), f"marts.{MONTHLY}", "family")
    assert len(found) == 21
    assert "owner00000/orno2" in found and "owner00001/orno2" not in found


def named(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> set[str]:
    """Who is listed by name, or as the others."""
    rows = connection.execute(f"select distinct {column} from {table}").fetchall()
    return {name for (name,) in rows}
