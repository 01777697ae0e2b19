"""The site as files: complete, inert, honest about what is missing, true to the SQL it shows."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import html
import json
import re
import time
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from dashboard import __main__ as command
from dashboard import build, spreadsheet, words
from orchestration.gates.tables import REQUIRED, TABLES
from tests.browser import example_publication
from tests.browser.example_publication import LAST_DAY

OPTIONAL = [name for name in TABLES if name not in REQUIRED]


class Links(HTMLParser):
    """What a page points at."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def _texts(site: Path) -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8")
        for suffix in ("html", "js", "csv")
        for path in site.rglob(f"*.{suffix}")
        if path.parent.name != "assets"
    }


def test_only_its_folder_is_written(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    spent = time.process_time()
    index = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST)
    assert time.process_time() - spent <= 20
    assert index == tmp_path / "dashboard" / "index.html"
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    assert {path.name for path in tmp_path.iterdir()} == {"observatory.duckdb", "dashboard"}


def test_links_lead_somewhere(site: Path, publication: Path) -> None:
    with duckdb.connect(str(publication), read_only=True) as connection:
        tables = {
            row[0]
            for row in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
    beside = {f"{table}.parquet" for table in tables} | {"observatory.duckdb"}
    for page in site.rglob("*.html"):
        links = Links()
        links.feed(page.read_text(encoding="utf-8"))
        assert links.found
        for link in links.found:
            assert not re.match(r"(?i)(https?:)?//|javascript:", link), (page, link)
            if link.startswith(("data:", "#")):
                continue
            target = (page.parent / link.split("#")[0]).resolve()
            # The twins lie beside the dashboard, where the publication puts them.
            there = target.name in beside and target.parent == site.parent
            assert there or target.is_file(), (page.name, link)


def test_a_twin_of_weeks_is_named_and_no_download(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    twin = "fct_organization_share_daily.parquet"
    (tmp_path / twin).mkdir()
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    for page in site.rglob("*.html"):
        links = Links()
        links.feed(page.read_text(encoding="utf-8"))
        assert [link for link in links.found if link.endswith(twin)] == [], page
    for name in ("organizations", "about"):
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        assert f"{twin}/, a file a week" in text
        assert 'observatory.duckdb" download>observatory.duckdb</a>' in text
        assert 'fct_country_share_daily.parquet" download' in text or name == "organizations"


def test_links_within_a_page_lead_to_a_part_of_it(site: Path, tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from fct_claims where verdict_today = 'undecided'")
    without = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    for page in [*site.rglob("*.html"), *without.rglob("*.html")]:
        text = page.read_text(encoding="utf-8")
        ids = set(re.findall(r' id="([^"]*)"', text))
        assert set(re.findall(r'href="#([^"]+)"', text)) <= ids, page
    text = (without / "claims.html").read_text(encoding="utf-8")
    assert "<strong>0</strong> undecided" in text


def test_the_models_that_are_drawn_are_counted(site: Path) -> None:
    text = (site / "families.html").read_text(encoding="utf-8")
    figure = text[text.index('id="adoption"') :]
    figure = figure[: figure.index("</figure>")]
    key = figure[figure.index('<ul class="key">') : figure.index("</ul>")]
    assert key.count("<li ") == 8
    assert "the 8 received best of those with known parameters" in figure


def test_text_of_the_data_is_inert(site: Path) -> None:
    seen = 0
    for path, text in _texts(site).items():
        # In a data file a string is only ever drawn as text.
        assert "<script>alert" not in text or path.suffix != ".html", path
        seen += "&lt;script&gt;alert" in text
        bad = {
            letter
            for letter in text
            if unicodedata.category(letter) in ("Cc", "Cf") and letter not in "\n\r\t\xad"
        }
        assert not bad or path.suffix == ".csv", (path, bad)
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.reader(file):
                    for cell in row:
                        formula = cell.lstrip(" ").startswith(
                            ("=", "+", "-", "@", "|", "%", "\t", "\r")
                        )
                        assert not formula or float(cell) < 0, (path, cell)
    assert seen > 3


@pytest.mark.parametrize("text", ["=1+1", " =1", "+1", "-x", "@a", "|a", "%a", "\t=1", "\r=1"])
def test_formulas_are_quoted_numbers_are_not(text: str) -> None:
    assert spreadsheet.inert(text) == f"'{text}"
    assert spreadsheet.inert(-1.5) == -1.5
    assert spreadsheet.inert("Qwen-2.5") == "Qwen-2.5"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (999, "999"),
        (1_000, "1 thousand"),
        (999_400, "999 thousand"),
        (999_700, "1 million"),
        (999_600_000, "1 billion"),
        (999_500_000_000, "1 trillion"),
        (2_214_000_000, "2.21 billion"),
    ],
)
def test_a_large_number_has_the_unit_of_what_is_shown(number: int, shown: str) -> None:
    assert words.magnitude(number) == shown


def test_sql_beside_a_chart_gives_its_csv(site: Path, publication: Path) -> None:
    pattern = re.compile(
        r'href="((?:\.\./)?data/[^"]+\.csv)".*?<code>(.*?)</code>', flags=re.DOTALL
    )
    pages = [*site.glob("*.html"), *sorted((site / "organization").glob("*.html"))[:3]]
    asked = 0
    with duckdb.connect(str(publication), read_only=True) as connection:
        for page in pages:
            for link, sql in pattern.findall(page.read_text(encoding="utf-8")):
                answer = connection.execute(html.unescape(sql)).fetchall()
                with (page.parent / link).open(newline="", encoding="utf-8") as file:
                    rows = list(csv.reader(file))[1:]
                assert len(rows) == len(answer) > 0, (page.name, link)
                for row, wanted in zip(rows, answer, strict=True):
                    for cell, value in zip(row, wanted, strict=True):
                        if isinstance(value, float):
                            assert float(cell) == pytest.approx(value, rel=1e-9)
                        elif isinstance(value, str):
                            assert cell.removeprefix("'") == value.removeprefix("'")
                asked += 1
    assert asked >= 15


def test_names_that_differ_by_case_have_pages_of_their_own(site: Path) -> None:
    files = [path.name for path in (site / "organization").iterdir()]
    assert len(files) == len({name.lower() for name in files}) == 100


def test_an_owner_moved_as_far_as_the_sum_of_its_namespaces(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    table = "fct_organization_share_daily"
    today, before = LAST_DAY, LAST_DAY - dt.timedelta(7)
    with duckdb.connect(str(database)) as connection:
        old, new, known, unknown = connection.execute(
            f"select organization from {table} "
            "where snapshot_date = ? and attribution = 'publisher' and rank <= 4 order by rank",
            [today],
        ).fetchall()
        # Half of what the old namespace had went to a new one of its owner.
        for day, (name,), share, change in (
            (before, old, 0.3, None),
            (today, old, 0.15, -0.15),
            (today, new, 0.15, None),
        ):
            connection.execute(
                f"update {table} set parent = 'the-owner', share_of_all = ?, share_change_7d = ? "
                "where snapshot_date = ? and attribution = 'publisher' and organization = ?",
                [share, change, day, name],
            )
        connection.execute(
            f"delete from {table} where snapshot_date < ? and organization = ?", [today, *new]
        )
        # Of another owner one of two namespaces was not measured then.
        connection.execute(
            f"update {table} set parent = 'half-known' where organization in (?, ?)",
            [*known, *unknown],
        )
        connection.execute(
            f"update {table} set share_of_all = null, null_reason = 'no_history' "
            "where snapshot_date = ? and organization = ?",
            [before, *unknown],
        )
    build.write(database, tmp_path / "dashboard", example_publication.MANIFEST)
    path = tmp_path / "dashboard" / "data" / "organizations-30d-all-all-owners.csv"
    with path.open(newline="", encoding="utf-8") as file:
        first, *others = csv.DictReader(file)
    assert (first["owner"], first["namespaces_count"]) == ("the-owner", "2")
    assert float(first["share_of_all"]) == 0.3
    assert float(first["share_change_7d"]) == 0
    assert [row["owner"] for row in others if not row["share_change_7d"]] == ["half-known"]


@pytest.mark.parametrize(
    ("row", "share", "says"),
    [
        # Its country is told in full: nothing was downloaded that is made of its models.
        ("gone", "0.0\u202f%", "0.00\u202f%"),
        ("summed with others", "too small to be named", "too small to be named"),
        ("null", "not measurable: no history", "not measurable: no history"),
    ],
)
def test_an_organization_of_which_nothing_is_derived_has_a_share_by_origin(
    tmp_path: Path, row: str, share: str, says: str
) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    table = "fct_organization_share_daily"
    change = {
        "gone": f"delete from {table}",
        "summed with others": f"update {table} set organization = '(other)'",
        "null": f"update {table} set share_of_all = null, null_reason = 'no_history'",
    }
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"{change[row]} where snapshot_date = ? and attribution = 'base_model' "
            "and organization = 'mixed-case'",
            [LAST_DAY],
        )
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    text = (site / "organization" / "mixed-case.html").read_text(encoding="utf-8")
    stat = text[text.index("<dt>Share by origin of the base model</dt>") :]
    stat = stat[: stat.index("</dd>")]
    assert re.sub(r"<[^>]*>", "", stat).split("\n")[1] == says
    ranking = (site / "organizations.html").read_text(encoding="utf-8")
    (line,) = re.findall(r"<tr>(?:(?!</tr>).)*<bdi>mixed-case</bdi>.*?</tr>", ranking, flags=re.S)
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", line, flags=re.S)]
    assert cells[7] == share


def test_an_organization_without_a_rhythm_says_why(tmp_path: Path) -> None:
    """It launches too seldom to be listed, or not at all: that is told, not left out."""
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "delete from fct_organization_cadence_daily where organization not in "
            "(select organization from fct_organization_share_daily where rank = 1)"
        )
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    why = "no launch in 365 days, or fewer than 12"
    page = (site / "organization" / "mixed-case.html").read_text(encoding="utf-8")
    stat = page[page.index("<dt>Days between launches, median</dt>") :]
    assert "not listed" in stat[: stat.index("</dd>")]
    assert why in page
    assert "The others had " + why in (site / "cadence.html").read_text(encoding="utf-8")


