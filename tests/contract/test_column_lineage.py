"""Where Dagster says that a column comes from, against what the SQL says."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.defs.transform import columns
from orchestration.defs.transform.project import project
from orchestration.gates.tables import TABLES
from orchestration.home import Home

pytestmark = pytest.mark.xdist_group("definitions")

MANIFEST: dict[str, Any] = json.loads(project.manifest_path.read_text(encoding="utf-8"))
MODELS = {
    node["name"]: node for node in MANIFEST["nodes"].values() if node["resource_type"] == "model"
}
NAMES = {
    unique_id: node["name"]
    for unique_id, node in {**MANIFEST["nodes"], **MANIFEST["sources"]}.items()
}
LINEAGE: columns.Lineage = json.loads(
    project.manifest_path.with_name(columns.FILE).read_text(encoding="utf-8")
)


def origins(model: str, column: str) -> set[str]:
    return {f"{NAMES[parent]}.{name}" for parent, name in LINEAGE[model][column]}


@pytest.mark.parametrize(
    ("model", "column", "expected"),
    [
        # Its own arithmetic: the numerator and the denominator are one column.
        ("fct_country_share_daily", "share_of_all", {"int_hub__country_slices.downloads"}),
        ("fct_country_share_daily", "country_key", {"int_hub__country_slices.country_key"}),
        # Of one of two joined tables.
        ("dim_models", "license", {"int_hub__model_history.license"}),
        ("dim_models", "release_type", {"int_hub__release_classes.release_type"}),
        # A union: one branch is a seed, the other is made of literals.
        ("dim_countries", "country_name", {"countries.country_name"}),
        ("dim_countries", "sub_region", {"countries.sub_region"}),
        # Read off another column, of a source.
        ("stg_hub__models", "license", {"hub_models.tags"}),
        ("dim_models", "first_seen_on", {"int_hub__model_history.first_seen_on"}),
        # A column of one table, else what an aggregate of another tells.
        (
            "fct_mapping_coverage_daily",
            "null_reason",
            {
                "int_hub__slices.null_reason",
                "fct_organization_share_daily.null_reason",
                "fct_organization_share_daily.downloads",
            },
        ),
        # What is counted comes from no column.
        ("int_hub__snapshot_days", "models_count", set()),
    ],
)
def test_a_column_comes_from_where_its_sql_says(
    model: str, column: str, expected: set[str]
) -> None:
    assert origins(model, column) == expected


def test_every_model_has_the_lineage_of_its_columns() -> None:
    assert set(LINEAGE) == set(MODELS)
    for name, table in TABLES.items():
        if name in MODELS:
            assert list(LINEAGE[name]) == [column.name for column in table.columns]


@pytest.mark.parametrize("model", sorted(MODELS))
def test_origins_are_columns_of_the_direct_parents(model: str) -> None:
    parents = set(MODELS[model]["depends_on"]["nodes"])
    for found in LINEAGE[model].values():
        for parent, column in found:
            assert parent in parents
            if NAMES[parent] in LINEAGE:
                assert column in LINEAGE[NAMES[parent]]


def test_a_share_can_be_followed_to_the_counters_of_the_hub() -> None:
    reached, todo = set(), [("fct_country_share_daily", "share_of_all")]
    while todo:
        model, column = todo.pop()
        for parent, name in LINEAGE.get(model, {}).get(column, []):
            if (NAMES[parent], name) not in reached:
                reached.add((NAMES[parent], name))
                todo.append((NAMES[parent], name))
    assert {("hub_models", "downloads"), ("hub_counters", "downloadsAllTime")} <= reached
    assert ("hub_models", "likes") not in reached


def test_dagster_is_told_of_every_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Over a warehouse whose tables are empty: the columns are as built, each described or not."""
    home = Home(tmp_path)
    home.warehouse.parent.mkdir()
    with duckdb.connect(str(home.warehouse)) as connection:
        for schema in ("marts", "intermediate", "staging"):
            connection.execute(f"create schema {schema}")
        for name, node in MODELS.items():
            names = ", ".join(f'"{column}" varchar' for column in LINEAGE[name])
            connection.execute(f"create table {node['schema']}.{name} ({names})")
    with caplog.at_level(logging.WARNING):
        told = columns.column_metadata(home, project.manifest_path)
    assert not caplog.records
    assert set(told) == set(MODELS)
    for name, metadata in told.items():
        schema = metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == list(LINEAGE[name])
        if name in TABLES:
            assert all(column.description for column in schema.columns)
    shares = {
        column.name: column.description
        for column in told["fct_country_share_daily"]["dagster/column_schema"].columns
    }
    assert shares["share_of_all"].endswith("From int_hub__country_slices.downloads.")
    days = told["dim_dates"]["dagster/column_lineage"].deps_by_column["date_day"]
    # Two of its sources are registered from the raw days.
    assert [dep for dep in days if dep.asset_key == dg.AssetKey("raw_hub__models")] == [
        dg.TableColumnDep(dg.AssetKey("raw_hub__models"), "snapshot_date")
    ]


def test_columns_that_cannot_be_told_of_stop_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert columns.column_metadata(Home(tmp_path), tmp_path / "manifest.json") == {}
    assert "columns" in caplog.text


def test_a_lineage_that_cannot_be_read_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / columns.FILE).write_text("{}")
    (tmp_path / "manifest.json").write_text('{"sources": {}, "nodes": {"model.a": {}}}')
    with caplog.at_level(logging.WARNING):
        columns.write_lineage(tmp_path, tmp_path, tmp_path / "warehouse.duckdb")
    assert "lineage" in caplog.text
    assert not (tmp_path / columns.FILE).exists()
