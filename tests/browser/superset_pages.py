"""How tests and pictures use Superset's pages: its login, its filters, its one known complaint.

What belongs here: what Superset calls its fields. What they should show is the tests'.
"""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page

from deploy.superset.bundle import SLUG
from deploy.superset.server import USER, Server

SOON_MS = 60_000
# The image that counts visitors, which Superset's own pages are told not to fetch.
PIXEL = "https://apachesuperset.gateway.scarf.sh/"


def show_dashboard(page: Page, server: Server) -> None:
    """Log in and wait until every chart is drawn."""
    page.goto(f"{server.address}/login/?next=/superset/dashboard/{SLUG}/")
    page.locator("#username").fill(USER)
    page.locator("#password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/superset/dashboard/{SLUG}/**", timeout=SOON_MS)
    drawn(page)


def drawn(page: Page) -> None:
    """Wait until no chart is loading."""
    page.locator(".superset-legacy-chart-big-number .header-line").wait_for(timeout=SOON_MS)
    page.wait_for_load_state("networkidle", timeout=SOON_MS)
    page.wait_for_function(
        "() => !document.querySelector('.dashboard-component-chart-holder .loading')"
    )


def choose(page: Page, column: str, value: str) -> None:
    """Choose `value` in the filter of `column`."""
    search = page.locator(f"#NATIVE_FILTER-{column}")
    search.fill(value)
    page.locator(f".ant-select-item-option[title='{value}']").wait_for()
    search.press("Enter")
    page.get_by_role("button", name="Apply filters").click()
    drawn(page)


def unexpected(problems: Sequence[str]) -> list[str]:
    """What the page complained of, but that it refused to fetch the visitor counter.

    A page that is left breaks off what it tells Superset's own log.
    """
    refused = "violates the following Content Security Policy directive"
    return [
        one
        for one in problems
        if not (one.startswith("console error") and PIXEL in one and refused in one)
        and not one.startswith(f"not loaded: {PIXEL}")
        and not (one.startswith("not loaded: http://127.0.0.1:") and "/superset/log/" in one)
    ]