def test_a_model_of_unknown_creation_is_not_told_as_new(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    first_day = LAST_DAY - dt.timedelta(days=example_publication.DAYS - 1)
    with duckdb.connect(str(database)) as connection:
        for number, seen in ((0, first_day), (1, LAST_DAY)):
            connection.execute(
                "update dim_models set created_at = null, first_seen_on = ? "
                "where organization = 'mixed-case' and model_id like ?",
                [seen, f"mixed-case/model-{number}-%"],
            )
        (newest,) = connection.execute(
            "select model_id from dim_models where organization = 'mixed-case' "
            "order by created_at desc nulls last, model_id limit 1"
        ).fetchone() or ("",)
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    text = (site / "organization" / "mixed-case.html").read_text(encoding="utf-8")
    table = text[text.index("<caption>Newest models</caption>") :]
    body = table[table.index("<tbody") : table.index("</table>")]
    cells = [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", line, flags=re.S)]
        for line in re.findall(r"<tr>.*?</tr>", body, flags=re.S)
    ]
    assert cells[0][0] == newest
    created = {model.split("-")[2]: when for model, when, *_ in cells}
    assert created.pop("0") == "unknown"
    assert created.pop("1") == "unknown; first seen 22 August 2026"
    assert len(created) == 6 and all(when[-4:].isdecimal() for when in created.values())
    assert {model.split("-")[2] for model, *_ in cells[6:]} == {"0", "1"}


def _part(site: Path, name: str) -> str:
    """What the page of a slice says, which lies in its payload."""
    content = (site / "data" / f"{name}.js").read_text(encoding="utf-8")
    part: str = json.loads(content[content.index(",") + 1 : -3])["html"]
    return part


def test_nothing_is_said_not_to_have_happened_where_nothing_was_measured(site: Path) -> None:
    assert "Not measurable yet." in _part(site, "leaders-365d-all-all")
    assert "passed another in this window" not in _part(site, "leaders-365d-all-all")


def test_a_change_from_a_day_that_was_not_measured_does_not_deny_the_day(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "update fct_organization_share_daily set share_change_7d = null, "
            "share_change_30d = null where snapshot_date = ? and organization = 'mixed-case'",
            [LAST_DAY],
        )
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    text = (site / "organization" / "mixed-case.html").read_text(encoding="utf-8")
    for days in (7, 30):
        assert f">not measured {days} days before<" in text
    assert 'title="not measured that long before"' in (site / "organizations.html").read_text(
        encoding="utf-8"
    )


# Pages, and the table without which one of their parts has nothing to say.
PARTS = (
    ("index", "fct_overtakes"),
    ("organizations", "fct_overtakes"),
    ("cadence", "fct_organization_cadence_daily"),
    ("cadence", "fct_country_cadence_weekly"),
    ("concentration", "fct_concentration_daily"),
    ("families", "fct_family_share_daily"),
    ("claims", "fct_claims"),
    ("quality", "fct_flow_adjustments"),
    ("quality", "fct_revisions"),
)


def test_each_page_of_a_slice_says_what_is_provisional(site: Path) -> None:
    sentence = "newest 3 days provisional: later snapshots may still repair them"
    for stem in ("leaders", "organizations", "families", "concentration"):
        for window, says in (("7d", True), ("30d", False), ("365d", False)):
            part = _part(site, f"{stem}-{window}-all-all")
            assert (sentence in part) is says, (stem, window)
            if says:
                head = part[: part.index("<figure")]
                assert sentence.capitalize() in head, stem
                facts = re.findall(r'<p class="facts">(.*?)</p>', part)
                assert facts and all(sentence in one for one in facts), stem
                blocks = re.findall(r'<section class="block">(.*?)</section>', part, flags=re.S)
                tabled = [block for block in blocks if "<table>" in block]
                assert tabled and all(sentence in block.lower() for block in tabled), stem


def test_a_refused_day_is_not_told_as_the_published_one(tmp_path: Path) -> None:
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    table = "fct_snapshot_quality_daily"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"insert into {table} select snapshot_date + 1, check_name, "
            "if(check_name = 'ids_unique', 'failed', 'passed'), observed_value, threshold, 77 "
            f"from {table} where snapshot_date = ?",
            [LAST_DAY],
        )
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    text = (site / "quality.html").read_text(encoding="utf-8")
    assert (
        "All 5 checks of 22 August 2026 passed. 23 August 2026 was refused: 1 of 5 checks failed."
    ) in text
    assert '<data class="key-number" value="5">5</data>' in text
    assert '<data class="set-aside" value="3">3</data>' in text
    newest = text[text.index("The newest day, check by check") :]
    assert '<span class="status failed">' not in newest
    for key in ("checks", "set-aside"):
        figure = text[text.index(f'id="{key}"') :]
        assert "to 23 August 2026" in figure[: figure.index("</figure>")], key


