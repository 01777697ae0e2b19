"""The metrics by name, as `mf` answers them, against pandas over the same published file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration import metrics
from orchestration.defs.transform.project import ensure_manifest
from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home
from tests.browser import example_publication
from tests.integration.command_line import environment_for, observatory

pytestmark = pytest.mark.xdist_group("metrics")

SLICE = ["window_name", "attribution", "cohort", "scope"]
HEADLINE = "30d publisher all all"
ONE_SLICE = f"{{{{ Entity('slice') }}}} = '{HEADLINE}'"
Rows = list[dict[str, Any]]

QUESTIONS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "countries": (
        ["country_share_of_all", "country_share_of_all_low", "country_share_of_all_high"],
        ["country"],
        [ONE_SLICE],
    ),
    "days": (["country_share_of_all"], ["metric_time__day", "country"], [ONE_SLICE]),
    "months": (["country_downloads"], ["metric_time__month", "slice"], []),
    "regions": (
        ["country_share_of_all", "country_share_of_all_high"],
        ["country__country_name"],
        [ONE_SLICE, "{{ Entity('country') }} in ('CN', 'US')"],
    ),
    "two countries": (
        ["country_share_of_all", "country_share_of_all_high"],
        [],
        [ONE_SLICE, "{{ Entity('country') }} in ('CN', 'US')"],
    ),
    "two windows": (
        ["country_share_of_all", "country_downloads", "downloads_attributed_share"],
        [],
        [],
    ),
    "two cohorts": (
        ["organization_share_of_all", "organization_downloads"],
        ["organization", "organization_share__window_name"],
        [],
    ),
    "coverage": (["downloads_attributed_share", "country_downloads"], ["slice"], []),
    "organizations": (["organization_share_of_all"], ["organization"], [ONE_SLICE]),
    "launches": (["launches", "releases"], ["metric_time__month"], []),
    "launch types": (["launches"], ["release_cadence__release_type"], []),
    "country launches": (["country_launches"], ["country"], []),
    "rhythm": (["median_days_between_launches"], ["organization"], []),
    "rhythm of all": (["median_days_between_launches", "p90_days_between_launches"], [], []),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that shows one generation."""
    ensure_manifest()
    root = tmp_path_factory.mktemp("metrics") / "home"
    generation = root / "published" / "20260822T060000Z-00000000"
    generation.mkdir(parents=True)
    example_publication.write(generation / "observatory.duckdb")
    (root / "published" / "current").symlink_to(generation.name)
    return root


