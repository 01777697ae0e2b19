"""What is said of a publication in words and tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestration import reporting, status
from orchestration.defs.publish.describe import describe
from orchestration.home import Home, Universe
from orchestration.publication.diff import Diff
from orchestration.publication.swap import Publication
from tests.unit.published_home import COUNTRIES, Rows, publish


def country(
    name: str, share: float | None, low: float | None, high: float | None, rank: int = 1
) -> dict[str, Any]:
    return {
        "country_name": name,
        "rank": rank,
        "share_of_all": share,
        "share_of_all_low": low,
        "share_of_all_high": high,
    }


CHINA = country("China", 0.336, 0.226, 0.424)
UNKNOWN = country("Individuals", 0.25, None, None)


@pytest.mark.parametrize(
    ("high", "doubt"), [(0.2259, "beyond"), (0.226, "not beyond"), (0.401, "not beyond")]
)
def test_a_lead_is_beyond_doubt_where_the_bands_do_not_meet(high: float, doubt: str) -> None:
    other = country("United States", 0.206, 0.198, high, rank=2)
    told = reporting.who_leads([CHINA, other])
    assert told == (
        f"China 33.6% (22.6% to 42.4%) before United States 20.6% (19.8% to {high:.1%}), "
        f"{doubt} doubt"
    )


@pytest.mark.parametrize(
    ("high", "doubt"),
    [
        (0.2259, "beyond doubt"),
        (0.23, "but Germany could be first (up to 23.0%)"),
        (0.448, "but France could be first (up to 44.8%)"),
    ],
)
def test_a_smaller_country_of_which_more_is_in_doubt_can_be_first(high: float, doubt: str) -> None:
    """Named is who would be first then: whose band goes furthest, not the larger of two."""
    others = [
        country("United States", 0.206, 0.198, 0.21, rank=2),
        country("Germany", 0.1, 0.1, min(high, 0.23), rank=3),
        country("France", 0.05, 0.05, high if high > 0.23 else 0.05, rank=4),
    ]
    assert reporting.who_leads([CHINA, *others]).endswith(f"(19.8% to 21.0%), {doubt}")


def test_a_third_is_named_also_where_the_second_could_be_first() -> None:
    others = [country("US", 0.3, 0.2, 0.35, rank=2), country("France", 0.1, 0.1, 0.4, rank=3)]
    assert reporting.who_leads([CHINA, *others]).endswith(
        ", but France could be first (up to 40.0%)"
    )


def test_countries_of_one_rank_are_level() -> None:
    """That neither is before the other is no doubt."""
    other = country("United States", 0.336, 0.336, 0.336)
    third = country("Germany", 0.1, 0.1, 0.448, rank=3)
    told = "China 33.6% (22.6% to 42.4%) level with United States 33.6% (33.6% to 33.6%)"
    assert reporting.who_leads([CHINA, other]) == told
    assert reporting.who_leads([CHINA, other, third]) == (
        f"{told}, but Germany could be first (up to 44.8%)"
    )


def test_who_is_alone_is_before_nobody_and_nobody_leads_what_is_not_measured() -> None:
    alone = "China 33.6% (22.6% to 42.4%), and no other country has any"
    assert reporting.who_leads([CHINA]) == alone
    assert reporting.who_leads([CHINA, country("United States", 0.0, 0.0, 0.1, rank=2)]) == alone
    assert reporting.who_leads([]) == "nobody can be measured yet"


def test_a_change_is_told_in_points_and_a_missing_one_not_as_nothing() -> None:
    """0.1 points of 33.6 % are 0.3 % of it: a change in per cent would be read as either."""
    assert [reporting.points(value) for value in (-0.001, 0.0333, 0.0, None)] == [
        "-0.10",
        "+3.33",
        "+0.00",
        "-",
    ]


@pytest.mark.parametrize(("left", "told"), [(0, False), (12, True)])
def test_a_table_that_does_not_show_all_rows_says_what_the_others_have(
    left: int, told: bool
) -> None:
    shown = caption([CHINA, UNKNOWN], left=left)
    assert ("12 smaller rows, not shown: 41.4% together" in shown) is told


def test_a_reason_is_that_of_the_row_where_others_are_measured() -> None:
    silent = country("France", None, None, None) | {"null_reason": "not recorded"}
    assert "not measurable: France, not recorded" in caption([CHINA, silent])
    assert "not measurable: not recorded" in caption([silent])


def caption(rows: list[dict[str, Any]], left: int = 0) -> str:
    """What stands below the table of `rows`."""
    unsaid = (
        "share_change_7d", "null_reason", "share_of_attributed",
        "share_of_all_without_largest_model", "downloads",
    )  # fmt: skip
    coverage = dict.fromkeys(
        (
            "downloads_attributed_share",
            "downloads_with_known_lineage_share",
            "organizations_mapped_count",
            "unattributed_top_organization",
        )
    )
    shares = reporting.CountryShares(
        date(2026, 10, 31),
        Universe("world", "demo"),
        reporting.Slice(),
        [dict.fromkeys(unsaid) | {"history": []} | row for row in rows],
        left,
        countries=[],
        coverage=coverage,
        provisional_days=0,
    )
    return str(reporting.shares_table(shares).caption)


NEWEST = date(2026, 10, 31)
SLICE = {"window_name": "7d", "attribution": "publisher", "cohort": "all", "scope": "all"}
LEADERS = [
    {"country_key": "CN", "downloads": 500.0, **country("China", 0.2, 0.1, 0.3)},
    {"country_key": "US", "downloads": 500.0, **country("United States", 0.15, 0.1, 0.2, 2)},
]


def unplaced(count: int) -> list[dict[str, Any]]:
    """Rows without a country, larger than the leaders."""
    return [
        {"country_key": f"unattributed_{number}", "downloads": 900.0, "share_of_all": 0.02}
        for number in range(count)
    ]


def published(root: Path, rows: Sequence[dict[str, Any]], window: str = "7d") -> Home:
    """A home with `rows` of country shares published, of the newest day where they name none."""
    home = Home(root)
    day = {"snapshot_date": NEWEST, **SLICE, "window_name": window}
    unnamed = {row["country_key"] for row in rows} - {row["country_key"] for row in COUNTRIES}
    tables: dict[str, Rows] = {
        "dim_countries": [
            *COUNTRIES,
            *({"country_key": key, "country_name": key} for key in unnamed),
        ],
        "fct_country_share_daily": [day | {"is_provisional": False} | row for row in rows],
        "fct_mapping_coverage_daily": [day],
    }
    publish(home, NEWEST, tables)
    return home


@pytest.mark.parametrize(
    ("ages", "told"),
    [
        ([0, 1, 2], "newest 3 days provisional: later snapshots may still repair them"),
        ([0, 2], "newest 3 days provisional: later snapshots may still repair them"),
        ([0], "newest day provisional: later snapshots may still repair it"),
        ([], ""),
    ],
)
def test_figures_that_may_still_be_repaired_say_so(
    tmp_path: Path, ages: list[int], told: str
) -> None:
    rows = [
        {
            "snapshot_date": NEWEST - timedelta(age),
            "country_key": "CN",
            "share_of_all": 0.3,
            "is_provisional": age in ages,
        }
        for age in {*ages, 0, 3, 4}
    ]
    shares = reporting.country_shares(published(tmp_path, rows), reporting.Slice("7d"))
    assert shares.to_dict()["is_provisional"] is bool(ages)
    assert shares.to_dict()["provisional_days"] == (max(ages) + 1 if ages else 0)
    title = str(reporting.shares_table(shares).title)
    assert title.splitlines()[2:] == ([told] if told else [])


def test_what_is_not_measurable_is_not_called_provisional(tmp_path: Path) -> None:
    rows = [{"country_key": "CN", "is_provisional": True, "null_reason": "not recorded"}]
    shares = reporting.country_shares(published(tmp_path, rows), reporting.Slice("7d"))
    assert shares.to_dict()["is_provisional"] is False


def test_the_runs_numbers_are_those_of_who_leads(tmp_path: Path) -> None:
    """Also where larger rows without a country fill the table."""
    home = published(tmp_path, [*unplaced(15), *LEADERS], "30d")
    folder = reporting.published_folder(home)
    changes = Diff(None, folder.name, days_removed=["2026-08-04"])
    told = describe(home, Publication(folder.name, folder, True, {}, diff=changes))
    assert told["days_withdrawn"] == ["2026-08-04"]
    lines = told["who_leads"].value.splitlines()
    assert " ".join(map(str.strip, lines)).startswith(
        "China 20.0% (10.0% to 30.0%) before United States"
    )
    assert max(map(len, lines)) <= 38, "the UI cuts what is longer"
    assert (told["leader_share"], told["gap_to_second"]) == (0.2, 0.05)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "days added: none"),
        (2, "days added: 2026-10-01, 2026-10-02"),
        (
            14,
            "days added: 14, the newest of them "
            "2026-10-10, 2026-10-11, 2026-10-12, 2026-10-13, 2026-10-14",
        ),
    ],
)
def test_all_days_that_were_added_are_counted(tmp_path: Path, count: int, told: str) -> None:
    home = published(tmp_path, LEADERS, "30d")
    folder = reporting.published_folder(home)
    days = [f"2026-10-{day:02}" for day in range(1, count + 1)]
    change = Diff(old="before", new=folder.name, days_added=days)
    published_now = Publication(folder.name, folder, True, {}, diff=change)
    shown = describe(home, published_now)["changes"].value
    assert told in shown.splitlines()[0].split("; ")


@pytest.mark.parametrize("most", [1, 2, 4, 15])
def test_who_leads_does_not_depend_on_how_many_rows_are_shown(tmp_path: Path, most: int) -> None:
    home = published(tmp_path, [*unplaced(3), *LEADERS], "30d")
    shares = reporting.country_shares(home, reporting.Slice(), most)
    told = "China 20.0% (10.0% to 30.0%) before United States 15.0% (10.0% to 20.0%), not beyond"
    assert len(shares.rows) == min(most, 5)
    assert told in str(reporting.shares_table(shares).caption)
    screen = Console(file=io.StringIO(), width=200)
    screen.print(status.screen(status.status(home)))
    assert told in screen.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("most", "left", "share"), [(3, 2, 0.35), (4, 1, 0.15), (5, 0, 0.0)])
def test_the_document_says_what_it_leaves_out(
    tmp_path: Path, most: int, left: int, share: float
) -> None:
    rows = [row | {"share_of_all": 0.65 / 3} for row in unplaced(3)]
    home = published(tmp_path, [*rows, *LEADERS], "30d")
    told = reporting.country_shares(home, reporting.Slice(), most).to_dict()
    assert len(told["countries"]) == most
    assert (told["rows_left"], told["share_of_rows_left"]) == (left, share)
    assert told["provisional_days"] == 0


@pytest.mark.parametrize(
    ("share", "told"), [(0.5, "no download has a country"), (None, "nobody can be measured yet")]
)
@pytest.mark.parametrize("countries", [[], LEADERS])
def test_what_has_no_country_is_not_called_unmeasured(
    tmp_path: Path, countries: list[dict[str, Any]], share: float | None, told: str
) -> None:
    """Nor does a country lead whose models nobody downloads."""
    nothing = None if share is None else 0.0
    unshared = dict.fromkeys(("share_of_all", "share_of_all_low", "share_of_all_high"), nothing)
    rows = [row | {"share_of_all": share} for row in unplaced(2)]
    rows += [row | unshared | {"downloads": nothing} for row in countries]
    home = published(tmp_path, rows, "30d")
    assert reporting.country_shares(home, reporting.Slice()).who_leads == told
    assert status.status(home)["who_leads"] == told


@pytest.mark.parametrize(
    ("ages", "days", "line"),
    [
        ([40, 29, 28, 2, 0], 30, "▁▂" + " " * 25 + "▄ █"),
        ([4, 3, 0], 5, "▁▃  █"),
        ([0], 1, "▁"),
    ],
)
def test_a_line_of_days_has_a_place_for_each_that_is_missing(
    tmp_path: Path, ages: list[int], days: int, line: str
) -> None:
    rows = [
        {
            "snapshot_date": NEWEST - timedelta(age),
            "country_key": "CN",
            "share_of_all": 2**place / 100,
        }
        for place, age in enumerate(ages)
    ]
    # The first day of the publication is not the first of each country.
    rows.append(rows[-1] | {"country_key": "US"})
    shares = reporting.country_shares(published(tmp_path, rows), reporting.Slice("7d"))
    table = reporting.shares_table(shares)
    (column,) = (one for one in table.columns if one.header == f"last {days} days")
    assert list(column.cells) == [line, " " * (days - 1) + "▁"]


@pytest.mark.parametrize(
    ("ages", "days", "line"), [([20, 13, 2, 0], 14, "▁··········▃·█"), ([3, 0], 4, "▁··█")]
)
def test_the_run_shows_missing_days_too(
    tmp_path: Path, ages: list[int], days: int, line: str
) -> None:
    rows = [
        {
            "snapshot_date": NEWEST - timedelta(age),
            "country_key": "CN",
            **dict.fromkeys(("share_of_all", "share_of_all_low", "share_of_all_high"), share),
        }
        for share, age in zip((0.1, 0.2, 0.4, 0.8), ages, strict=False)
    ]
    home = published(tmp_path, rows, "30d")
    folder = reporting.published_folder(home)
    shown = describe(home, Publication(folder.name, folder, True, {}))["top_countries"].value
    heading, _, row = shown.splitlines()
    assert heading.endswith(f"| {days} days |")
    assert row.endswith(f"| {line} |")
