"""A model takes the place of what it was in the warehouse: of another kind, or large."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import duckdb
import pytest

from orchestration import warehouse
from orchestration.defs.transform.project import DBT, ensure_manifest, project
from orchestration.gates.tables import TABLES
from orchestration.home import Home
from orchestration.publication import weeks
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


def test_what_was_large_is_made_anew_without_compression(home: Home) -> None:
    name = "intermediate.int_hub__curated_organizations"
    build(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        before = connection.execute(f"from {name} order by all").fetchall()
        assert before and compressions(connection, name) > {"Uncompressed"}
        columns = connection.execute(f"select * from {name} limit 0").description or []
        others = ", ".join(f'null as "{column[0]}"' for column in columns)
        connection.execute(f"create or replace table {name} as select {others} from range(1100000)")
    build(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        assert connection.execute(f"from {name} order by all").fetchall() == before
        assert compressions(connection, name) == {"Uncompressed"}


def compressions(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """How the values of a table are stored."""
    connection.execute("checkpoint")
    found = connection.execute(
        f"select distinct compression from pragma_storage_info('{name}') "
        "where segment_type <> 'VALIDITY'"
    ).fetchall()
    return {one for (one,) in found}


def test_what_a_build_may_change_of_any_day_is_never_taken_over_unread() -> None:
    """A mart that is no table of days, of which a build replaces its own, is told anew by each."""
    ensure_manifest()
    nodes = json.loads(project.manifest_path.read_text(encoding="utf-8"))["nodes"].values()
    marts = {
        node["name"]: node["config"]["materialized"]
        for node in nodes
        if node["resource_type"] == "model" and node["name"] in TABLES
    }
    by_day = [name for name in marts if weeks.accumulates(name)]
    assert len(by_day) > 8
    assert {name for name in by_day if marts[name] != "incremental"} == set(weeks.TOLD_ANEW)


def test_counters_are_read_of_named_days_alone() -> None:
    """Else the planner decides how many days are read, by what it guesses of a table's rows.

    On a day without one fall it read a year of 5 million models, to join it to nothing, and
    spilled 50 GB until the disk was full; in a home that was made alike it had not.
    """
    ensure_manifest()
    nodes = json.loads(project.manifest_path.read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    reads = {
        node["name"]: (
            len(re.findall(r"'(?:stg_hub__counters|hub_counters)'\)", node["raw_code"])),
            node["raw_code"].count("is_of_days("),
        )
        for node in models
        # It gives all to whoever asks.
        if node["name"] != "stg_hub__counters"
    }
    readers = {name: asked for name, asked in reads.items() if asked[0]}
    assert len(readers) > 5
    assert {name: asked for name, asked in readers.items() if asked[0] != asked[1]} == {}
    naming = {node["name"] for node in models if "names_days(" in node["raw_code"]}
    assert naming == readers.keys()
