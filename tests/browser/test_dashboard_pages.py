"""Every page in a real browser: quiet, self-contained, readable, and true to the file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.example_publication import LAST_DAY

PAGES = (
    "index", "organizations", "cadence", "concentration", "families", "claims", "quality", "about",
)  # fmt: skip
SLICE = "window_name = '30d' and cohort = 'all' and scope = 'all'"
TODAY = f"snapshot_date = date '{LAST_DAY}'"


def _one(publication: Path, sql: str) -> Any:
    with duckdb.connect(str(publication), read_only=True) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def _an_organization(site: Path) -> str:
    return f"organization/{sorted((site / 'organization').iterdir())[0].stem}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_quiet_and_fit(
    browser: Browser, site: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    for name in (*PAGES, _an_organization(site)):
        with chromium.watched(browser, width=width, scheme=scheme) as watched:
            chromium.show(watched.page, site / f"{name}.html")
            assert watched.problems == [], name
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert "Generated world" in watched.page.locator(".banner").inner_text()
            paper = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(int(part) for part in paper[4:-1].split(",")) < 150) == (scheme == "dark")


# In the dark only the colours differ.
AXE_OPTIONS = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_pass_accessibility_rules(
    browser: Browser, site: Path, scheme: Literal["light", "dark"]
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for name in (*PAGES, _an_organization(site)):
        with chromium.watched(browser, scheme=scheme) as watched:
            chromium.show(watched.page, site / f"{name}.html")
            watched.page.evaluate(axe)
            found = watched.page.evaluate("options => axe.run(options)", AXE_OPTIONS[scheme])
            serious = [
                (rule["id"], [node["target"] for node in rule["nodes"]][:3])
                for rule in found["violations"]
                if rule["impact"] in ("serious", "critical")
            ]
            assert serious == [], name


KEY_NUMBERS = {
    "index": f"select max(share_of_all) from fct_country_share_daily"
    f" where {TODAY} and {SLICE} and attribution = 'publisher' and country_code is not null",
    "organizations": f"select max(share_of_all) from fct_organization_share_daily"
    f" where {TODAY} and {SLICE} and attribution = 'publisher'",
    "quality": f"select count(*) from fct_snapshot_quality_daily where {TODAY}"
    " and status = 'passed'",
}


@pytest.mark.parametrize("name", sorted(KEY_NUMBERS))
def test_key_number_is_the_marts(
    browser: Browser, site: Path, publication: Path, name: str
) -> None:
    wanted = _one(publication, KEY_NUMBERS[name])
    with chromium.watched(browser) as watched:
        chromium.show(watched.page, site / f"{name}.html")
        shown = watched.page.locator("data.key-number")
        assert float(shown.get_attribute("value") or "nan") == pytest.approx(wanted, abs=1e-12)
        if isinstance(wanted, float):
            assert shown.inner_text().startswith(f"{wanted * 100:.1f}")
        else:
            assert shown.inner_text() == str(wanted)


def test_first_page_is_light(browser: Browser, site: Path) -> None:
    with chromium.watched(browser) as watched:
        loaded: list[Path] = []
        watched.page.on(
            "requestfinished",
            lambda request: (
                loaded.append(Path(request.url.removeprefix("file://").split("#")[0]))
                if request.url.startswith("file:")
                else None
            ),
        )
        chromium.show(watched.page, site / "index.html")
        assert {"vega.js", "site.css", "index.html"} <= {path.name for path in loaded}
        assert sum(path.stat().st_size for path in loaded) <= 2_000_000
