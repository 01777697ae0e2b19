"""What a data engineer sees in the Dagster UI after a day that was refused, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestration.defs.automation.sensors import alert_sensors
from tests.browser import chromium, dagster_ui

pytestmark = pytest.mark.xdist_group("dagster_ui")
SOON = 60_000


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The UI over a home whose last day the first gate refused."""
    folder = tmp_path_factory.mktemp("dagster_ui")
    home = dagster_ui.make_refused_home(folder)
    with dagster_ui.serving(home, folder / "server.log") as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that must ask nobody but the UI, and bring no error (the UI's own warnings aside)."""
    with chromium.watched(browser, width=1440, height=900, allowed=address) as watched:
        yield watched.page
        assert [one for one in watched.problems if not one.startswith("console warning")] == []


def see(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible(timeout=SOON)


def test_the_graph_shows_the_stages_in_their_order(page: Page, address: str) -> None:
    page.goto(f"{address}/asset-groups")
    places = []
    for stage in ("fetch", "staging", "intermediate", "marts", "publish"):
        node = page.locator(f'foreignObject [data-tooltip="{stage}"]')
        expect(node).to_be_visible(timeout=SOON)
        places.append((node.bounding_box() or {"x": 0.0})["x"])
    assert places == sorted(set(places))


def test_a_day_shows_its_rows_its_table_and_its_bars(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/raw_hub__models?view=events")
    see(page, *dagster_ui.DAYS, "dagster/row_count", "402", "panel pictures", "owner-0", "████")


def test_an_asset_says_what_it_is_whose_and_of_what_columns(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/fct_country_share_daily")
    see(page, "Share of downloads by country", "hub-observatory", "DuckDB", "dbt", "marts")
    see(page, "share_of_all_low", "daily_observatory")


def test_a_failed_check_says_what_was_seen_and_what_to_do(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/raw_hub__models?view=checks&checkDetail=counters_in_their_columns")
    see(page, "Downloads outnumber likes", "allowed at most 1. What to do: fetch or import")


def test_schedule_and_sensors_are_named_for_what_they_do(page: Page, address: str) -> None:
    page.goto(f"{address}/automation")
    see(page, "every_morning", "Every hour", "dead_run_closer")
    see(page, *(sensor.name for sensor in alert_sensors))


def test_jobs_are_named_for_what_they_do(page: Page, address: str) -> None:
    page.goto(f"{address}/jobs")
    see(page, "daily_observatory", "publish_again", "fetch_only")


def test_the_refused_run_is_told_as_failed(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    see(page, "Failure", "Success", dagster_ui.DAYS[-1])
