"""The largest lines are named whoever else their owners are smaller than."""

from __future__ import annotations

import string
from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from tests.contract import random_history
from tests.contract.compiled_models import Model, build, compiled
from tests.contract.test_share_properties import MODELS

pytestmark = pytest.mark.xdist_group("family_owners")

DAYS = [date(2026, 10, 20), date(2026, 10, 21)]
FAMILIES = (
    "int_hub__family_roots", "int_hub__family_owners", "int_hub__family_parts",
    "int_hub__family_downloads", "int_hub__family_months", "int_hub__family_slices",
    "fct_family_share_daily", "fct_family_derivatives_monthly",
)  # fmt: skip
BEFORE, MADE = datetime(2024, 1, 1), datetime(2026, 9, 5)
WORDS = ("alfa", "bravo", "carol", "delta", "echos", "foxes", "golfs", "hotel", "india", "julie")
# No two names of one number; names with digits would tell versions.
ENDS = [one + other for one in string.ascii_lowercase for other in string.ascii_lowercase]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    return compiled(tmp_path_factory.mktemp("compiled"), (*MODELS, *FAMILIES))


def row(
    owner: str, name: str, downloads: int, created: datetime = BEFORE, made_of: str | None = None
) -> dict[str, Any]:
    parents = [f"base_model:{made_of}", f"base_model:finetune:{made_of}"] if made_of else []
    return {
        "_id": f"{owner} {name}", "id": f"{owner}/{name}", "author": owner, "author_type": None,
        "createdAt": created, "tags": parents, "pipeline_tag": "text-generation",
        "downloads": downloads, "downloadsAllTime": 10 * downloads,
    }  # fmt: skip


def built(models: dict[str, Model], rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """Marts of two days with the same models, of owners of whom nobody knows anything."""
    inputs = random_history.inputs(dict.fromkeys(DAYS, rows))
    columns = (
        "organization, canonical_organization, country_code, alternative_country_code, "
        "organization_type, parent, ultimate_parent, confidence, evidence"
    )
    texts = ", ".join(f"null::varchar as {name.strip()}" for name in columns.split(","))
    inputs["seeds.hub_organizations"] = (
        f"select {texts}, null::date as valid_from, null::date as valid_to, "
        "null::boolean as is_international where false"
    )
    inputs["raw.generated_organizations"] = "from seeds.hub_organizations"
    return build(models, inputs)


def test_a_line_is_named_though_a_hundred_owners_have_more_in_all(models: dict[str, Model]) -> None:
    rows = [
        row(f"owner{place:03}", word + ENDS[place], 100) for place in range(100) for word in WORDS
    ]
    marts = built(models, [*rows, row("solo", "Zulu", 999)])
    found = marts.execute(
        "select distinct attribution, family_line, downloads, rank "
        "from marts.fct_family_share_daily where window_name = '30d' and rank = 1 "
        "and snapshot_date = ? and cohort = 'all' and scope = 'all' order by all",
        [DAYS[1]],
    ).fetchall()
    assert found == [("base_model", "solo/zulu", 999, 1), ("publisher", "solo/zulu", 999, 1)]


def test_who_is_built_upon_is_named_though_a_hundred_owners_are_larger(
    models: dict[str, Model],
) -> None:
    rows = [row(f"owner{place:03}", "Alfa" + ENDS[place], 1000, MADE) for place in range(120)]
    rows += [row("person", f"made{ENDS[n]}", 1, MADE, "solo/Zulu") for n in range(50)]
    rows.append(row("person", "one", 1, MADE, "owner001/Alfaab"))
    marts = built(models, [*rows, row("solo", "Zulu", 9)])
    months = marts.execute(
        "select distinct family_line, new_derivatives from marts.fct_family_derivatives_monthly "
        "where new_derivatives > 0 order by all"
    ).fetchall()
    assert months == [("owner001/alfaab", 1), ("solo/zulu", 50)]
    for window in ("365d", "all_time"):
        slices = marts.execute(
            "select distinct family_line, new_derivatives from marts.fct_family_share_daily "
            "where new_derivatives > 0 and attribution = 'base_model' and window_name = ? "
            "order by all",
            [window],
        ).fetchall()
        assert slices == months, window


def test_of_equal_lines_the_first_by_name_are_named(models: dict[str, Model]) -> None:
    rows = [row(f"owner{place:03}", "Alfa" + ENDS[place], 100) for place in range(120)]
    marts = built(models, rows)
    named = marts.execute(
        "select distinct organization from marts.fct_family_share_daily "
        "where window_name = '30d' and organization is not null order by all"
    ).fetchall()
    assert named == [(f"owner{place:03}",) for place in range(50)]
    asked = marts.execute("select distinct organization from intermediate.int_hub__family_owners")
    assert len(asked.fetchall()) == 50
