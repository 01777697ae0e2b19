"""Superset over a published mart, in a real browser; `make superset-test` sets Superset up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.superset.__main__ import bundle_of
from deploy.superset.bundle import SLUG
from deploy.superset.provision import logged_in, provision
from deploy.superset.server import Server, is_installed, serving
from orchestration.home import Home
from orchestration.publication.build import write_manifest
from orchestration.publication.generation import DATABASE, file_entries
from tests.browser import chromium, example_publication, superset_pages

pytestmark = [
    pytest.mark.xdist_group("superset"),
    pytest.mark.skipif(not is_installed(), reason="Superset is not set up (make superset-test)"),
]
KINDS = ("database", "dataset", "chart", "dashboard")
# In the example every window has the same shares.
OTHER_7D = (
    "update fct_country_share_daily set share_of_all = 0.5 * share_of_all where window_name = '7d'"
)
LEADING = """
    select share_of_all from fct_country_share_daily
    where window_name = '{window}' and attribution = 'publisher' and cohort = 'all'
        and scope = 'all' and rank = 1
        and snapshot_date = (select max(snapshot_date) from fct_country_share_daily)
"""


def publish(home: Home, name: str, change: str) -> None:
    """Show the example publication as generation `name`, after the SQL of `change`."""
    folder = home.published / name
    folder.mkdir(parents=True)
    example_publication.write(folder / DATABASE)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute(change)
    manifest = example_publication.MANIFEST | {"generation": name, "files": file_entries(folder)}
    write_manifest(folder, manifest)
    current = home.published / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("superset"))
    publish(made, "20260822T060000Z-00000000", OTHER_7D)
    return made


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    """Superset over `home`, provisioned."""
    with serving(home, 0) as started:
        assert provision(home, started, bundle_of(home))
        yield started


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The dashboard, which asks nobody but Superset and brings no error."""
    with chromium.watched(browser, width=1440, height=1500, allowed=server.address) as watched:
        superset_pages.show_dashboard(watched.page, server)
        yield watched.page
        assert superset_pages.unexpected(watched.problems) == []


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    with logged_in(server) as opened:
        yield opened


def leading(home: Home, window: str) -> str:
    with duckdb.connect(str(home.published / "current" / DATABASE), read_only=True) as connection:
        row = connection.execute(LEADING.format(window=window)).fetchone()
    assert row is not None
    return f"{row[0]:.1%}"


def inventory(client: httpx2.Client) -> dict[str, list[Any]]:
    """The id and time of change of everything that was provisioned, by kind."""
    return {
        kind: sorted(
            (one["id"], one.get("changed_on_utc") or one.get("changed_on"))
            for one in client.get(f"/api/v1/{kind}/?q=(page_size:100)").json()["result"]
        )
        for kind in KINDS
    }


def test_the_key_number_is_the_marts_for_each_window(page: Page, home: Home) -> None:
    expect(page.get_by_text("GENERATED WORLD.")).to_be_visible()
    assert page.title().startswith("Generated world: ")
    number = page.locator(".superset-legacy-chart-big-number .header-line")
    expect(number).to_have_text(leading(home, "30d"))
    superset_pages.choose(page, "window_name", "7d")
    assert leading(home, "7d") != leading(home, "30d")
    expect(number).to_have_text(leading(home, "7d"))


def test_no_chart_of_the_dashboard_fails(page: Page) -> None:
    assert page.locator(".slice_container").count() == 8
    assert page.get_by_text("Data error").count() == 0
    assert page.get_by_text("No results were returned").count() == 0


def test_a_second_run_changes_nothing_and_a_forced_one_makes_no_double(
    client: httpx2.Client, server: Server, home: Home
) -> None:
    before = inventory(client)
    assert [len(before[kind]) for kind in ("database", "chart", "dashboard")] == [1, 8, 1]
    assert not provision(home, server, bundle_of(home))
    assert inventory(client) == before
    (home.root / "superset" / "provisioned").unlink()
    assert provision(home, server, bundle_of(home))
    after = inventory(client)
    assert {kind: [one for one, _ in after[kind]] for kind in KINDS} == {
        kind: [one for one, _ in before[kind]] for kind in KINDS
    }


def test_columns_are_described_and_metrics_have_dbts_labels(client: httpx2.Client) -> None:
    query = quote("(filters:!((col:table_name,opr:eq,value:fct_country_share_daily)))")
    (found,) = client.get(f"/api/v1/dataset/?q={query}").json()["result"]
    dataset = client.get(f"/api/v1/dataset/{found['id']}").json()["result"]
    assert all(column["description"] for column in dataset["columns"])
    labels = {metric["metric_name"]: metric["verbose_name"] for metric in dataset["metrics"]}
    assert labels["country_share_of_all"] == "Share of all downloads"


def sql(client: httpx2.Client, server: Server, text: str) -> httpx2.Response:
    """What SQL Lab answers."""
    token = client.get("/api/v1/security/csrf_token/").json()["result"]
    (database,) = client.get("/api/v1/database/").json()["result"]
    return client.post(
        "/api/v1/sqllab/execute/",
        headers={"X-CSRFToken": token, "Referer": server.address},
        json={"database_id": database["id"], "sql": text, "schema": "main"},
    )


def test_the_next_query_sees_a_new_generation(
    client: httpx2.Client, server: Server, home: Home
) -> None:
    ask = "select count(*) as rows_count from dim_countries"
    before = sql(client, server, ask).json()["data"][0]["rows_count"]
    publish(home, "20260823T060000Z-00000000", "delete from dim_countries where country_key = 'NO'")
    assert sql(client, server, ask).json()["data"][0]["rows_count"] == before - 1


@pytest.mark.parametrize(
    "text",
    [
        "delete from dim_countries",
        "select * from read_text('/etc/hostname')",
        "copy dim_countries to '/tmp/countries.csv'",
    ],
)
def test_nobody_writes_or_reads_anything_else(
    client: httpx2.Client, server: Server, text: str
) -> None:
    answer = sql(client, server, text)
    assert answer.is_error, json.dumps(answer.json())[:500]
    assert not Path("/tmp/countries.csv").exists()


def test_secrets_are_their_owners_alone(home: Home, server: Server) -> None:
    for name in ("secret_key", "password"):
        assert (home.root / "superset" / name).stat().st_mode & 0o777 == 0o600
    assert httpx2.get(f"{server.address}/api/v1/dashboard/{SLUG}").status_code in (401, 403, 404)
