"""How the tests and the screenshots drive Debian's Chromium.

What belongs here: the start of the browser and the page that notices what must not happen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Route, sync_playwright

EXECUTABLE = Path("/usr/bin/chromium")
# Without a network of its own Chromium otherwise tries its maker's hosts at every start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Watched:
    """A page with all that it complained about or asked of the outside."""

    page: Page
    problems: list[str] = field(default_factory=list)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, headless, closed at the end."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(EXECUTABLE), headless=True, args=list(FLAGS)
        )
        try:
            yield chromium
        finally:
            chromium.close()


@contextlib.contextmanager
def watched(
    chromium: Browser,
    *,
    width: int = 1280,
    height: int = 860,
    scheme: Literal["light", "dark"] = "light",
    timezone: str = "UTC",
    allowed: str | None = None,
) -> Iterator[Watched]:
    """A new page whose errors and outside requests are written down; the latter go nowhere.

    `allowed` is the address of a local server that is not outside.
    """
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        timezone_id=timezone,
    )
    page = context.new_page()
    found = Watched(page)

    inside = ("file:", "data:", "blob:", *([f"{allowed}/"] if allowed else []))

    def outside(route: Route) -> None:
        if route.request.url.startswith(inside):
            route.continue_()
        else:
            found.problems.append(f"request to {route.request.url}")
            route.abort()

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.problems.append(f"console {message.type}: {message.text}")

    def dialog(opened: Dialog) -> None:
        found.problems.append(f"dialog: {opened.message}")
        opened.dismiss()

    context.route("**/*", outside)
    page.on("console", console)
    page.on("dialog", dialog)
    page.on("pageerror", lambda error: found.problems.append(f"error {error}"))
    page.on("requestfailed", lambda request: found.problems.append(f"not loaded: {request.url}"))
    try:
        yield found
    finally:
        context.close()


def show(page: Page, path: Path) -> None:
    """Open a page of the site and wait until its charts are drawn."""
    page.goto(path.as_uri())
    drawn(page)


def drawn(page: Page) -> None:
    """Wait until every chart of the page is drawn."""
    page.wait_for_function(
        "() => document.documentElement.classList.contains('scripted') &&"
        " [...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"
    )
