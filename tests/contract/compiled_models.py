"""dbt models as dbt compiles them, run in a DuckDB of the test's own making.

What belongs here: compiling once, and building a chain of models over tables that a test has
filled. Asserting belongs to the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

PROJECT = Path(__file__).parents[2] / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")


def compiled(folder: Path, models: Sequence[str]) -> dict[str, str]:
    """SQL of each of `models` for a full build; `folder` is dbt's to write in."""
    command: list[str | Path] = [
        DBT, "--quiet", "compile", "--select", *models, "--profiles-dir", PROJECT,
        "--project-dir", PROJECT, "--target-path", folder, "--log-path", folder,
    ]  # fmt: skip
    environment = {**os.environ, "OBSERVATORY_WAREHOUSE": str(folder / "warehouse.duckdb")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    files = {file.stem: file for file in (folder / "compiled").rglob("*.sql")}
    return {model: files[model].read_text(encoding="utf-8") for model in models}


def build(
    sql: Mapping[str, str], inputs: Mapping[str, pd.DataFrame], *, order: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A warehouse with `inputs` (by `schema.table`) and each model of `sql`, in its order.

    Models are tables of the schema `built`, views of theirs stand where dbt looks for them.
    With `order` the rows of the inputs come shuffled, another way for each number.
    """
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    for schema in ("raw", "seeds", "intermediate", "marts", "built"):
        connection.execute(f"create schema warehouse.{schema}")
    connection.execute("use warehouse")
    for name, frame in inputs.items():
        if order is not None:
            frame = frame.sample(frac=1, random_state=order)
        connection.register("rows_of_input", frame)
        connection.execute(f"create table {name} as select * from rows_of_input")
        connection.unregister("rows_of_input")
    for name, query in sql.items():
        connection.execute(f"create table built.{name} as {query}")
        schema = "intermediate" if name.startswith("int_") else "marts"
        connection.execute(f"create view {schema}.{name} as select * from built.{name}")
    return connection
