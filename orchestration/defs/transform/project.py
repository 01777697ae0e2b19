"""The dbt project as Dagster sees it: its manifest, always that of the models on disk.

What belongs here: how dbt is called. What it is asked to build is the assets'.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtProject
from packaging.version import Version

from orchestration import metrics, warehouse
from orchestration.defs.transform import ahead, columns
from orchestration.home import Home, write_text_durably
from orchestration.warehouse import PROJECT, code_fingerprint

# The one beside this Python: a virtual environment need not be on PATH.
DBT = str(Path(sys.executable).with_name("dbt"))
UNIT_TESTED = ahead.PARSED.with_name("unit_tested")


def ensure_manifest(project: Path = PROJECT) -> Path:
    """Parse the dbt project unless `target/manifest.json` is of the models as they are.

    A stale manifest makes Dagster lose row counts and lineage with no more than a log line,
    so its age is never guessed: it carries the fingerprint of what it was parsed from. What is
    read off it lies beside it: the lineage of the columns, and the metrics' own manifest.
    """
    target = project / "target"
    with ahead.parsing(fcntl.LOCK_EX):
        _parse_if_stale(project, target)
    return target / "manifest.json"


def _parse_if_stale(project: Path, target: Path) -> None:
    mark = target / ahead.MARK
    code = code_fingerprint(project)
    there = mark.exists() and (target / "manifest.json").exists()
    if there and mark.read_text(encoding="utf-8") == code:
        return
    mark.unlink(missing_ok=True)
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        warehouse.register(home, warehouse.plan(home, [], code), [])
        compiling = ["compile", "--select", "resource_type:model"]
        if _dbt(project, compiling, home.warehouse).returncode == 0:
            columns.write_lineage(project, target, home.warehouse)
        else:
            _dbt(project, ["parse"], home.warehouse).check_returncode()
    metrics.publish_manifest(target / "semantic_manifest.json")
    mark.write_text(code, encoding="utf-8")


def _dbt(
    project: Path, arguments: list[str], of_warehouse: Path
) -> subprocess.CompletedProcess[bytes]:
    command = [DBT, *arguments, "--quiet", "--no-partial-parse"]
    for option, folder in (("project-dir", project), ("profiles-dir", project)):
        command += [f"--{option}", str(folder)]
    command += ["--target-path", str(project / "target")]
    environment = {"DO_NOT_TRACK": "1", "OBSERVATORY_WAREHOUSE": str(of_warehouse)}
    return subprocess.run(command, cwd=project, env=os.environ | environment, check=False)


def have_unit_tests_passed() -> bool:
    """Whether the unit tests of this code passed here, by this dbt and this DuckDB.

    What they say hangs on nothing else, and they take as long as all models of a small world.
    """
    return UNIT_TESTED.exists() and UNIT_TESTED.read_text(encoding="utf-8") == _unit_tested_by()


def note_unit_tests() -> None:
    """Note that they passed, for the builds of every home by this checkout."""
    write_text_durably(UNIT_TESTED, _unit_tested_by())


def _unit_tested_by() -> str:
    engines = (f"{name} {version(name)}" for name in ("dbt-core", "dbt-duckdb", "duckdb"))
    return " ".join((CODE, *engines))


def target_of(home: Home) -> Path:
    """dbt's own folder for a home: compiled SQL, run results, and the partial parse."""
    return home.root / "warehouse" / "dbt"


def start_dbt(
    context: dg.AssetExecutionContext,
    arguments: Sequence[str],
    home: Home,
    translator: DagsterDbtTranslator,
) -> DbtCliInvocation:
    """Have dbt work on the home's warehouse; its events are those of the run of `context`.

    Not through DbtCliResource: before each call that asks `dbt --version` of another process
    (3 s), makes an adapter in this one (1.7 s) for metadata which nobody asks for here, and then
    starts a dbt that was not started ahead and parses the project (6 s).
    """
    target = target_of(home)
    settings = {
        "OBSERVATORY_WAREHOUSE": str(home.warehouse),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        "DBT_LOG_FORMAT": "json",
        # 10 MB a build, and a second to write; what fails is told on the output as well.
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }
    return DbtCliInvocation(
        process=ahead.invoke(arguments, os.environ | settings, CODE),
        manifest=_manifest(),
        project=project,
        dagster_dbt_translator=translator,
        project_dir=PROJECT,
        target_path=target,
        raise_on_error=True,
        context=context,
        cli_version=Version(version("dbt-core")),
    )


@cache
def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(project.manifest_path.read_text(encoding="utf-8"))
    return manifest


ensure_manifest()
# What the definitions of this process were read from. Models that change while it works are the
# next run's: what it builds is of these, and must not be noted as of those.
CODE = ahead.code_of_manifest()
project = DbtProject(project_dir=PROJECT, profiles_dir=PROJECT)