@pytest.fixture(scope="module")
def asked(home: Path) -> dict[str, Any]:
    """What MetricFlow lists, and its answers."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.asked_metrics"],
        input=json.dumps(list(QUESTIONS.values())),
        cwd=CHECKOUT,
        env=environment_for(home),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"answers": dict(zip(QUESTIONS, found["answers"], strict=True))}


@pytest.fixture(scope="module")
def answers(asked: dict[str, Any]) -> dict[str, Rows]:
    found: dict[str, Rows] = asked["answers"]
    return found


@pytest.fixture(scope="module")
def tables(home: Path) -> dict[str, pd.DataFrame]:
    with duckdb.connect(
        str(home / "published" / "current" / "observatory.duckdb"), read_only=True
    ) as connection:
        names = [row[0] for row in connection.execute("show tables").fetchall()]
        return {name: connection.table(name).df() for name in names}


@pytest.fixture(scope="module")
def shares(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return tables["fct_country_share_daily"].assign(slice=named_slice)


def by(rows: Rows, key: str, value: str) -> dict[Any, Any]:
    return {row[key]: row[value] for row in rows}


def named_slice(frame: pd.DataFrame) -> pd.Series[str]:
    first, *others = SLICE
    return frame[first].str.cat(frame[others], sep=" ")


def of_the_slice(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[named_slice(frame) == HEADLINE]


def headline(frame: pd.DataFrame) -> pd.DataFrame:
    kept = of_the_slice(frame)
    newest: pd.Series[bool] = kept["snapshot_date"] == kept["snapshot_date"].max()
    return kept[newest]


def test_a_share_is_that_of_the_newest_day(answers: dict[str, Rows], shares: pd.DataFrame) -> None:
    expected = headline(shares).set_index("country_key")
    for metric in ("share_of_all", "share_of_all_low", "share_of_all_high"):
        found = by(answers["countries"], "country", f"country_{metric}")
        assert (
            found == expected[metric].astype(object).where(expected[metric].notna(), None).to_dict()
        )


def test_a_share_of_each_day_is_that_of_the_mart(
    answers: dict[str, Rows], shares: pd.DataFrame
) -> None:
    rows = of_the_slice(shares)
    found = {
        (row["metric_time__day"][:10], row["country"]): row["country_share_of_all"]
        for row in answers["days"]
    }
    days = rows["snapshot_date"].dt.strftime("%Y-%m-%d")
    expected = dict(
        zip(zip(days, rows["country_key"], strict=True), rows["share_of_all"], strict=True)
    )
    assert found == expected


def test_downloads_of_a_month_are_those_of_its_last_day(
    answers: dict[str, Rows], shares: pd.DataFrame
) -> None:
    month = shares["snapshot_date"].dt.strftime("%Y-%m-01")
    last = shares.groupby(month)["snapshot_date"].transform("max")
    expected = (
        shares[shares["snapshot_date"] == last]
        .groupby([month, "slice"])["downloads"]
        .sum(min_count=1)
    )
    assert len(expected) > 40
    for row in answers["months"]:
        value = expected[row["metric_time__month"][:10], row["slice"]]
        assert row["country_downloads"] == (None if pd.isna(value) else pytest.approx(value))
    assert len(answers["months"]) == len(expected)


def test_shares_add_up_over_countries_and_bands_do_not(
    answers: dict[str, Rows], shares: pd.DataFrame
) -> None:
    (row,) = answers["two countries"]
    two = headline(shares).set_index("country_key").loc[["CN", "US"]]
    assert row["country_share_of_all"] == pytest.approx(two["share_of_all"].sum())
    assert row["country_share_of_all_high"] is None
    named = by(answers["regions"], "country__country_name", "country_share_of_all_high")
    assert named == {
        "China": two["share_of_all_high"]["CN"],
        "United States": two["share_of_all_high"]["US"],
    }


def test_slices_never_add_up(answers: dict[str, Rows]) -> None:
    (row,) = answers["two windows"]
    assert set(row.values()) == {None}
    assert len(answers["two cohorts"]) > 100
    for row in answers["two cohorts"]:
        assert row["organization_share_of_all"] is None
        assert row["organization_downloads"] is None


def test_coverage_stands_beside_the_downloads_of_its_slice(
    answers: dict[str, Rows], tables: dict[str, pd.DataFrame], shares: pd.DataFrame
) -> None:
    coverage = tables["fct_mapping_coverage_daily"]
    newest = coverage[coverage["snapshot_date"] == coverage["snapshot_date"].max()]
    expected = dict(zip(named_slice(newest), newest["downloads_attributed_share"], strict=True))
    found = by(answers["coverage"], "slice", "downloads_attributed_share")
    assert set(found) == set(expected) == set(shares["slice"])
    for name, value in expected.items():
        assert found[name] == (None if pd.isna(value) else value)


def test_organizations_are_those_of_the_newest_day(
    answers: dict[str, Rows], tables: dict[str, pd.DataFrame]
) -> None:
    expected = headline(tables["fct_organization_share_daily"]).groupby("organization")
    found = by(answers["organizations"], "organization", "organization_share_of_all")
    assert found == pytest.approx(expected["share_of_all"].sum().to_dict())


def test_launches_are_counted_once(
    answers: dict[str, Rows], tables: dict[str, pd.DataFrame]
) -> None:
    weekly = tables["fct_release_cadence_weekly"]
    single = weekly[(weekly["release_type"] != "all") & (weekly["organization"] != "(all)")]
    for metric in ("launches", "releases"):
        months = single.groupby(single["week_start_date"].dt.strftime("%Y-%m"))
        found = by(answers["launches"], "metric_time__month", metric)
        assert {month[:7]: value for month, value in found.items()} == (
            months[f"{metric}_count"].sum().to_dict()
        )
    types = by(answers["launch types"], "release_cadence__release_type", "launches")
    assert types == single.groupby("release_type")["launches_count"].sum().to_dict()
    countries = tables["fct_country_cadence_weekly"]
    countries = countries[countries["release_type"] != "all"]
    assert by(answers["country launches"], "country", "country_launches") == (
        countries.groupby("country_key")["launches_count"].sum().to_dict()
    )


def test_medians_are_of_one_organization(
    answers: dict[str, Rows], tables: dict[str, pd.DataFrame]
) -> None:
    rhythm = tables["fct_organization_cadence_daily"]
    newest = rhythm[rhythm["snapshot_date"] == rhythm["snapshot_date"].max()]
    expected = dict(
        zip(newest["organization"], newest["median_days_between_launches"], strict=True)
    )
    found = by(answers["rhythm"], "organization", "median_days_between_launches")
    assert {name: value for name, value in found.items() if value is not None} == {
        name: value for name, value in expected.items() if not pd.isna(value)
    }
    assert [set(row.values()) for row in answers["rhythm of all"]] == [{None}]


def test_what_metrics_are_made_of_is_not_listed(asked: dict[str, Any]) -> None:
    listed = set(asked["listed"])
    assert {
        "country_share_of_all",
        "country_downloads",
        "launches",
        "median_days_between_launches",
        "downloads_attributed_share",
    } <= listed
    assert not [name for name in listed if name.endswith(("_summed", "_rows", "_of_one"))]


def test_the_command_answers(home: Path, tmp_path: Path, shares: pd.DataFrame) -> None:
    answer = tmp_path / "answer.csv"
    query = ["query", "--metrics", "country_share_of_all", "--group-by", "country"]
    ended = observatory(home, "metrics", *query, "--where", ONE_SLICE, "--csv", str(answer))
    assert ended.code == 0, ended.out + ended.err
    found = pd.read_csv(answer, keep_default_na=False).set_index("country")
    expected = headline(shares).set_index("country_key")["share_of_all"]
    pd.testing.assert_series_equal(
        found["country_share_of_all"].sort_index(), expected.sort_index(), check_names=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "--metrics", "launches,country_share_of_all_summed"],
        ["query", "--metrics=median_days_of_one"],
        ["query", "--metrics", "launches", "--where", "{{ Metric('rhythm_rows', ['slice']) }} > 1"],
    ],
)
def test_a_part_of_a_metric_is_refused(home: Path, arguments: list[str]) -> None:
    with pytest.raises(Refusal, match="a part of a metric"):
        metrics.command(Home(home), arguments)


@pytest.mark.usefixtures("home")
def test_without_a_publication_the_command_refuses(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="nothing is published"):
        metrics.command(Home(tmp_path), ["list", "metrics"])
    command, environment = metrics.command(Home(tmp_path), ["query", "--help"])
    told = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert "--group-by" in told.stdout
