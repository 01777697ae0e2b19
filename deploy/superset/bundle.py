"""What Superset shows, in the form in which Superset itself exports and imports it.

What belongs here: turning the published tables, dbt's descriptions and dbt's metrics into
datasets, and `dashboard.yaml` into charts and a dashboard. Names never change their UUID, so
what is imported again replaces itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from deploy.superset.metrics import Metric, metrics_of
from orchestration.gates.tables import TABLES, Table
from orchestration.home import Home, Universe
from orchestration.publication.generation import DATABASE

Config = dict[str, Any]
DASHBOARD = Path(__file__).with_name("dashboard.yaml")
SLUG = "observatory"
_NAMES = UUID("5f0f1c0e-7f3a-4a0e-9d0a-6f1d3d2b7a11")
_VERSION = "1.0.0"
_COLUMNS = 12
_LABELS = ("country_name", "region")
_NEWEST = "is_newest_day"
_CHANGE = "share_change_"
_GENERATED = (
    "**GENERATED WORLD.** Every number here is invented by `local_hub`; none is the real Hub's."
)


def bundle(home: Home, universe: Universe, manifest: Path, semantic_manifest: Path) -> bytes:
    """The import of `POST /api/v1/assets/import/`: a ZIP, the same for the same content."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, config in _files(home, universe, manifest, semantic_manifest):
            # Of one date, so that the same content gives the same bytes.
            entry = zipfile.ZipInfo(f"observatory/{name}")
            archive.writestr(entry, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return packed.getvalue()


def fingerprint(packed: bytes) -> str:
    """What tells one bundle from another."""
    return hashlib.sha256(packed).hexdigest()


def _files(
    home: Home, universe: Universe, manifest: Path, semantic_manifest: Path
) -> Iterator[tuple[str, Config]]:
    described = {
        node["name"]: node
        for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
        if node["resource_type"] == "model"
    }
    metrics = metrics_of(json.loads(semantic_manifest.read_text(encoding="utf-8")))
    plan = yaml.safe_load(DASHBOARD.read_text(encoding="utf-8"))
    yield (
        "metadata.yaml",
        {
            "version": _VERSION,
            "type": "assets",
            "timestamp": "2026-01-01T00:00:00+00:00",
        },
    )
    yield "databases/observatory.yaml", _database(home)
    for name, table in TABLES.items():
        if name in described:
            yield (
                f"datasets/observatory/{name}.yaml",
                _dataset(table, described, metrics.get(name, [])),
            )
    for name, chart in plan["charts"].items():
        yield f"charts/{name}.yaml", _chart(name, chart)
    yield f"dashboards/{SLUG}.yaml", _dashboard(plan, universe)


def _uuid(kind: str, name: str) -> str:
    return str(uuid5(_NAMES, f"{kind}/{name}"))


def _database(home: Home) -> Config:
    file = home.published / "current" / DATABASE
    return {
        "database_name": "Hub Observatory",
        "sqlalchemy_uri": f"duckdb:///{file}",
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {
            "engine_params": {
                "connect_args": {
                    "config": {
                        "access_mode": "read_only",
                        # SQL Lab reads the marts, and no other file or host.
                        "enable_external_access": "false",
                    }
                }
            },
            "allows_virtual_table_explore": True,
        },
        "uuid": _uuid("database", "observatory"),
        "version": _VERSION,
    }


def _dataset(table: Table, described: Mapping[str, Config], metrics: list[Metric]) -> Config:
    """A table with the names of its countries, its changes in points, a mark on its newest day."""
    model = described[table.name]
    columns = [
        {
            "column_name": column.name,
            "type": column.type,
            "is_dttm": column.type in ("DATE", "TIMESTAMP"),
            "description": _line(model["columns"][column.name]["description"]),
            "groupby": True,
            "filterable": True,
        }
        for column in table.columns
    ]
    names = [column.name for column in table.columns]
    has_country = any(key.column == "country_key" for key in table.foreign_keys)
    selected, joined = ["facts.*"], ""
    if has_country:
        countries = described["dim_countries"]["columns"]
        selected += [f"dim_countries.{label}" for label in _LABELS]
        joined = "\nleft join dim_countries using (country_key)"
        columns += [
            {
                "column_name": label,
                "type": "VARCHAR",
                "description": _line(countries[label]["description"]),
                "groupby": True,
                "filterable": True,
            }
            for label in _LABELS
        ]
    for name in names:
        if name.startswith(_CHANGE):
            # As a percentage it would read as a relative change.
            selected.append(f"100 * facts.{name} as {name}_points")
            columns.append(
                {
                    "column_name": f"{name}_points",
                    "type": "DOUBLE",
                    "description": f"`{name}` in percentage points.",
                    "groupby": True,
                    "filterable": True,
                }
            )
    if "snapshot_date" in table.grain:
        newest = f"(select max(snapshot_date) from {table.name})"
        selected.append(f"facts.snapshot_date = {newest} as {_NEWEST}")
        columns.append(
            {
                "column_name": _NEWEST,
                "type": "BOOLEAN",
                "description": "Whether it is a row of the newest day.",
                "groupby": True,
                "filterable": True,
            }
        )
    time = next((name for name in names if name in ("snapshot_date", "week_start_date")), None)
    return {
        "table_name": table.name,
        "main_dttm_col": time,
        "description": _line(model["description"]),
        "schema": "main",
        "sql": f"select {', '.join(selected)}\nfrom {table.name} as facts{joined}",
        "uuid": _uuid("dataset", table.name),
        "columns": columns,
        "metrics": [
            {
                "metric_name": "rows",
                "verbose_name": "Rows",
                "expression": "count(*)",
                "description": "Rows of the table.",
            },
            *(
                {
                    "metric_name": metric.name,
                    "verbose_name": metric.label,
                    "expression": metric.expression,
                    "description": metric.description,
                    "d3format": ".1%" if "share" in metric.name else ",.0f",
                }
                for metric in metrics
            ),
        ],
        "version": _VERSION,
        "database_uuid": _uuid("database", "observatory"),
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _chart(name: str, chart: Config) -> Config:
    filters = [_condition(text) for text in chart.get("where", [])]
    return {
        "slice_name": chart["title"],
        "description": chart["description"],
        "viz_type": chart["viz_type"],
        "params": {
            "viz_type": chart["viz_type"],
            "adhoc_filters": filters,
            **chart["params"],
        },
        "uuid": _uuid("chart", name),
        "version": _VERSION,
        "dataset_uuid": _uuid("dataset", chart["dataset"]),
    }


def _condition(sql: str) -> Config:
    return {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": sql}


def _dashboard(plan: Config, universe: Universe) -> Config:
    label = "Generated world: " if universe.is_generated else ""
    text = "\n\n".join([*([_GENERATED] if universe.is_generated else []), plan["text"]])
    rows: list[list[Config]] = [[{"text": text, "width": _COLUMNS, "height": plan["text_height"]}]]
    rows += plan["rows"]
    return {
        "dashboard_title": f"{label}{plan['title']}",
        "description": _line(plan["description"]),
        "slug": SLUG,
        "uuid": _uuid("dashboard", SLUG),
        "position": _positions(rows, plan["charts"]),
        "metadata": {
            "native_filter_configuration": [
                _filter(column, one, _outside(plan["charts"]))
                for column, one in plan["filters"].items()
            ],
            "color_scheme": "supersetColors",
            "cross_filters_enabled": False,
            "refresh_frequency": 0,
        },
        "published": True,
        "version": _VERSION,
    }


def _positions(rows: list[list[Config]], charts: Config) -> Config:
    """Superset's layout: each row of the plan, each cell with its width of 12 and its height."""
    positions: Config = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {
            "type": "GRID",
            "id": "GRID_ID",
            "children": [f"ROW-{at}" for at in range(len(rows))],
            "parents": ["ROOT_ID"],
        },
    }
    for at, row in enumerate(rows):
        cells = []
        for place, cell in enumerate(row):
            meta = {"width": cell["width"], "height": cell["height"]}
            if "chart" in cell:
                kind = "CHART"
                meta["uuid"] = _uuid("chart", cell["chart"])
                meta["sliceName"] = charts[cell["chart"]]["title"]
                meta["chartId"] = _number(charts, cell["chart"])
            else:
                kind, meta["code"] = "MARKDOWN", cell["text"]
            key = f"{kind}-{at}-{place}"
            cells.append(key)
            positions[key] = {
                "type": kind,
                "id": key,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", f"ROW-{at}"],
                "meta": meta,
            }
        positions[f"ROW-{at}"] = {
            "type": "ROW",
            "id": f"ROW-{at}",
            "children": cells,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
    return positions


def _number(charts: Config, name: str) -> int:
    """What stands for a chart until Superset puts its own number there."""
    return list(charts).index(name) + 1


def _outside(charts: Config) -> list[int]:
    return [_number(charts, name) for name, chart in charts.items() if "outside_filters" in chart]


def _filter(column: str, plan: Config, excluded: list[int]) -> Config:
    """A filter of the dashboard of which one value is always chosen."""
    default, dataset = plan["default"], plan["of"]
    return {
        "id": f"NATIVE_FILTER-{column}",
        "name": plan["title"],
        "filterType": "filter_select",
        "targets": [{"datasetUuid": _uuid("dataset", dataset), "column": {"name": column}}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
        "cascadeParentIds": [],
        "type": "NATIVE_FILTER",
        "description": "",
        "controlValues": {
            "enableEmptyFilter": True,
            "defaultToFirstItem": False,
            "multiSelect": False,
            "searchAllOptions": False,
            "inverseSelection": False,
        },
        "defaultDataMask": {
            "extraFormData": {"filters": [{"col": column, "op": "IN", "val": [default]}]},
            "filterState": {"value": [default], "label": default},
        },
    }
