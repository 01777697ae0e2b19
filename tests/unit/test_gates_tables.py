"""The declaration of the published tables against itself and against dbt's YAML."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.gates.tables import REQUIRED, TABLES
from orchestration.home import CHECKOUT
from orchestration.publication.generation import PUBLICATION

MARTS = CHECKOUT / "dbt_project/models/marts"


def described() -> dict[str, dict[str, Any]]:
    """The marts that dbt's YAML describes, by name."""
    found = {}
    for file in sorted(MARTS.rglob("*.yml")):
        for model in (yaml.safe_load(file.read_text()) or {}).get("models") or []:
            found[model["name"]] = model
    return found


DESCRIBED = described()


def test_every_required_table_is_declared() -> None:
    assert set(REQUIRED) <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_declaration_is_sound(name: str) -> None:
    table = TABLES[name]
    columns = [column.name for column in table.columns]
    assert len(set(columns)) == len(columns)
    assert set(table.grain) <= set(columns)
    assert not [c.name for c in table.columns if c.name in table.grain and c.nullable]
    for key in table.foreign_keys:
        assert key.column in columns
        assert key.key in [column.name for column in TABLES[key.table].columns]
    with duckdb.connect() as connection:
        body = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        connection.execute(f"create table declared ({body})")
        kinds = [row[1] for row in connection.execute("describe declared").fetchall()]
        assert kinds == [column.type for column in table.columns]


def test_every_mart_of_dbt_is_declared() -> None:
    assert set(DESCRIBED) <= set(TABLES)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_the_declaration_and_dbt_agree(name: str) -> None:
    """Both ways: columns, their order, their types, and what may not be null."""
    declared = TABLES[name]
    columns = DESCRIBED[name]["columns"]
    assert [(c["name"], str(c["data_type"]).upper()) for c in columns] == [
        (column.name, column.type) for column in declared.columns
    ]
    for column in columns:
        tests = column.get("data_tests") or column.get("tests") or []
        constraints = [one["type"] for one in column.get("constraints") or []]
        is_required = "not_null" in tests or "not_null" in constraints
        is_declared = next(c for c in declared.columns if c.name == column["name"])
        assert not (is_required and is_declared.nullable), column["name"]


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_every_column_is_described_and_every_contract_enforced(name: str) -> None:
    model = DESCRIBED[name]
    assert len(model["description"]) > 20
    for column in model["columns"]:
        assert len(column["description"]) > 2, column["name"]
    # dbt_project.yml enforces the contract of every mart.
    assert "contract" not in model.get("config", {})


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_dbt_tests_the_foreign_keys_that_are_declared(name: str) -> None:
    """Both ways, but for keys that only some of the rows have: expressions."""
    tested = set()
    for test in DESCRIBED[name]["data_tests"]:
        if "foreign_keys" in test:
            for dimension, keys in test["foreign_keys"]["arguments"].items():
                tested |= {(key, f"dim_{dimension}") for key in keys if " " not in key}
    assert tested == {(key.column, key.table) for key in TABLES[name].foreign_keys}


@pytest.mark.parametrize("name", [name for name in REQUIRED if DESCRIBED])
def test_dbt_builds_every_required_table(name: str) -> None:
    assert name in DESCRIBED


def test_the_readme_lists_every_table() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`(?:fct_|dim_|publication).*?) \|", readme, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted([*TABLES, PUBLICATION])
