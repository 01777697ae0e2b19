"""The documentation site: whole, true to what it documents, and closed to the outside."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser

from docs import build, pages
from orchestration.gates.tables import TABLES
from orchestration.home import CHECKOUT

pytestmark = pytest.mark.xdist_group("docs_site")

# What a browser fetches by itself, unlike a link that is clicked.
ASSETS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}


class References(HTMLParser):
    """The assets of a page, the targets of its links, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ASSETS and ASSETS[tag] in given:
            self.assets.append(given[ASSETS[tag]])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "id" in given:
            self.anchors.add(given["id"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` writes it."""
    return build.build(tmp_path_factory.mktemp("docs") / "site").parent


@pytest.fixture(scope="module")
def written(site: Path) -> dict[Path, References]:
    """The pages that are ours; dbt's own page is one program."""
    return {
        page: References(page) for page in sorted(site.rglob("*.html")) if page.parent.name != "dbt"
    }


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def is_outside(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def test_no_page_refers_to_an_outside_asset(site: Path, written: dict[Path, References]) -> None:
    assert len(written) > 12
    for page, references in written.items():
        assert references.assets
        assert not [one for one in references.assets if is_outside(one)], page
    assert not [one for one in References(site / "dbt/index.html").assets if is_outside(one)]
    for sheet in site.rglob("*.css"):
        urls = re.findall(r"url\(['\"]?([^'\")]+)", sheet.read_text(encoding="utf-8"))
        assert not [url for url in urls if is_outside(url)], sheet


def test_every_link_leads_somewhere(site: Path, written: dict[Path, References]) -> None:
    for page, references in written.items():
        for link in references.links:
            parts = urlsplit(link)
            if parts.netloc or parts.scheme:
                continue
            # The page of what is not found is served from anywhere, with rooted links.
            start = site if parts.path.startswith("/") else page.parent
            target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else page
            if target.is_dir():
                target /= "index.html"
            assert target.is_file(), f"{page.name}: {link}"
            if parts.fragment and target in written:
                assert unquote(parts.fragment) in written[target].anchors, f"{page.name}: {link}"


def test_every_page_of_the_checkout_is_in_the_navigation(written: dict[Path, References]) -> None:
    pages_of_docs = {f"{path.stem}.html" for path in (CHECKOUT / "docs").glob("*.md")}
    taken = {Path(page).with_suffix(".html").name for page in pages.TAKEN.values()}
    (first,) = (found for page, found in written.items() if page.name == "index.html")
    assert pages_of_docs | taken <= {*first.links, "index.html"}


def test_the_reference_has_every_column_and_every_metric(site: Path) -> None:
    tables = (site / "tables.html").read_text(encoding="utf-8")
    for name, model in pages.described().items():
        begin = tables.index(f'id="{name}"')
        part = tables[begin : tables.index("</table>", begin)]
        for column in TABLES[name].columns:
            assert f"<code>{column.name}</code>" in part
        assert part.count("<tr>") == len(model["columns"]) + 1
    metrics = (site / "metric_reference.html").read_text(encoding="utf-8")
    for file in (CHECKOUT / "dbt_project/models/metrics").glob("*.yml"):
        for metric in yaml.safe_load(file.read_text()).get("metrics", []):
            assert f"<code>{metric['name']}</code>" in metrics


def test_a_browser_asks_nobody_else(address: str, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name in ("index.html", "tables.html"):
        page.goto(f"{address}/{name}")
        page.get_by_role("heading", level=1).first.wait_for()
    page.get_by_role("textbox", name="Search").fill("overtakes")
    page.get_by_role("link", name="fct_overtakes").first.wait_for()
    page.goto(f"{address}/dbt/index.html")
    page.get_by_text("Who builds the world's open models?").wait_for()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not errors
    page.close()
