"""Metrics by name: MetricFlow (`mf`) over the published tables.

What belongs here: letting `mf` read what people read. What the metrics are is said in
`dbt_project/models/metrics`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.publication.generation import DATABASE
from orchestration.reporting import published_folder
from orchestration.warehouse import PROJECT

# As profiles.yml calls it.
_DATABASE, _SCHEMA = "published", "main"
_MANIFEST = PROJECT / "target" / "semantic_manifest.json"

# `mf` without its question to a package index whether there is a newer one: it has no switch
# for it, and nothing here asks anybody but HF_ENDPOINT.
_MF = """
import update_checker
update_checker.query_pypi = lambda *_, **__: {}
from dbt_metricflow.cli.main import cli
cli(prog_name="mf")
"""


def publish_manifest(path: Path) -> None:
    """Rewrite dbt's semantic manifest: its relations are the published ones.

    dbt knows the private warehouse alone, which readers must not open. Metrics that measures
    made of themselves are parts of others, and are not listed.
    """
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    parts = set()
    for model in manifest["semantic_models"]:
        _move(model["node_relation"])
        parts |= {measure["name"] for measure in model["measures"]}
    for spine in manifest["project_configuration"]["time_spines"]:
        _move(spine["node_relation"])
    for metric in manifest["metrics"]:
        metric["type_params"]["is_private"] = metric["name"] in parts
    path.write_text(json.dumps(manifest), encoding="utf-8")


def _parts(path: Path) -> set[str]:
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {one["name"] for one in manifest["metrics"] if one["type_params"]["is_private"]}


def _move(relation: dict[str, str]) -> None:
    relation |= {
        "database": _DATABASE,
        "schema_name": _SCHEMA,
        "relation_name": f'"{_DATABASE}"."{_SCHEMA}"."{relation["alias"]}"',
    }


def command(home: Home, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """`mf` with `arguments` over the current generation, and the environment it needs.

    A Refusal where nothing is published, or where a part of a metric is asked for: a part is
    summed over slices as readily as over countries.
    """
    parts = _parts(_MANIFEST).intersection(re.findall(r"\w+", " ".join(arguments)))
    if parts:
        raise Refusal(
            f"{', '.join(sorted(parts))}: a part of a metric, which is right in that metric alone",
            field="--metrics",
            cure="`observatory metrics list metrics` names what can be asked for",
        )
    # What can be asked is told before anything is published.
    database = "" if "--help" in arguments else str(published_folder(home) / DATABASE)
    environment = {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_LOG_PATH": str(home.root / "warehouse" / "logs"),
        "OBSERVATORY_DBT_TARGET": "published",
        "OBSERVATORY_PUBLISHED": database,
        "DO_NOT_TRACK": "1",
    }
    return [sys.executable, "-c", _MF, *arguments], environment
