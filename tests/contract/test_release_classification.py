"""Real names of the Hub against what a person says of them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.contract.compiled_models import build, compiled

NAMES = Path(__file__).with_name("release_names.csv")
RECORDED = Path(__file__).parents[3] / "shared" / "hub" / "snapshots"
PAGE = Path(__file__).parents[2] / "docs" / "release_classification.md"
MODEL = "int_hub__release_classes"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The decided names beside what the classification says of them."""
    if not RECORDED.exists():
        pytest.skip(f"no recorded Hub metadata at {RECORDED}: tags and libraries are read there")
    truth = pd.read_csv(NAMES)
    with duckdb.connect() as connection:
        history = connection.execute(
            """
            select
                id as model_key,
                split_part(id, '/', 1) as organization,
                split_part(id, '/', 2) as model_name,
                library_name,
                tags,
                0 as release_fingerprint
            from read_json(?, filename = true)
            semi join truth on id = truth.model_id
            qualify row_number() over (partition by id order by filename desc) = 1
            """,
            [str(RECORDED / "*.ndjson.gz")],
        ).df()
    sql = compiled(tmp_path_factory.mktemp("dbt"), [MODEL])
    with build(sql, {"intermediate.int_hub__model_history": history}) as warehouse:
        classes = warehouse.execute(f"from built.{MODEL}").df()
    return truth.merge(
        classes, left_on="model_id", right_on="model_key", suffixes=("", "_found"), validate="1:1"
    )


def misses(judged: pd.DataFrame, column: str) -> pd.DataFrame:
    decided = judged[judged[column].notna()]
    return decided[decided[column] != decided[f"{column}_found"]]


@pytest.mark.parametrize("sample", ["chosen", "random"])
@pytest.mark.parametrize("column", ["release_type", "family"])
def test_at_least_95_of_100_real_names_are_told_right(
    judged: pd.DataFrame, column: str, sample: str
) -> None:
    names = judged[judged["sample"] == sample]
    wrong = misses(names, column)
    decided = names[column].notna().sum()
    right = 1 - len(wrong) / decided
    report = wrong[["model_id", column, f"{column}_found"]].to_string(index=False)
    print(f"{column}, {sample} names: {right:.1%} of {decided} right; the others:\n{report}")
    assert right >= 0.95, report


def test_every_decided_name_is_in_the_records(judged: pd.DataFrame) -> None:
    decided = pd.read_csv(NAMES)
    assert len(judged) == len(decided) >= 150
    assert decided["family"].notna().sum() >= 150
    assert decided["model_id"].is_unique


def test_the_page_lists_the_misses(judged: pd.DataFrame) -> None:
    listed = {
        line.split("`")[1]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `") and line.count("/") >= 1
    }
    wrong = {*misses(judged, "release_type")["model_id"], *misses(judged, "family")["model_id"]}
    assert listed == wrong
