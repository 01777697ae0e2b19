"""`make bench`: the figures that the README gives, each a whole command as a user runs it.

What belongs here: commands, their time and the memory of all their processes together. The
ratios against other ways of doing the same have modules of their own in this folder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.measuring import OBSERVATORY, Figure, circumstances, measure
from local_hub import LocalHub, named_world
from orchestration.defs.transform.project import UNIT_TESTED
from orchestration.home import Home
from tests.browser import chromium, dagster_ui

DEFINITIONS = [
    sys.executable,
    "-c",
    "from orchestration.definitions import defs; defs.get_repository_def()",
]
RECORDED = Path(__file__).resolve().parents[2] / "shared" / "hub"


def _daily(work: Path) -> list[Figure]:
    """Two live days of the 20,000-model world, one built anew, one on top of it; and back.

    The first runs the unit tests, as the first run of a checkout does.
    """
    UNIT_TESTED.unlink(missing_ok=True)
    world = named_world("demo")
    days: list[date] = list(world.dates)[-2:]
    figures = []
    with LocalHub(world, date=days[0]) as hub:
        for number, day in enumerate(days, start=1):
            hub.set_date(day)
            figures.append(
                measure(
                    f"day {number} of the 20,000-model world, whole command",
                    [*OBSERVATORY, "run"],
                    work / "daily",
                    "25 s",
                    HF_ENDPOINT=hub.endpoint,
                )
            )
    back = [*OBSERVATORY, "rollback"]
    figures.append(measure("`observatory rollback` from the second", back, work / "daily", "10 s"))
    return figures


def _interface(home: Home) -> list[Figure]:
    """Dagster over a home of two days: its definitions, and the first page until it is drawn."""
    figures = [measure("Dagster definitions load", DEFINITIONS, home.root, "5 s")]
    if not chromium.EXECUTABLE.exists():
        return figures
    begun = time.monotonic()
    with chromium.browser() as browser, dagster_ui.serving(home, home.root / "ui.log") as address:
        started = time.monotonic() - begun
        with chromium.watched(browser, width=1440, height=900, allowed=address) as watched:
            begun = time.monotonic()
            watched.page.goto(f"{address}/asset-groups")
            watched.page.locator('foreignObject [data-tooltip="marts"]').wait_for(timeout=120_000)
            drawn = time.monotonic() - begun
    nan = float("nan")
    return [
        *figures,
        Figure("Dagster UI, start until it answers", started, nan, nan, ""),
        Figure("Dagster UI, first page until the asset graph is drawn", drawn, nan, nan, "10 s"),
    ]


def main() -> None:
    """Measure and print a Markdown table."""
    work = Path(tempfile.mkdtemp(prefix="observatory-bench-"))
    try:
        figures = _daily(work)
        figures += _interface(Home(work / "daily"))
        UNIT_TESTED.unlink(missing_ok=True)
        figures.append(
            measure("make demo, after set-up", [*OBSERVATORY, "demo"], work / "demo", "120 s")
        )
        archive = RECORDED / "archive_feature_extraction_daily.parquet"
        if archive.exists():
            figures.append(
                measure(
                    "back-fill of 721 days x 155 models, one run",
                    [*OBSERVATORY, "backfill", "--archive", str(archive)],
                    work / "backfill",
                    "120 s",
                )
            )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{circumstances()}\n")
    print("| command | wall | CPU | peak memory | budget |")
    print("|---|---:|---:|---:|---:|")
    for figure in figures:
        print(figure.row())


if __name__ == "__main__":
    main()
