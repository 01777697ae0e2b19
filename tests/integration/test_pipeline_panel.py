"""A real panel of one file and many days, without tags, keys or creation dates."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.home import CHECKOUT, Home
from tests.integration.built_world import run_dbt
from tests.integration.command_line import PROGRAM, Ended, finish, observatory, start

pytestmark = pytest.mark.xdist_group("pipeline_panel")

FIRST, LAST = date(2026, 4, 1), date(2026, 5, 7)


@pytest.fixture(scope="session")
def panel() -> Path:
    """721 days of 86 to 214 models, which are not part of the project."""
    file = CHECKOUT.parent / "shared" / "hub" / "archive_feature_extraction_daily.parquet"
    if not file.is_file():
        pytest.skip(f"the recorded panel is not at {file}")
    return file


@pytest.fixture(scope="session")
def built(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A home that took its last five weeks in one back-fill."""
    home = tmp_path_factory.mktemp("panel") / "home"
    days = ["--from", FIRST.isoformat(), "--to", LAST.isoformat()]
    return home, observatory(home, "backfill", "--archive", str(panel), "--panel", "fe", *days)


def read(home: Path, sql: str) -> list[tuple[Any, ...]]:
    file = home / "published" / "current" / "observatory.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_panel_is_published(built: tuple[Path, Ended], panel: Path) -> None:
    home, ended = built
    assert ended.code == 0, ended.err
    recorded = pd.read_parquet(panel, columns=["snapshot_date"])["snapshot_date"].astype(str)
    expected = sorted({day for day in recorded if str(FIRST) <= day <= str(LAST)})
    manifest = json.loads((home / "published" / "current" / "manifest.json").read_text())
    assert manifest["snapshot_dates"] == expected
    assert manifest["universe"]["name"] == "fe"


def test_a_history_that_is_built_in_parts_and_a_day_later_says_the_same(
    built: tuple[Path, Ended], tmp_path: Path
) -> None:
    """35 recorded days of some 100 models, of which 23 are built at once, then one more.

    The weeks that are over by then are taken over from the generation before, and not read.
    """
    home, _ = built
    shutil.copytree(home / "raw", tmp_path / "raw", copy_function=os.link)
    shutil.copy(home / "universe.json", tmp_path)
    last = tmp_path / "raw" / "hub_models" / f"snapshot_date={LAST}"
    last.rename(tmp_path / "last")
    limited = (
        "from orchestration import warehouse; warehouse.ROWS_AT_ONCE = 120_000; "
        "warehouse.SETTLED_WITHIN /= 8; "
        "from orchestration.publication import weeks; weeks.TAKEN_OVER_FROM = 1_000; "
    )
    ended = finish(start(tmp_path, "publish", program=limited + PROGRAM))
    assert ended.code == 0, ended.err
    assert re.search(r"building \d+ of 35 days: .*; 12 follow in further parts", ended.err)
    # Unit tests have passed by this code, when the other home was built.
    told = json.loads((tmp_path / "warehouse" / "dbt" / "run_results.json").read_text())
    kinds = {result["unique_id"].split(".")[0] for result in told["results"]}
    assert kinds >= {"model", "test"} and "unit_test" not in kinds
    before = (tmp_path / "published" / "current").resolve().name
    (tmp_path / "last").rename(last)
    ended = finish(start(tmp_path, "publish", program=limited + PROGRAM))
    assert ended.code == 0, ended.err
    once, parts = (
        json.loads((one / "published" / "current" / "manifest.json").read_text())["tables"]
        for one in (home, tmp_path)
    )
    # What readers saw before differs: the one home has published nothing until now.
    compared = once.keys() - {"fct_revisions"}
    assert {name: parts[name]["content_sha256"] for name in compared} == {
        name: once[name]["content_sha256"] for name in compared
    }
    shares = parts["fct_organization_share_daily"]["weeks"].values()
    written = [week["generation"] for week in shares]
    assert written.count(before) == len(written) - 1 == 5


def test_unit_tests_pass_where_tables_stand_already(
    built: tuple[Path, Ended], tmp_path: Path
) -> None:
    """After an upgrade of DuckDB they run before a build of one more day, and may not refuse it."""
    home = Home(tmp_path / "home")
    home.warehouse.parent.mkdir(parents=True)
    shutil.copyfile(Home(built[0]).warehouse, home.warehouse)
    run_dbt(home, "test", "--select", "test_type:unit")
    told = json.loads((home.root / "target" / "run_results.json").read_text())
    assert len(told["results"]) > 80


def test_every_owner_of_every_day_has_the_downloads_of_the_file(
    built: tuple[Path, Ended], panel: Path
) -> None:
    home, _ = built
    frame = pd.read_parquet(panel)
    frame["day"] = pd.to_datetime(frame["snapshot_date"]).dt.date
    frame = frame[frame["day"].between(FIRST, LAST)]
    parts = frame["id"].str.split("/", n=1)
    frame["owner"] = parts.str[0].where(frame["id"].str.contains("/"), "(no namespace)")
    raw = frame.groupby(["day", "owner"])["downloads"].sum().astype(int).to_dict()
    published = {
        (day, owner): downloads
        for day, owner, downloads in read(
            home,
            "select snapshot_date, organization, sum(downloads)::bigint "
            "from fct_organization_share_daily where window_name = '30d' and scope = 'all' "
            "and attribution = 'publisher' and cohort = 'all' group by all",
        )
    }
    assert published == raw


def test_what_the_panel_cannot_tell_is_null_with_a_reason(built: tuple[Path, Ended]) -> None:
    home, _ = built
    found = read(
        home,
        "select cohort, window_name, attribution, count(share_of_all), count(null_reason), "
        "count(*) from fct_country_share_daily where scope = 'all' group by all",
    )
    for cohort, window, attribution, shares, reasons, rows in found:
        assert shares + reasons == rows
        measurable = cohort == "all" and window == "30d" and attribution == "publisher"
        assert (shares == rows) if measurable else (shares == 0 or attribution == "base_model")
    # No creation dates: nobody knows which models are new, or when they were released.
    assert {row[3] for row in found if row[0] == "new_365d"} == {0}
    assert read(home, "select count(created_at) from dim_models") == [(0,)]
