"""Of a correction that names nobody dbt tells, where the records are the whole Hub."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.contract.compiled_models import build, compiled

TEST = "lineage_overrides_name_known_models"


def test_a_correction_that_names_no_model_of_the_hub_is_told(tmp_path: Path) -> None:
    days = pd.to_datetime(["2026-08-01", "2026-08-02"]).date
    sql = compiled(tmp_path, [TEST])[TEST].sql

    def told(*is_whole: bool, generated: tuple[str, ...] = ()) -> list[str]:
        inputs: dict[str, pd.DataFrame | str] = {
            "seeds.lineage_overrides": pd.DataFrame({"model_id": ["a/Nova", "a/Misspelt"]}),
            "intermediate.int_hub__corrected_models": pd.DataFrame(
                {
                    "corrected": ["lineage", "release_date"],
                    "corrected_id": ["a/Nova", "a/Misspelt"],
                    "model_key": ["nova", "other"],
                }
            ),
            "raw.snapshots": pd.DataFrame({"snapshot_date": days, "is_whole": is_whole}),
            "raw.generated_organizations": pd.DataFrame({"organization": generated}, dtype="str"),
        }
        with build({}, inputs) as connection:
            return [name for (name,) in connection.sql(sql).fetchall()]

    assert told(False, True) == ["a/Misspelt"]
    assert told(True, False) == []
    assert told(True, True, generated=("acme",)) == []
