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
TODAY = f"snapshot_date = date '{LAST_DAY}'"
SLICE = "window_name = '30d' and cohort = 'all' and scope = 'all'"


def _one(publication: Path, sql: str) -> Any:
    with duckdb.connect(str(publication), read_only=True) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def _pages(site: Path) -> list[str]:
    organization = min((site / "organization").iterdir())
    return [*PAGES, f"organization/{organization.stem}"]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_pages_are_quiet_and_fit(
    browser: Browser, site: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with chromium.watched(browser, width=width, scheme=scheme) as watched:
        page = watched.page
        for name in _pages(site):
            chromium.show(page, site / f"{name}.html")
            assert watched.problems == [], name
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert "Generated world" in page.locator(".banner").inner_text()
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(int(part) for part in paper[4:-1].split(",")) < 150) == (scheme == "dark")


# In the dark only the colours differ.
AXE_OPTIONS = {
    "light": {"resultTypes": ["violations"]},
    "dark": {
        "resultTypes": ["violations"],
        "runOnly": {"type": "rule", "values": ["color-contrast"]},
    },
}
# Five rows stand for a hundred, and a chart is one image: without the rest it takes a fifth.
THIN_OUT = """
document.querySelectorAll(".table tbody tr:nth-child(n + 6), .chart svg").forEach(e => e.remove())
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_pass_accessibility_rules(
    browser: Browser, site: Path, scheme: Literal["light", "dark"]
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with chromium.watched(browser, scheme=scheme) as watched:
        for name in _pages(site):
            chromium.show(watched.page, site / f"{name}.html")
            watched.page.evaluate(axe)
            watched.page.evaluate(THIN_OUT)
            found = watched.page.evaluate("options => axe.run(options)", AXE_OPTIONS[scheme])
            serious = [
                (rule["id"], [node["target"] for node in rule["nodes"]][:3])
                for rule in found["violations"]
                if rule["impact"] in ("serious", "critical")
            ]
            assert serious == [], name


KEY_NUMBERS = {
    "index": "select max(share_of_all) from fct_country_share_daily"
    f" where {TODAY} and {SLICE} and attribution = 'publisher' and country_code is not null",
    "organizations": "select max(share_of_all) from fct_organization_share_daily"
    f" where {TODAY} and {SLICE} and attribution = 'publisher'",
    "cadence": "select max(launches_365d) from fct_organization_cadence_daily"
    " join fct_organization_share_daily using (snapshot_date, organization)"
    f" where {TODAY} and {SLICE} and attribution = 'publisher' and rank <= 40"
    " and median_days_between_launches is not null",
    "concentration": "select top_10_share from fct_concentration_daily"
    f" where {TODAY} and {SLICE} and attribution = 'publisher' and level = 'model'",
    "families": "select max(share) from (select sum(share_of_all) as share"
    f" from fct_family_share_daily where {TODAY} and {SLICE} and attribution = 'base_model'"
    " and organization is not null group by family_line)",
    "claims": f"select count(*) from fct_claims where {TODAY} and verdict_today = 'holds'",
    "quality": "select count(*) from fct_snapshot_quality_daily"
    f" where {TODAY} and status = 'passed'",
}


def test_key_numbers_are_the_marts(browser: Browser, site: Path, publication: Path) -> None:
    with chromium.watched(browser) as watched:
        for name, sql in KEY_NUMBERS.items():
            wanted = _one(publication, sql)
            chromium.show(watched.page, site / f"{name}.html")
            shown = watched.page.locator("data.key-number")
            value = float(shown.get_attribute("value") or "nan")
            assert value == pytest.approx(wanted, abs=1e-12), name
            text = f"{wanted * 100:.1f}\u202f%" if isinstance(wanted, float) else str(wanted)
            assert shown.inner_text() == text, name


def test_each_chart_says_to_which_day_and_links_its_data_and_sql(
    browser: Browser, site: Path
) -> None:
    day = f"{LAST_DAY.day} {LAST_DAY:%B %Y}"
    with chromium.watched(browser) as watched:
        for name in _pages(site):
            chromium.show(watched.page, site / f"{name}.html")
            charts = watched.page.locator("figure:has(.chart)").all()
            assert charts or name in ("about", "claims"), name
            for chart in charts:
                assert day in (chart.locator(".facts").first.text_content() or ""), name
                assert "Data and SQL" in (chart.text_content() or ""), name


# The labels of each axis that tells shares.
AXES = """() => [...document.querySelectorAll(".chart svg .role-axis-label")]
    .map(axis => [...axis.querySelectorAll("text")].map(label => label.textContent))
    .filter(labels => labels.some(label => label.endsWith("%")))
"""


def test_no_axis_says_the_same_twice(browser: Browser, site: Path, publication: Path) -> None:
    smallest = _one(
        publication,
        "select min_by(organization, share_of_all) from fct_organization_share_daily"
        f" where {TODAY} and {SLICE} and attribution = 'publisher' and rank <= 100",
    )
    with chromium.watched(browser) as watched:
        chromium.show(watched.page, site / "organizations.html")
        link = watched.page.get_by_role("link", name=smallest, exact=True).first
        link.click()
        chromium.drawn(watched.page)
        seen = watched.page.evaluate(AXES)
        for name in ("index", "organizations", "concentration"):
            chromium.show(watched.page, site / f"{name}.html")
            seen += watched.page.evaluate(AXES)
    assert len(seen) > 10
    assert [labels for labels in seen if len(set(labels)) < len(labels)] == []


def test_each_organization_page_has_its_number(
    browser: Browser, site: Path, publication: Path
) -> None:
    with duckdb.connect(str(publication), read_only=True) as connection:
        largest = connection.execute(
            "select organization, share_of_all from fct_organization_share_daily"
            f" where {TODAY} and {SLICE} and attribution = 'publisher' and rank <= 100"
            " order by rank"
        ).fetchall()
    with chromium.watched(browser) as watched:
        page = watched.page
        chromium.show(page, site / "organizations.html")
        links = page.locator("#ranking tbody a").evaluate_all("links => links.map(a => a.href)")
        assert len(links) == len({link.lower() for link in links}) == len(largest) == 100
        for place in (0, 1, 99):
            page.goto(links[place])
            value = float(page.locator("data.key-number").get_attribute("value") or "nan")
            assert value == pytest.approx(largest[place][1], abs=1e-12)


def test_first_page_is_light(browser: Browser, site: Path) -> None:
    with chromium.watched(browser) as watched:
        loaded: list[Path] = []

        def note(url: str) -> None:
            if url.startswith("file:"):
                loaded.append(Path(url.removeprefix("file://")))

        watched.page.on("requestfinished", lambda request: note(request.url))
        chromium.show(watched.page, site / "index.html")
        assert {"vega.js", "site.css", "index.html"} <= {path.name for path in loaded}
        assert sum(path.stat().st_size for path in loaded) <= 2_000_000
