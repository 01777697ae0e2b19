"""The columns of the warehouse in Dagster: their types, and which columns they come from.

What belongs here: column lineage, read off the compiled SQL once, when the manifest is made, and
kept beside it. dagster-dbt can do the same on every run, where it would cost seconds a day.
What a column means is said in dbt's YAML.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import exp, parse_one
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

from orchestration.database import connect
from orchestration.defs.transform.translator import asset_key
from orchestration.home import Home

log = logging.getLogger(__name__)

FILE = "column_lineage.json"
_DIALECT = "duckdb"
# Lineage asks which columns there are, not of which type.
_ANY = "varchar"
# Origins that the description of a column names.
_SHOWN = 4

# By model and column, the unique id and column of each direct origin.
Lineage = dict[str, dict[str, list[tuple[str, str]]]]
# By schema and name, the unique id of a table and how its columns are spelled.
_Tables = dict[tuple[str, str], tuple[str, dict[str, str]]]


def write_lineage(project: Path, target: Path, warehouse: Path) -> None:
    """Read the lineage off the manifest in `target`, whose models are compiled, into `FILE`.

    `warehouse` has the sources. No run depends on it: what goes wrong is told in the log, and
    the columns then have no lineage.
    """
    (target / FILE).unlink(missing_ok=True)
    try:
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        found = read_lineage(project, manifest, warehouse)
    except Exception:
        log.warning("the lineage of the columns could not be read", exc_info=True)
        return
    (target / FILE).write_text(json.dumps(found), encoding="utf-8")


def read_lineage(project: Path, manifest: Mapping[str, Any], warehouse: Path) -> Lineage:
    """Follow each column of each model to the columns of its direct parents."""
    nodes: dict[str, Any] = {**manifest["sources"], **manifest["nodes"]}
    schema = MappingSchema(dialect=_DIALECT)
    tables: _Tables = {}

    def know(node: Mapping[str, Any], columns: Collection[str]) -> None:
        table = exp.to_table(node["relation_name"], dialect=_DIALECT)
        # sqlglot asks in lower case, as DuckDB looks names up; the Hub's are in camel case.
        spelled = {column.lower(): column for column in columns}
        tables[table.db, table.name] = (node["unique_id"], spelled)
        schema.add_table(table, dict.fromkeys(columns, _ANY), dialect=_DIALECT)

    raw = _columns_of(warehouse)
    for source in manifest["sources"].values():
        know(source, raw[source["name"]])
    for seed in nodes.values():
        if seed["resource_type"] == "seed":
            with (project / seed["original_file_path"]).open(encoding="utf-8") as file:
                know(seed, next(csv.reader(file)))
    found: Lineage = {}
    for model in _in_order(nodes):
        query = qualify(
            parse_one(model["compiled_code"], dialect=_DIALECT),
            schema=schema,
            dialect=_DIALECT,
            validate_qualify_columns=False,
        )
        origins = lineage(
            None,
            query,
            schema,
            dialect=_DIALECT,
            scope=build_scope(query),
            trim_selects=False,
            copy=False,
        )
        know(model, origins)
        found[model["name"]] = {
            column: sorted(set(_ends(node, tables))) for column, node in origins.items()
        }
    return found


def _in_order(nodes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models, parents first."""
    ordered: dict[str, dict[str, Any]] = {}

    def visit(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if node is None or node["resource_type"] != "model" or unique_id in ordered:
            return
        for parent in node["depends_on"]["nodes"]:
            visit(parent)
        ordered[unique_id] = node

    for unique_id in nodes:
        visit(unique_id)
    return list(ordered.values())


def _ends(node: Node, tables: _Tables) -> Iterator[tuple[str, str]]:
    """The columns of tables at the end of a column's lineage."""
    for leaf in node.walk():
        if isinstance(leaf.expression, exp.Table):
            unique_id, spelled = tables[leaf.expression.db, leaf.expression.name]
            yield unique_id, spelled[exp.to_column(leaf.name).name]


def _columns_of(warehouse: Path) -> dict[str, dict[str, str]]:
    """Name and type of every column, by table or view."""
    columns: dict[str, dict[str, str]] = {}
    with connect(warehouse, read_only=True) as connection:
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where not internal order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, {})[column] = kind
    return columns


def column_metadata(home: Home, manifest: Path) -> dict[str, dict[str, Any]]:
    """Dagster's column schema and lineage of every built model, by its name.

    No run depends on it: what goes wrong is told in the log, and the answer is empty.
    """
    try:
        return _column_metadata(home, manifest)
    except Exception:
        log.warning("the columns of the warehouse could not be described", exc_info=True)
        return {}


def _column_metadata(home: Home, manifest: Path) -> dict[str, dict[str, Any]]:
    stored = json.loads(manifest.read_text(encoding="utf-8"))
    nodes = [
        *stored["sources"].values(),
        *(node for node in stored["nodes"].values() if node["resource_type"] in ("model", "seed")),
    ]
    described = {node["name"]: node["columns"] for node in nodes}
    keys = {node["unique_id"]: asset_key(node) for node in nodes}
    try:
        lineage_of: Lineage = json.loads(manifest.with_name(FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        lineage_of = {}
    found: dict[str, dict[str, Any]] = {}
    for name, columns in _columns_of(home.warehouse).items():
        if name not in described:
            continue
        # Several sources can be of one asset.
        origins = {
            column: sorted({(keys[parent], its_column) for parent, its_column in parents})
            for column, parents in lineage_of.get(name, {}).items()
        }
        found[name] = {
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(
                        column,
                        kind.lower(),
                        description=_described(
                            described[name].get(column, {}).get("description", ""),
                            origins.get(column, []),
                        ),
                    )
                    for column, kind in columns.items()
                ]
            )
        }
        if origins:
            found[name]["dagster/column_lineage"] = dg.TableColumnLineage(
                {
                    column: [dg.TableColumnDep(key, its_column) for key, its_column in parents]
                    for column, parents in origins.items()
                }
            )
    return found


def _described(words: str, origins: Sequence[tuple[dg.AssetKey, str]]) -> str | None:
    """What a column means, and whence it comes: the open-source UI draws no column lineage."""
    names = [f"{key.path[-1]}.{column}" for key, column in origins]
    if len(names) > _SHOWN:
        names = [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    whence = f"From {', '.join(names)}." if names else ""
    return f"{words.strip()} {whence}".strip() or None
