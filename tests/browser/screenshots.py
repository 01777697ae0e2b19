"""`make screenshots`: the pictures in docs/images, of what people look at over the demo.

What belongs here: which pages are shown, in which light, how wide. The first argument is a home
with a publication; a failed check is shown from a home of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from deploy.superset import server as superset
from deploy.superset.__main__ import bundle_of
from deploy.superset.provision import provision
from orchestration.home import CHECKOUT, Home
from orchestration.reporting import published_folder
from tests.browser import chromium, dagster_ui, superset_pages

IMAGES = CHECKOUT / "docs" / "images"
Scheme = Literal["light", "dark"]
# File name, page, width, height, colour scheme.
DASHBOARD: tuple[tuple[str, str, int, int, Scheme], ...] = (
    ("dashboard-who-leads", "index", 1280, 860, "light"),
    ("dashboard-who-leads-phone", "index", 390, 844, "light"),
    ("dashboard-organizations", "organizations", 1280, 860, "light"),
    ("dashboard-cadence", "cadence", 1280, 860, "light"),
)
# File name, address, width, height, words that are on the page when it is drawn.
Ui = tuple[str, str, int, int, str]
UI: tuple[Ui, ...] = (
    ("dagster-graph", "/asset-groups", 1640, 560, "publish"),
    ("dagster-snapshot", "/assets/raw_hub__models?view=events", 1440, 900, "largest_authors"),
)
FAILED_CHECK = (
    "dagster-failed-check",
    "/assets/raw_hub__models?view=checks&checkDetail=counters_in_their_columns",
    1440,
    900,
    "What to do",
)
# Statuses come some seconds after the words.
SETTLED_MS = 5_000


def main() -> None:
    """Write the pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="a home with a publication (`make demo`)")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where the pictures go")
    arguments = parser.parse_args()
    arguments.images.mkdir(parents=True, exist_ok=True)
    home = Home(arguments.home)
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as browser:
        _picture_dashboard(browser, published_folder(home) / "dashboard", arguments.images)
        _picture_ui(browser, home, UI, Path(folder), arguments.images)
        _picture_superset(browser, home, arguments.images)
        refused = dagster_ui.make_refused_home(Path(folder))
        _picture_ui(browser, refused, [FAILED_CHECK], Path(folder), arguments.images)


def _picture_dashboard(browser: Browser, site: Path, images: Path) -> None:
    for name, page, width, height, scheme in DASHBOARD:
        with chromium.watched(browser, width=width, height=height, scheme=scheme) as watched:
            chromium.show(watched.page, site / f"{page}.html")
            _take(watched.page, images / f"{name}.png")
            if watched.problems:
                raise SystemExit(f"{page}: {watched.problems}")


def _picture_ui(
    browser: Browser,
    home: Home,
    pages: Sequence[Ui],
    folder: Path,
    images: Path,
) -> None:
    with dagster_ui.serving(home, folder / "server.log") as address:
        for name, path, width, height, words in pages:
            with chromium.watched(browser, width=width, height=height, allowed=address) as watched:
                watched.page.goto(f"{address}{path}")
                watched.page.get_by_text(words).first.wait_for(timeout=60_000)
                watched.page.wait_for_timeout(SETTLED_MS)
                _take(watched.page, images / f"{name}.png")


def _picture_superset(browser: Browser, home: Home, images: Path) -> None:
    with superset.serving(home, 0) as server:
        provision(home, server, bundle_of(home))
        with chromium.watched(browser, width=1440, height=960, allowed=server.address) as watched:
            superset_pages.show_dashboard(watched.page, server)
            watched.page.wait_for_timeout(SETTLED_MS)
            _take(watched.page, images / "superset-dashboard.png")


def _take(page: Page, target: Path) -> None:
    page.screenshot(path=target)
    print(target)


if __name__ == "__main__":
    main()
