"""The dbt project as Dagster sees it: its manifest, always that of the models on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_dbt import DbtProject

from orchestration import metrics, warehouse
from orchestration.defs.transform import columns
from orchestration.home import Home
from orchestration.warehouse import PROJECT, code_fingerprint

_MARK = "parsed_from"

# The one beside this Python: a virtual environment need not be on PATH.
DBT = str(Path(sys.executable).with_name("dbt"))


def ensure_manifest(project: Path = PROJECT) -> Path:
    """Parse the dbt project unless `target/manifest.json` is of the models as they are.

    A stale manifest makes Dagster lose row counts and lineage with no more than a log line,
    so its age is never guessed: it carries the fingerprint of what it was parsed from. What is
    read off it lies beside it: the lineage of the columns, and the metrics' own manifest.
    """
    target = project / "target"
    manifest, mark = target / "manifest.json", target / _MARK
    code = code_fingerprint(project)
    if manifest.exists() and mark.exists() and mark.read_text(encoding="utf-8") == code:
        return manifest
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
    return manifest


def _dbt(
    project: Path, arguments: list[str], of_warehouse: Path
) -> subprocess.CompletedProcess[bytes]:
    command = [DBT, *arguments, "--quiet", "--no-partial-parse"]
    for option, folder in (("project-dir", project), ("profiles-dir", project)):
        command += [f"--{option}", str(folder)]
    command += ["--target-path", str(project / "target")]
    environment = {"DO_NOT_TRACK": "1", "OBSERVATORY_WAREHOUSE": str(of_warehouse)}
    return subprocess.run(command, cwd=project, env=os.environ | environment, check=False)


def target_of(home: Home) -> Path:
    """dbt's own folder for a home: compiled SQL, run results, and the partial parse."""
    return home.root / "warehouse" / "dbt"


ensure_manifest()
project = DbtProject(project_dir=PROJECT, profiles_dir=PROJECT)