def test_what_is_not_published_yet_is_named(tmp_path: Path) -> None:
    database = example_publication.write(
        tmp_path / "observatory.duckdb",
        without={*OPTIONAL, *(table for _, table in PARTS)},
        small=True,
    )
    site = build.write(database, tmp_path / "dashboard", example_publication.MANIFEST).parent
    for page, table in PARTS:
        text = (site / f"{page}.html").read_text(encoding="utf-8")
        assert re.search(rf"Not published yet\.</strong>[^<]*<code>{table}</code>", text), page


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("world", "In this generated world, of"),
        ("panel", "In this panel, of"),
        ("hub", "Of"),
    ],
)
def test_verdicts_on_real_claims_say_where_they_hold(tmp_path: Path, kind: str, of: str) -> None:
    """The sentence is quoted without the banner above it."""
    database = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    manifest = example_publication.MANIFEST | {"universe": {"kind": kind, "name": "w"}}
    site = build.write(database, tmp_path / "dashboard", manifest).parent
    text = (site / "claims.html").read_text(encoding="utf-8")
    assert re.search(rf'<p class="lede">{of} \d+ public claims, ', text)


@pytest.mark.parametrize(
    ("universe", "label"),
    [
        (("world", "w", True), "<strong>Generated world “<bdi>w</bdi>”.</strong>"),
        (
            ("panel", "p", False),
            "<strong>Recorded panel “<bdi>p</bdi>”, not the whole Hub.</strong>",
        ),
        (("hub", "", False), None),
    ],
)
def test_a_file_alone_tells_what_it_is_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    universe: tuple[str, str, bool],
    label: str | None,
) -> None:
    database = tmp_path / "copied.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            """
            create table publication (
                generation varchar, published_at timestamp, code_version varchar,
                universe_kind varchar, universe_name varchar, is_generated boolean,
                first_snapshot_date date, last_snapshot_date date, snapshots_count bigint
            )
            """
        )
        connection.execute(
            "insert into publication values "
            "('20260822T060000Z-ab', '2026-08-22 06:00:00', '1', ?, ?, ?, null, null, 0)",
            universe,
        )
    monkeypatch.setattr("sys.argv", ["dashboard", str(database), str(tmp_path / "site")])
    command.main()
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert text.count("publication <code>20260822T060000Z-ab</code>") == 1
    banners = re.findall(r'<p class="banner (?:generated|panel)" role="note">(.*?</strong>)', text)
    assert banners == ([label] if label else [])


@pytest.mark.parametrize("rows", ["no table", "no row"])
def test_a_publication_without_a_day_has_a_site(tmp_path: Path, rows: str) -> None:
    database = tmp_path / "observatory.duckdb"
    with duckdb.connect(str(database)) as connection:
        for table in TABLES.values() if rows == "no row" else ():
            columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
            connection.execute(f"create table {table.name} ({columns})")
    site = build.write(database, tmp_path / "dashboard", {}).parent
    assert "Nothing has been published yet" in (site / "index.html").read_text(encoding="utf-8")
    for name in ("organizations", "cadence", "families", "claims", "quality", "about"):
        assert (site / f"{name}.html").is_file()
