"""The dbt project as Dagster sees it: its manifest, always that of the models on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dagster_dbt import DbtProject

from orchestration.home import Home
from orchestration.warehouse import PROJECT, code_fingerprint

_MARK = "parsed_from"

# The one beside this Python: a virtual environment need not be on PATH.
DBT = str(Path(sys.executable).with_name("dbt"))


def ensure_manifest(project: Path = PROJECT) -> Path:
    """Parse the dbt project unless `target/manifest.json` is of the models as they are.

    A stale manifest makes Dagster lose row counts and lineage with no more than a log line,
    so its age is never guessed: it carries the fingerprint of what it was parsed from.
    """
    target = project / "target"
    manifest, mark = target / "manifest.json", target / _MARK
    code = code_fingerprint(project)
    if manifest.exists() and mark.exists() and mark.read_text(encoding="utf-8") == code:
        return manifest
    command = [DBT, "parse", "--quiet", "--no-partial-parse"]
    for option, folder in (("project-dir", project), ("profiles-dir", project)):
        command += [f"--{option}", str(folder)]
    command += ["--target-path", str(target)]
    subprocess.run(command, check=True, cwd=project, env=os.environ | {"DO_NOT_TRACK": "1"})
    mark.write_text(code, encoding="utf-8")
    return manifest


def target_of(home: Home) -> Path:
    """dbt's own folder for a home: compiled SQL, run results, and the partial parse."""
    return home.root / "warehouse" / "dbt"


ensure_manifest()
project = DbtProject(project_dir=PROJECT, profiles_dir=PROJECT)
