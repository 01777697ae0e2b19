"""A model whose kind changed takes the place of what it was, in a warehouse that is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from orchestration import warehouse
from orchestration.defs.transform.project import DBT
from orchestration.home import Home
from orchestration.warehouse import PROJECT

MODELS = {
    "intermediate.int_hub__curated_organizations": ("table", "view"),
    "staging.stg_hub__authors": ("view", "table"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home without a day: the seeds and what is made of them can be built."""
    home = Home(tmp_path_factory.mktemp("kinds"))
    warehouse.register(home, warehouse.plan(home, []), [])
    dbt(home, "seed")
    return home


def dbt(home: Home, *arguments: str) -> None:
    """Run dbt on the home's warehouse."""
    command = [DBT, "--quiet", *arguments, "--project-dir", str(PROJECT)]
    command += ["--profiles-dir", str(PROJECT), "--target-path", str(home.root / "target")]
    environment = os.environ | {"OBSERVATORY_WAREHOUSE": str(home.warehouse)}
    subprocess.run([*command, "--log-path", str(home.root)], env=environment, check=True)


def build(home: Home) -> None:
    dbt(home, "run", "--select", *(f"+{model.partition('.')[2]}" for model in MODELS))


def kinds(file: Path) -> dict[str, str]:
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select table_schema || '.' || table_name, "
            "if(table_type = 'VIEW', 'view', 'table') from information_schema.tables"
        ).fetchall()
    return {name: kind for name, kind in found if name in MODELS}


def test_what_was_a_view_becomes_a_table_and_the_other_way_round(home: Home) -> None:
    build(home)
    assert kinds(home.warehouse) == {model: kind for model, (kind, _) in MODELS.items()}
    with duckdb.connect(str(home.warehouse)) as connection:
        for model, (kind, other) in MODELS.items():
            connection.execute(f"drop {kind} {model}; create {other} {model} as select 1 as one")
    assert kinds(home.warehouse) == {model: other for model, (_, other) in MODELS.items()}
    build(home)
    assert kinds(home.warehouse) == {model: kind for model, (kind, _) in MODELS.items()}
