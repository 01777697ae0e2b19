"""dbt models as dbt compiles them, run in a DuckDB of the test's own making.

What belongs here: compiling once, and building a chain of models over tables that a test has
filled. Asserting belongs to the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

PROJECT = Path(__file__).parents[2] / "dbt_project"
SCHEMAS = {"stg": "staging", "int": "intermediate"}
DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Model:
    """A model's SQL for a full build, and whether dbt makes a view of it."""

    sql: str
    is_view: bool


def compiled(folder: Path, models: Sequence[str]) -> dict[str, Model]:
    """Each of `models`, or of dbt's tests, as dbt would run it; `folder` is dbt's to write in."""
    command: list[str | Path] = [
        DBT, "--quiet", "compile", "--select", *models, "--profiles-dir", PROJECT,
        "--project-dir", PROJECT, "--target-path", folder, "--log-path", folder,
    ]  # fmt: skip
    environment = {**os.environ, "OBSERVATORY_WAREHOUSE": str(folder / "warehouse.duckdb")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    nodes = json.loads((folder / "manifest.json").read_bytes())["nodes"].values()
    found = {
        node["name"]: Model(node["compiled_code"], node["config"]["materialized"] == "view")
        for node in nodes
        if node["resource_type"] in ("model", "test") and node["name"] in models
    }
    return {model: found[model] for model in models}


def build(
    models: Mapping[str, Model],
    inputs: Mapping[str, pd.DataFrame | str],
    *,
    order: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A warehouse with `inputs` (by `schema.table`) and each of `models`, in their order.

    An input is the rows of a table or the SQL of a view. Models can be read in the schema
    `built` too, whatever their own. With `order` the rows of the inputs come shuffled, another
    way for each number.
    """
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    for schema in ("raw", "seeds", "staging", "intermediate", "marts", "built"):
        connection.execute(f"create schema warehouse.{schema}")
    connection.execute("use warehouse")
    for name, frame in inputs.items():
        if isinstance(frame, str):
            connection.execute(f"create view {name} as {frame}")
            continue
        if order is not None:
            frame = frame.sample(frac=1, random_state=order)
        connection.register("rows_of_input", frame)
        connection.execute(f"create table {name} as select * from rows_of_input")
        connection.unregister("rows_of_input")
    for name, model in models.items():
        schema = SCHEMAS.get(name.partition("_")[0], "marts")
        kind = "view" if model.is_view else "table"
        connection.execute(f"create {kind} {schema}.{name} as {model.sql}")
        connection.execute(f"create view built.{name} as from {schema}.{name}")
    return connection
