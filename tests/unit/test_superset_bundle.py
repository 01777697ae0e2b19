"""What is provisioned in Superset, without Superset: its SQL runs and its words are dbt's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from deploy.superset.bundle import bundle
from orchestration.defs.transform.project import ensure_manifest
from orchestration.gates.tables import TABLES
from orchestration.home import Home, Universe

NODES: dict[str, Any] = json.loads(ensure_manifest().read_text())["nodes"]
MARTS = {name for name in TABLES if f"model.hub_observatory.{name}" in NODES}


def files_of(packed: bytes) -> dict[str, Any]:
    """The files of a bundle by name, read."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {
            name.removeprefix("observatory/"): yaml.safe_load(archive.read(name))
            for name in archive.namelist()
        }


def pack(universe: Universe) -> bytes:
    manifest = ensure_manifest()
    return bundle(
        Home(Path("/home")), universe, manifest, manifest.with_name("semantic_manifest.json")
    )


FILES = files_of(pack(Universe("hub")))
DATASETS = {one["table_name"]: one for name, one in FILES.items() if name.startswith("datasets/")}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every published table; two days of two slices of shares, and a week of launches."""
    with duckdb.connect() as opened:
        for name, table in TABLES.items():
            columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
            opened.execute(f"create table {name} ({columns})")
        opened.execute("""
            insert into fct_country_share_daily by name
            select snapshot_date, window_name, country_key, share_of_all,
                rank, 0.0123 as share_change_7d,
                'publisher' as attribution, 'all' as cohort, 'all' as scope
            from (values ('CN', 0.4, 1), ('US', 0.3, 2)) as _(country_key, share_of_all, rank),
                (values (date '2026-08-21'), (date '2026-08-22')) as _(snapshot_date),
                (values ('30d'), ('7d')) as _(window_name)
            union all by name
            select date '2026-08-22' as snapshot_date, '1d' as window_name, country_key,
                0.35 as share_of_all, 1 as rank,
                'publisher' as attribution, 'all' as cohort, 'all' as scope
            from (values ('CN'), ('US')) as _(country_key)
        """)
        opened.execute("""
            insert into fct_release_cadence_weekly values
                ('2026-08-17', 'one', 'base', 5, 2), ('2026-08-17', 'two', 'adapter', 9, 3),
                ('2026-08-17', 'one', 'all', 5, 2), ('2026-08-17', 'two', 'all', 9, 3),
                ('2026-08-17', '(all)', 'base', 5, 2), ('2026-08-17', '(all)', 'all', 14, 5)
        """)
        yield opened


def test_every_mart_is_a_dataset_with_dbts_own_words() -> None:
    assert set(DATASETS) == MARTS
    for table, dataset in DATASETS.items():
        node = NODES[f"model.hub_observatory.{table}"]
        said = {one["column_name"]: one["description"] for one in dataset["columns"]}
        for column, described in node["columns"].items():
            assert said[column].split() == described["description"].split(), (table, column)


def test_a_datasets_columns_are_those_its_query_gives(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for table, dataset in DATASETS.items():
        found = connection.execute(f"describe {dataset['sql']}").fetchall()
        assert [(name, kind) for name, kind, *_ in found] == [
            (one["column_name"], one["type"]) for one in dataset["columns"]
        ], table


def test_every_metric_can_be_asked(connection: duckdb.DuckDBPyConnection) -> None:
    names = set()
    for dataset in DATASETS.values():
        for metric in dataset["metrics"]:
            names.add(metric["metric_name"])
            connection.execute(f"select {metric['expression']} from ({dataset['sql']})")
    assert {"country_share_of_all", "launches", "downloads_attributed_share"} <= names
    assert not {name for name in names if name.endswith(("_summed", "_slices"))}


@pytest.mark.parametrize(
    ("where", "share"),
    [
        ("snapshot_date = '2026-08-22' and window_name = '30d'", 0.7),
        ("is_newest_day and window_name = '30d'", 0.7),
        ("snapshot_date = '2026-08-22' and window_name = '30d' and country_key = 'US'", 0.3),
        ("snapshot_date = '2026-08-22'", None),
        ("window_name = '30d'", None),
    ],
)
def test_a_share_is_null_unless_one_day_of_one_slice_is_asked_for(
    connection: duckdb.DuckDBPyConnection, where: str, share: float | None
) -> None:
    found = ask(connection, "fct_country_share_daily", "country_share_of_all", where)
    assert found == (share if share is None else pytest.approx(share))


def test_launches_count_none_twice(connection: duckdb.DuckDBPyConnection) -> None:
    assert ask(connection, "fct_release_cadence_weekly", "launches", "true") == 5
    assert ask(connection, "fct_release_cadence_weekly", "releases", "true") == 14


def ask(connection: duckdb.DuckDBPyConnection, table: str, metric: str, where: str) -> Any:
    """What Superset would be answered for one metric of a dataset."""
    dataset = DATASETS[table]
    (expression,) = (m["expression"] for m in dataset["metrics"] if m["metric_name"] == metric)
    row = connection.execute(
        f"select {expression} from ({dataset['sql']}) where {where}"
    ).fetchone()
    assert row is not None
    return row[0]


def test_charts_name_only_what_their_dataset_has() -> None:
    by_uuid = {one["uuid"]: one for one in DATASETS.values()}
    charts = {name: one for name, one in FILES.items() if name.startswith("charts/")}
    assert len(charts) == 8
    for name, chart in charts.items():
        dataset, params = by_uuid[chart["dataset_uuid"]], chart["params"]
        columns = {one["column_name"] for one in dataset["columns"]}
        metrics = {one["metric_name"] for one in dataset["metrics"]}
        assert {*params.get("all_columns", []), *params.get("groupby", [])} <= columns, name
        assert set(params.get("column_config", {})) <= columns, name
        named = [*params.get("metrics", []), params.get("metric", "rows")]
        assert {one for one in named if isinstance(one, str)} <= metrics, name


@pytest.mark.parametrize(
    ("where", "share"), [("window_name = '30d'", 0.4), ("window_name = '1d'", 0.35), ("true", None)]
)
def test_the_key_number_is_one_countrys_share_where_two_lead(
    connection: duckdb.DuckDBPyConnection, where: str, share: float | None
) -> None:
    params = FILES["charts/leading_share.yaml"]["params"]
    conditions = [where, *(one["sqlExpression"] for one in params["adhoc_filters"])]
    row = connection.execute(
        f"select {params['metric']['sqlExpression']} "
        f"from ({DATASETS['fct_country_share_daily']['sql']}) where {' and '.join(conditions)}"
    ).fetchone()
    assert row == (share,)


def test_a_change_of_a_share_is_told_in_points(connection: duckdb.DuckDBPyConnection) -> None:
    params = FILES["charts/who_leads.yaml"]["params"]
    assert "share_change_7d" not in params["all_columns"]
    shown = params["column_config"]["share_change_7d_points"]
    assert shown["customColumnName"] == "7 days, points" and "%" not in shown["d3NumberFormat"]
    rows = connection.execute(
        "select distinct share_change_7d_points "
        f"from ({DATASETS['fct_country_share_daily']['sql']}) where window_name = '30d'"
    ).fetchall()
    assert rows == [(pytest.approx(1.23),)]


def test_a_claim_stands_beside_its_slice_its_band_and_both_verdicts() -> None:
    shown = FILES["charts/claims.yaml"]["params"]["all_columns"]
    slice_ = {"window_name", "attribution", "cohort", "scope"}
    band = {"measured_low", "measured_high", "tolerance", "comparison"}
    assert slice_ | band | {"verdict_today", "verdict_for_period"} <= set(shown)


def test_a_table_says_which_figures_are_provisional() -> None:
    by_uuid = {one["uuid"]: one for one in DATASETS.values()}
    for name, chart in FILES.items():
        shown = chart["params"].get("all_columns") if name.startswith("charts/") else None
        if shown:
            columns = {one["column_name"] for one in by_uuid[chart["dataset_uuid"]]["columns"]}
            assert "is_provisional" not in columns or "is_provisional" in shown, name


def test_only_a_generated_world_is_labelled_as_one() -> None:
    real = json.dumps(FILES["dashboards/observatory.yaml"])
    world = json.dumps(files_of(pack(Universe("world", "demo")))["dashboards/observatory.yaml"])
    assert "generated" not in real.lower()
    assert "Generated world: " in world and "GENERATED WORLD" in world


def test_the_same_content_is_the_same_bundle() -> None:
    assert pack(Universe("hub")) == pack(Universe("hub")) != pack(Universe("world", "demo"))


@pytest.mark.parametrize("lock", ["requirements.lock", "deploy/superset/requirements.lock"])
def test_a_lock_pins_everything_and_names_no_address(lock: str) -> None:
    text = (Path(__file__).parents[2] / lock).read_text()
    assert "://" not in text
    packages = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert packages and all("==" in line and line.endswith("\\") for line in packages)
