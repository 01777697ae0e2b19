"""`python -m dashboard DATABASE FOLDER`: the site about a published file, without a run.

The manifest is read beside the file, where a publication has it; alone, the file tells what it is
of.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dashboard import build


def main() -> None:
    """Write the site that the command line names and print where it begins."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("database", type=Path, help="a published observatory.duckdb")
    parser.add_argument("folder", type=Path, help="where the site is written")
    arguments = parser.parse_args()
    beside = arguments.database.parent / "manifest.json"
    manifest = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    print(build.write(arguments.database, arguments.folder, manifest))


if __name__ == "__main__":
    main()
