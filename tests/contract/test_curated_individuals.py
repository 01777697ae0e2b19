"""A country is an organization's: dbt tells of a curated one that the Hub calls a person."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.contract.compiled_models import build, compiled

TEST = "curated_organizations_are_no_individuals"


def test_a_curated_organization_that_the_hub_calls_a_person_is_told(tmp_path: Path) -> None:
    curated = ["acme", "globex", "initech"]
    inputs = {
        "intermediate.int_hub__curated_organizations": pd.DataFrame(
            {"organization": curated, "country_key": "US", "evidence": "its page"}
        ),
        "intermediate.int_hub__owner_types": pd.DataFrame(
            {
                "organization": ["acme", "globex", "somebody"],
                "owner_type": ["organization", "individual", "individual"],
                "evidence": "the Hub says so",
            }
        ),
    }
    sql = compiled(tmp_path, [TEST])[TEST].sql
    with build({}, inputs) as connection:
        found = connection.sql(sql).df().to_dict("records")
    told = {"organization": "globex", "country_key": "US", "evidence": "its page"}
    assert found == [told | {"told_by": "the Hub says so"}]
