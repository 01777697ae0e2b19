"""The sentences on top of the first page: who leads by publisher and by origin, and how surely."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from dashboard import words
from dashboard.pages import leaders
from dashboard.publication import Publication
from dashboard.site import Site
from tests.browser import example_publication
from tests.browser.example_publication import LAST_DAY, MANIFEST

# By country: share, low and high.
Shares = Mapping[str, tuple[float, float, float]]
CHINA_FIRST: Shares = {"CN": (0.4, 0.38, 0.45), "US": (0.3, 0.28, 0.35)}
CHINA_PERHAPS: Shares = {"CN": (0.4, 0.3, 0.45), "US": (0.3, 0.28, 0.35)}
STATES_FIRST: Shares = {"US": (0.4, 0.38, 0.45), "FR": (0.3, 0.28, 0.35)}
STATES_PERHAPS: Shares = {"US": (0.4, 0.3, 0.45), "FR": (0.3, 0.28, 0.35)}
A_THIRD_PERHAPS: Shares = {**CHINA_FIRST, "FR": (0.2, 0.1, 0.38)}
LEVEL: Shares = {"CN": (0.4, 0.3, 0.45), "US": (0.4, 0.28, 0.42)}

BY_ORIGIN = "Counted by where the base model comes from,"
SURELY = ", ahead however doubtful homes are settled."
FOLLOWS = "The United States follows with 30.0 % (28.0-35.0 %)."


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("headline")
    return example_publication.write(folder / "observatory.duckdb", small=True)


def top(database: Path, folder: Path, shares: Mapping[str, Shares]) -> tuple[str, str]:
    """Headline and lede where the countries of each attribution have `shares`, others nothing."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "update fct_country_share_daily set share_of_all = 0, rank = 99, share_of_all_low = 0, "
            "share_of_all_high = 0 where snapshot_date = ? and country_code is not null",
            [LAST_DAY],
        )
        for attribution, countries in shares.items():
            for country, (share, low, high) in countries.items():
                rank = 1 + sum(other > share for other, _, _ in countries.values())
                connection.execute(
                    "update fct_country_share_daily set share_of_all = ?, share_of_all_low = ?, "
                    "share_of_all_high = ?, rank = ? "
                    "where snapshot_date = ? and attribution = ? and country_key = ?",
                    [share, low, high, rank, LAST_DAY, attribution, country],
                )
    with Publication(database) as publication:
        leaders.write(Site(publication, folder, MANIFEST))
    page = (folder / "index.html").read_text(encoding="utf-8")
    headline, lede = (
        re.search(rf"<{tag}>(.*?)</{tag[:2].strip()}>", page, flags=re.DOTALL)
        for tag in ("h1", 'p class="lede"')
    )
    assert headline and lede
    return _words(headline[1]), _words(lede[1])


