"""`python -m tests.browser.screenshots`: pictures of the dashboard for the README.

What belongs here: which pages are shown, in which light, how wide. The site is that of a
published file (first argument), or that of the example publication.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Literal

from dashboard import build
from tests.browser import chromium, example_publication

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
Scheme = Literal["light", "dark"]
# File name, page, width, height, colour scheme.
PICTURES: tuple[tuple[str, str, int, int, Scheme], ...] = (
    ("dashboard-who-leads", "index", 1280, 860, "light"),
    ("dashboard-who-leads-dark", "index", 1280, 860, "dark"),
    ("dashboard-who-leads-phone", "index", 390, 844, "light"),
    ("dashboard-organizations", "organizations", 1280, 860, "light"),
    ("dashboard-cadence", "cadence", 1280, 860, "light"),
    ("dashboard-claims", "claims", 1280, 860, "light"),
    ("dashboard-quality", "quality", 1280, 860, "light"),
)


def main() -> None:
    """Write the pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path, nargs="?", help="a published observatory.duckdb")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where the pictures go")
    arguments = parser.parse_args()
    arguments.images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site = _site(arguments.database, Path(folder))
        with chromium.browser() as browser:
            for name, page, width, height, scheme in PICTURES:
                target = arguments.images / f"{name}.png"
                with chromium.watched(
                    browser, width=width, height=height, scheme=scheme
                ) as watched:
                    chromium.show(watched.page, site / f"{page}.html")
                    watched.page.screenshot(path=target)
                    if watched.problems:
                        raise SystemExit(f"{page}: {watched.problems}")
                print(target)


def _site(database: Path | None, folder: Path) -> Path:
    if database is None:
        made = example_publication.write(folder / "observatory.duckdb")
        return build.write(made, folder / "dashboard", example_publication.MANIFEST).parent
    manifest = json.loads((database.parent / "manifest.json").read_text(encoding="utf-8"))
    return build.write(database, folder / "dashboard", manifest).parent


if __name__ == "__main__":
    main()
