"""What reacts: slices, tooltips, the heat map's kinds, sorting, filters, theme, age."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard import build
from tests.browser import chromium, example_publication
from tests.browser.example_publication import LAST_DAY

TODAY = f"snapshot_date = date '{LAST_DAY}'"


def _one(publication: Path, sql: str) -> Any:
    with duckdb.connect(str(publication), read_only=True) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    # West of Greenwich a bare date would be the day before.
    with chromium.watched(browser, timezone="America/Los_Angeles") as watched:
        yield watched.page
        assert watched.problems == []


def _choose(page: Page, label: str) -> None:
    page.locator(".choices label", has_text=re.compile(f"^{label}$")).click()


def _leader(publication: Path, window: str, cohort: str = "all", scope: str = "all") -> float:
    return float(
        _one(
            publication,
            "select max(share_of_all) from fct_country_share_daily where country_code is not null"
            f" and attribution = 'publisher' and {TODAY} and window_name = '{window}'"
            f" and cohort = '{cohort}' and scope = '{scope}'",
        )
    )


def _expect_overtakes(page: Page, publication: Path, *slice_: str) -> None:
    """The overtakes of the slice are told, each with its certainty."""
    window, cohort, scope = slice_
    wanted = _one(
        publication,
        "select list(is_certain order by overtaken_on desc, attribution) from fct_overtakes"
        f" where entity_kind = 'country' and confirmed and window_name = '{window}'"
        f" and cohort = '{cohort}' and scope = '{scope}'",
    )
    words = {True: "confirmed", False: "confirmed, a doubtful home could turn it"}
    assert wanted
    expect(page.locator(".events .tag")).to_have_text([words[one] for one in wanted])


def test_another_slice_is_told_and_drawn(page: Page, site: Path, publication: Path) -> None:
    chromium.show(page, site / "index.html")
    _expect_overtakes(page, publication, "30d", "all", "all")
    number = page.locator("data.key-number")
    for labels, slice_ in (
        (["All time"], ("all_time", "all", "all")),
        (
            ["Language models", "Models under a year old"],
            ("all_time", "new_365d", "language_models"),
        ),
        (["7 days"], ("7d", "new_365d", "language_models")),
    ):
        for label in labels:
            _choose(page, label)
        expect(page.locator("#slice")).to_have_attribute(
            "data-payload", f"leaders-{'-'.join(slice_)}"
        )
        wanted = _leader(publication, *slice_)
        expect(number).to_have_text(f"{wanted * 100:.1f}\u202f%")
        chromium.drawn(page)
    expect(page.locator("#gap .facts")).to_contain_text("newest 3 days provisional")
    # The address carries the choice.
    page.reload()
    expect(number).to_have_text(f"{wanted * 100:.1f}\u202f%")
    expect(page.locator("input[value='7d']")).to_be_checked()


def test_what_cannot_be_measured_says_why(page: Page, site: Path) -> None:
    for name in ("index", "organizations", "families"):
        chromium.show(page, site / f"{name}.html")
        _choose(page, "365 days")
        expect(page.locator("#slice")).to_contain_text("not measurable")
        expect(page.locator("#slice")).to_contain_text("history starts on 2026-06-24")
        expect(page.locator("#slice data")).to_have_count(0)


def test_tooltip_tells_who_when_and_how_much(page: Page, site: Path, publication: Path) -> None:
    chromium.show(page, site / "index.html")
    page.locator("#share .chart").first.locator("path[aria-label*='share_of_all']").last.hover(
        force=True
    )
    shown = page.locator("#vg-tooltip-element.visible tr").all_inner_texts()
    told = dict(line.split("\t") for line in (re.sub(r"\s*\t\s*", "\t", row) for row in shown))
    day = dt.datetime.strptime(told["Day"].strip(), "%d %b %Y").date()
    with duckdb.connect(str(publication), read_only=True) as connection:
        found = connection.execute(
            "select sum(share_of_all), count(*) from fct_country_share_daily"
            " left join dim_countries using (country_key)"
            " where snapshot_date = ? and window_name = '30d' and cohort = 'all'"
            " and scope = 'all' and attribution = 'publisher' and"
            " if(fct_country_share_daily.country_code is null, 'No country', country_name) = ?",
            [day, told["Who"].strip()],
        ).fetchone()
    assert found is not None and found[1] > 0
    assert told["Share"].strip() == f"{found[0] * 100:.1f}%"


def test_heat_map_shows_the_chosen_kind(page: Page, site: Path, publication: Path) -> None:
    chromium.show(page, site / "cadence.html")
    cells = page.locator("#heatmap .mark-rect path")
    largest = (
        "select organization from fct_organization_share_daily where rank <= 40 and"
        f" {TODAY} and window_name = '30d' and cohort = 'all' and scope = 'all'"
        " and attribution = 'publisher'"
    )
    for label, column, condition in (
        ("Base models", "releases_count", "release_type = 'base'"),
        ("Everything released", "releases_count", "release_type = 'all'"),
        ("Launches", "launches_count", "release_type = 'all'"),
    ):
        _choose(page, label)
        wanted = _one(
            publication,
            f"select count(*) from fct_release_cadence_weekly where {condition} and {column} > 0"
            f" and week_start_date > date '{LAST_DAY}' - 366 and organization in ({largest})",
        )
        expect(cells).to_have_count(wanted)


def test_tables_sort_and_filter(page: Page, site: Path) -> None:
    chromium.show(page, site / "organizations.html")
    ranking = page.locator("#ranking")
    page.get_by_role("button", name="Models", exact=True).first.click()
    shown = ranking.locator("tbody tr td:last-child").all_inner_texts()
    counts = [int(text.replace(",", "")) for text in shown]
    assert counts == sorted(counts, reverse=True)
    share = page.get_by_role("button", name="Share", exact=True).first
    share.click()
    first = ranking.locator("tbody tr").first.inner_text()
    share.click()
    assert ranking.locator("tbody tr").last.inner_text() == first
    page.get_by_label("Find an organization").fill("mixed-case")
    assert ranking.locator("tbody tr:visible").count() == 2


def test_theme_is_kept_and_redraws(page: Page, site: Path) -> None:
    chromium.show(page, site / "index.html")
    line = page.locator("#gap .mark-line path").first
    before = line.get_attribute("stroke")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(line).not_to_have_attribute("stroke", before or "")
    chromium.show(page, site / "quality.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("kind", ["hub", "panel"])
def test_universe_and_age_are_told(
    browser: Browser, tmp_path: Path, kind: Literal["hub", "panel"]
) -> None:
    manifest = example_publication.MANIFEST | {"universe": {"kind": kind, "name": "trackers"}}
    publication = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    index = build.write(publication, tmp_path / "dashboard", manifest)
    with chromium.watched(browser) as watched:
        page = watched.page
        page.clock.set_fixed_time(dt.datetime.combine(LAST_DAY, dt.time(12)) + dt.timedelta(days=1))
        chromium.show(page, index)
        banner = page.locator(".banner:visible")
        if kind == "panel":
            expect(banner).to_contain_text("Recorded panel “trackers”, not the whole Hub.")
            return
        expect(banner).to_have_count(0)
        expect(page.locator(".freshness")).to_contain_text("(1 day ago)")
        page.clock.set_fixed_time(dt.datetime.combine(LAST_DAY, dt.time(12)) + dt.timedelta(days=9))
        page.reload()
        expect(banner).to_contain_text("9 days old.")


@pytest.mark.parametrize(
    ("universe", "sources", "days", "is_stale"),
    [
        ("hub", ["dataset"], 1, False),
        ("hub", ["dataset"], 2, True),
        ("panel", ["live", "archive"], 2, True),
        ("world", ["live"], 9, False),
        ("panel", ["archive"], 9, False),
    ],
)
def test_pages_are_stale_by_the_rule_of_the_alert(
    browser: Browser,
    tmp_path: Path,
    universe: str,
    sources: list[str],
    days: int,
    is_stale: bool,
) -> None:
    manifest = example_publication.MANIFEST | {
        "universe": {"kind": universe, "name": "x"},
        "sources": [{"kind": kind} for kind in sources],
    }
    publication = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    index = build.write(publication, tmp_path / "dashboard", manifest)
    with chromium.watched(browser) as watched:
        now = dt.datetime.combine(LAST_DAY, dt.time(12)) + dt.timedelta(days=days)
        watched.page.clock.set_fixed_time(now)
        chromium.show(watched.page, index)
        banner = watched.page.locator(".banner.stale:visible")
        expect(banner).to_have_count(1 if is_stale else 0)
        if is_stale:
            expect(banner).to_contain_text(f"{days} days old.")