def _words(markup: str) -> str:
    text = html.unescape(re.sub(r"<[^>]*>", "", markup)).replace(words.TO, "-")
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("publisher", "origin", "headline", "lede"),
    [
        (
            CHINA_FIRST,
            CHINA_PERHAPS,
            "China leads with 40.0 % of this world's downloads (38.0-45.0 %)" + SURELY,
            f"{FOLLOWS} {BY_ORIGIN} China leads too, with 40.0 % (30.0-45.0 %), too close to "
            "call against the United States.",
        ),
        (
            CHINA_PERHAPS,
            CHINA_FIRST,
            "China leads with 40.0 % of this world's downloads (30.0-45.0 %), too close to call "
            "against the United States.",
            f"{FOLLOWS} {BY_ORIGIN} China leads too, with 40.0 % (38.0-45.0 %){SURELY}",
        ),
        (
            CHINA_FIRST,
            STATES_FIRST,
            "China leads with 40.0 % of this world's downloads (38.0-45.0 %)" + SURELY,
            f"{FOLLOWS} {BY_ORIGIN} the order is another: the United States leads with 40.0 % "
            f"(38.0-45.0 %){SURELY}",
        ),
        (
            CHINA_FIRST,
            STATES_PERHAPS,
            "China leads with 40.0 % of this world's downloads (38.0-45.0 %)" + SURELY,
            f"{FOLLOWS} {BY_ORIGIN} the order is another: the United States leads with 40.0 % "
            "(30.0-45.0 %), too close to call against France.",
        ),
        (
            A_THIRD_PERHAPS,
            {**A_THIRD_PERHAPS, "GB": (0.1, 0.0, 0.42)},
            "China leads with 40.0 % of this world's downloads (38.0-45.0 %), but France could be "
            "first (up to 38.0 %).",
            f"{FOLLOWS} {BY_ORIGIN} China leads too, with 40.0 % (38.0-45.0 %), but the United "
            "Kingdom could be first (up to 42.0 %).",
        ),
        (
            CHINA_FIRST,
            LEVEL,
            "China leads with 40.0 % of this world's downloads (38.0-45.0 %)" + SURELY,
            f"{FOLLOWS} {BY_ORIGIN} China is level with the United States, at 40.0 % "
            "(30.0-45.0 %).",
        ),
        (
            LEVEL,
            STATES_FIRST,
            "China is level with the United States, at 40.0 % of this world's downloads "
            "(30.0-45.0 %).",
            "The United States has as much (28.0-42.0 %). "
            f"{BY_ORIGIN} the United States leads with 40.0 % (38.0-45.0 %){SURELY}",
        ),
    ],
    ids=[
        "the same, perhaps",
        "the same, surely",
        "another, surely",
        "another, perhaps",
        "a third, perhaps",
        "level by origin",
        "level by publisher",
    ],
)
def test_each_lead_is_held_against_its_own_runner_up(
    database: Path, tmp_path: Path, publisher: Shares, origin: Shares, headline: str, lede: str
) -> None:
    told = top(database, tmp_path, {"publisher": publisher, "base_model": origin})
    assert told == (headline, lede)


@pytest.mark.parametrize(
    ("shares", "note"),
    [
        (CHINA_FIRST, "certain: +3.0 to +17.0"),
        (CHINA_PERHAPS, "not beyond doubt: \u22125.0 to +17.0"),
        (LEVEL, "level: \u221212.0 to +17.0"),
    ],
    ids=["surely", "perhaps", "level"],
)
def test_a_lead_says_how_sure_it_is_and_where_it_is_none(
    database: Path, tmp_path: Path, shares: Shares, note: str
) -> None:
    top(database, tmp_path, {"publisher": shares, "base_model": shares})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count(f'<dd class="note">{note}</dd>') == 2


CHINA_ALONE: Shares = {"CN": (0.4, 0.3, 0.45)}
ALONE = "China has 40.0 % of this world's downloads (30.0-45.0 %)."


@pytest.mark.parametrize(
    ("publisher", "origin", "headline", "lede"),
    [
        (
            CHINA_ALONE,
            CHINA_ALONE,
            ALONE,
            f"That is all that has a country; there is no other. {BY_ORIGIN} China has 40.0 % "
            "(30.0-45.0 %), and no other country has any.",
        ),
        (
            CHINA_ALONE,
            STATES_FIRST,
            ALONE,
            f"That is all that has a country; there is no other. {BY_ORIGIN} the order is another: "
            f"the United States leads with 40.0 % (38.0-45.0 %){SURELY}",
        ),
        (
            {},
            {},
            "No download of this window has a country",
            "All are those of individuals, of international communities or of unknown homes. "
            f"{BY_ORIGIN} no download has a country.",
        ),
    ],
    ids=["one country", "one by publisher", "no country"],
)
@pytest.mark.parametrize("idle", [True, False], ids=["others idle", "others absent"])
def test_one_country_or_none_is_not_called_unmeasured(
    database: Path,
    tmp_path: Path,
    publisher: Shares,
    origin: Shares,
    headline: str,
    lede: str,
    idle: bool,
) -> None:
    own = Path(shutil.copy(database, tmp_path / "own.duckdb"))
    if not idle:
        with duckdb.connect(str(own)) as connection:
            connection.execute(
                "delete from fct_country_share_daily where country_code is not null "
                "and not list_contains(?, country_key)",
                [[*publisher, *origin]],
            )
    told = top(own, tmp_path / "site", {"publisher": publisher, "base_model": origin})
    assert told == (headline, lede)
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    shown = {key for key in ("ranges", "share", "gap") if f'id="{key}"' in page}
    assert shown == ({"ranges", "share"} if publisher else set())
    assert ("All countries" in page) is (bool(publisher) or idle)
