"""Builds the documentation site: `python -m docs.build [FOLDER]` (`make docs`).

What belongs here: putting MkDocs' pages and dbt's own together. What is on the pages is said in
`mkdocs.yml` and `docs/pages.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mkdocs.commands import build as mkdocs
from mkdocs.config import load_config

CHECKOUT = Path(__file__).parents[1]


def build(site: Path) -> Path:
    """Write the site to `site` and return its first page; any warning is an error."""
    config = load_config(str(CHECKOUT / "mkdocs.yml"), site_dir=str(site), strict=True)
    mkdocs.build(config)
    write_dbt_docs(site / "dbt" / "index.html")
    return site / "index.html"


def write_dbt_docs(page: Path) -> None:
    """dbt's documentation of every model in one file: columns, tests, SQL, lineage."""
    with TemporaryDirectory() as folder:
        command = [
            *(str(Path(sys.executable).with_name("dbt")), "--quiet", "docs", "generate"),
            # No warehouse is needed: types and descriptions are in the YAML.
            *("--static", "--empty-catalog"),
            *("--project-dir", "dbt_project", "--profiles-dir", "dbt_project"),
            *("--target-path", folder, "--log-path", folder),
        ]
        environment = {"DO_NOT_TRACK": "1", "OBSERVATORY_WAREHOUSE": f"{folder}/warehouse.duckdb"}
        subprocess.run(command, cwd=CHECKOUT, env=os.environ | environment, check=True)
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(folder) / "static_index.html", page)


if __name__ == "__main__":
    print(build(Path(*sys.argv[1:] or [str(CHECKOUT / "site")]).absolute()))
