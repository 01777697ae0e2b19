"""A small generated world in a warehouse that the real dbt project built.

What belongs here: raw days on disk, dbt over them as the pipeline runs it, and the tables read
back. What the tables should say is the tests'. Sealing and the first gate have tests of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pandas as pd
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from local_hub import World, write_raw
from orchestration import warehouse
from orchestration.home import Home
from orchestration.publication import weeks
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed
from orchestration.warehouse import PROJECT


@dataclass(frozen=True)
class Built:
    """A home with a warehouse, and the days of it that were built."""

    home: Home

    def read(self, sql: str) -> pd.DataFrame:
        """The answer of the warehouse to `sql`."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.sql(sql).df()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The same as one dictionary a row, dates as dates and nulls as None."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            answer = connection.sql(sql)
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]


def write_days(world: World, home: Home) -> None:
    """Write every day of `world`, and who its owners are, where a build looks for them."""
    write_raw(world, home.raw / "hub_models")
    owners = warehouse.generated_organizations_file(home)
    owners.write_text(world.organizations_csv(), encoding="utf-8")


def build(
    home: Home,
    history: Sequence[date],
    *,
    select: str,
    tested: bool = False,
    is_cut_off: bool = False,
) -> Built:
    """Build the days `history` with dbt, as the pipeline does: what is new, or all.

    A rebuild loads the seeds, and where it is to be `tested` runs the tests on the data too. One
    that `is_cut_off` ends with the models of `select`, as by a kill.
    """
    days = [store.find(home, day) or sealed(day) for day in history]
    plan = warehouse.plan(home, days, code="the same")
    warehouse.register(home, plan, [])
    arguments = ["build", "--select", *select.split()]
    arguments += ["--indirect-selection", "cautious", "--exclude", "resource_type:unit_test"]
    arguments += ["resource_type:seed"] * (not plan.is_rebuild)
    arguments += ["resource_type:test"] * (not tested)
    arguments += ["--full-refresh"] * plan.is_rebuild
    run_dbt(home, *arguments)
    if not is_cut_off:
        warehouse.finish(home, plan)
    return Built(home)


def sums_by_day(built: Built) -> pd.DataFrame:
    """Rows and a sum of the bits of each day of each mart that accumulates by day."""
    names = [
        row["table_name"]
        for row in built.rows(
            "select table_name from duckdb_columns() where schema_name = 'marts' "
            "and column_name = 'snapshot_date'"
        )
        if weeks.accumulates(row["table_name"])
    ]
    return built.read(
        " union all ".join(
            f"select '{name}' as mart, snapshot_date, count(*) as rows_count, "
            f"sum(hash(mart))::varchar as bits from marts.{name} as mart group by all"
            for name in names
        )
    )


def run_dbt(home: Home, *arguments: str) -> None:
    """One command of dbt on the warehouse of `home`; the test fails where it does."""
    os.environ |= {"OBSERVATORY_WAREHOUSE": str(home.warehouse), "DO_NOT_TRACK": "1"}
    command = [*arguments, "--quiet"]
    for option, folder in {
        "project-dir": PROJECT,
        "profiles-dir": PROJECT,
        "target-path": home.root / "target",
        "log-path": home.root / "logs",
    }.items():
        command += [f"--{option}", str(folder)]
    result = dbtRunner().invoke(command)
    # In one process dbt keeps its file open, with settings that keep all others out.
    close: Callable[[], None] = DuckDBConnectionManager.close_all_connections
    close()
    if not result.success:
        pytest.fail(f"dbt failed: {result.exception or _failures(result.result)}")


def _failures(result: object) -> str:
    return "; ".join(
        f"{one.node.unique_id}: {one.message}"
        for one in getattr(result, "results", [])
        if one.status not in ("success", "pass")
    )


def sealed(day: date) -> Sealed:
    """What a manifest of `day` would say; of its content nothing."""
    return Sealed(
        table="hub_models",
        snapshot_date=day,
        version=1,
        file="models.v1.parquet",
        rows=0,
        downloads=0,
        rows_quarantined=0,
        downloads_quarantined=0,
        quarantined={},
        duplicates_dropped=0,
        source={"kind": "live"},
        universe={},
        whole=True,
        observed_from=None,
        observed_to=None,
        requests=0,
        sha256="",
        content_sha256="",
        unknown_fields={},
        blanked_values={},
        sealed_at="",
    )
