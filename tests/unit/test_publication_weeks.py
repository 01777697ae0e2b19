"""Weeks that are as published: taken over, not written again, and never a way past a check."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.gates import candidate_frames
from orchestration.gates.outcome import CheckOutcome
from orchestration.gates.tables import TABLES
from orchestration.home import Home
from orchestration.publication import build, generation, swap, verify, weeks
from orchestration.snapshots import store
from tests.unit.marts_fixture import build_warehouse, copied, home_with_marts, seal, seen

pytestmark = pytest.mark.xdist_group("publication_weeks")

# A Friday.
FIRST = date(2026, 7, 31)
FIRST_WEEK, SECOND_WEEK = "2026-W31", "2026-W32"
SHARES = "fct_organization_share_daily"


@pytest.fixture(autouse=True, scope="module")
def _every_table_is_divided() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weeks, "DIVIDED_FROM", 1)
        patch.setattr(weeks, "TAKEN_OVER_FROM", 1)
        # Gate 3 looks at the days of the second week alone where the first is as it was.
        patch.setattr(candidate_frames, "LOOKED_BACK", 1)
        yield


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose generation has three days of a week and two of the next; a sixth is built."""
    home = home_with_marts(tmp_path_factory.mktemp("weeks") / "home", 5, first=FIRST)
    swap.publish(home, code_version="1")
    seal(home, 6, first=FIRST)
    build_warehouse(home)
    return home


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    return copied(published, tmp_path)


def content(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every mart of the DuckDB file, in the order in which it lies there."""
    with duckdb.connect(str(folder / "observatory.duckdb"), read_only=True) as connection:
        names = [
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        ]
        return {
            name: connection.execute(f"from {name}").fetchall()
            for name in names
            if name not in ("publication", "fct_revisions")
        }


def is_linked(before: Path, after: Path, table: str, week: str) -> bool:
    """Whether two generations hold one and the same file of a week."""
    one, other = (weeks.twin_of_week(folder, table, week) for folder in (before, after))
    return one.samefile(other)


def published_anew(home: Home) -> Path:
    """What a home publishes that never published before."""
    other = Home(home.root.parent / "anew")
    shutil.copytree(home.root, other.root, ignore=shutil.ignore_patterns("published"))
    return swap.publish(other, code_version="1").folder


def failed(outcomes: list[CheckOutcome]) -> set[str]:
    return {one.name for one in outcomes if one.status not in ("passed", "warned")}


def test_an_old_week_is_linked_and_nothing_differs_from_a_publication_anew(home: Home) -> None:
    before = seen(home)
    after = swap.publish(home, code_version="1").folder
    for name in ("fct_country_share_daily", SHARES, "fct_mapping_coverage_daily"):
        assert is_linked(before, after, name, FIRST_WEEK)
        assert not is_linked(before, after, name, SECOND_WEEK)
    anew = published_anew(home)
    assert content(after) == content(anew)
    manifests = [generation.read_manifest(folder) for folder in (after, anew)]
    assert manifests[0]["content_sha256"] == manifests[1]["content_sha256"]
    assert [weeks.of_manifest(one, SHARES)[FIRST_WEEK].rows for one in manifests] == [
        len([row for row in content(after)[SHARES] if str(row[0]) < "2026-08-03"])
    ] * 2
    assert failed(verify.verify(after, home)) == set()


def test_each_file_is_hashed_once_while_a_publication_is_made(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file before and the new one are of gigabytes; linked weeks are one file."""
    hashed: Counter[int] = Counter()

    def counted(path: Path) -> str:
        hashed[path.stat().st_ino] += 1
        return store.sha256_of(path)

    monkeypatch.setattr(generation, "sha256_of", counted)
    before = seen(home)
    after = swap.publish(home, code_version="1").folder
    for folder in (before, after):
        files = {path.stat().st_ino for path in generation.content_files(folder)}
        assert files <= hashed.keys()
    assert set(hashed.values()) == {1}


def test_of_a_slice_the_largest_lie_first_by_powers_of_two(home: Home) -> None:
    folder = swap.publish(home, code_version="1").folder
    with duckdb.connect(str(folder / "observatory.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select downloads + 1, date_trunc('week', snapshot_date), window_name, attribution, "
            f"cohort, scope from {SHARES}"
        ).fetchall()
    within = [
        (one, other)
        for (one, *of_one), (other, *of_other) in pairwise(rows)
        if of_one == of_other and one is not None
    ]
    assert within
    assert all(2 * one > other for one, other in within)


def test_a_divided_twin_is_read_as_one(home: Home) -> None:
    after = swap.publish(home, code_version="1").folder
    twin = after / f"{SHARES}.parquet"
    order = ", ".join(TABLES[SHARES].grain)
    rows = duckdb.sql(f"from '{twin}' order by {order}").fetchall()
    with duckdb.connect(str(after / "observatory.duckdb"), read_only=True) as connection:
        assert rows == connection.execute(f"from {SHARES} order by {order}").fetchall()
    import pandas as pd

    assert len(pd.read_parquet(twin)) == len(rows)


def test_a_linked_week_outlives_the_generation_that_wrote_it(home: Home) -> None:
    before = seen(home)
    after = swap.publish(home, code_version="1").folder
    shutil.rmtree(before)
    assert failed(verify.verify(after, home)) == set()


def test_a_week_that_changed_is_written_anew_and_told(home: Home) -> None:
    """One figure of a day of the first week, and nothing else of it."""
    before = seen(home)
    build_warehouse(
        home,
        change=CHANGED,
    )
    publication = swap.publish(home, code_version="1")
    after = publication.folder
    coverage = "fct_mapping_coverage_daily"
    assert not is_linked(before, after, coverage, FIRST_WEEK)
    assert is_linked(before, after, SHARES, FIRST_WEEK)
    assert content(after)[coverage] == content(published_anew(home))[coverage]
    assert publication.diff is not None
    assert publication.diff.tables[coverage].changed == 8
    assert publication.diff.tables[SHARES].changed == 0


@settings(deadline=None, max_examples=50)
@given(st.sets(st.dates(date(2019, 12, 1), date(2033, 2, 1)), min_size=1, max_size=30))
def test_a_day_is_of_one_week_in_sql_as_in_iso_8601(days: set[date]) -> None:
    """Over turns of years, where the first days are of the last week of the year before."""
    chosen = {weeks.week_of(day) for day in sorted(days)[::2]}
    with duckdb.connect() as connection:
        connection.execute(
            "create table marts as select unnest(?::date[]) as snapshot_date", [sorted(days)]
        )
        found = connection.execute(
            f"select snapshot_date, {weeks.is_in(chosen)} from marts"
        ).fetchall()
        sums = weeks.sums_of_bits(connection, "marts", [("snapshot_date", "DATE")])
    iso = {day: f"{day.isocalendar().year}-W{day.isocalendar().week:02}" for day in days}
    assert dict(found) == {day: iso[day] in chosen for day in days}
    assert {week: rows for week, (rows, _) in sums.items()} == Counter(iso.values())


def told(home: Home, **builds: str) -> None:
    """What the warehouse says of its builds: an id each, and from which day on it changed what."""
    built_from = json.dumps({"builds": list(builds.items())})
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "create or replace table raw.finished_build as select ? as built_from", [built_from]
        )


CHANGED = (
    "update marts.fct_mapping_coverage_daily set unattributed_top_organization = 'x' "
    "where snapshot_date = '2026-08-01'"
)
COVERAGE = "select unattributed_top_organization from fct_mapping_coverage_daily "


@pytest.mark.parametrize(
    ("builds", "is_read"),
    [
        ({"b": "0001-01-01", "c": "2026-08-05"}, False),
        ({"b": "0001-01-01", "c": "2026-08-01"}, True),
        ({"b": "0001-01-01", "c": "2026-08-02", "d": "2026-08-05"}, True),
        ({"b": "0001-01-01", "c": "2026-08-05", "d": "2026-08-05"}, False),
        ({"a": "0001-01-01", "b": "2026-08-01", "c": "2026-08-05"}, False),
        ({"a": "0001-01-01", "c": "2026-08-05"}, True),
        ({"a": "0001-01-01"}, True),
    ],
    ids=[
        "not touched",
        "touched",
        "touched by one of two",
        "by neither",
        "touched before",
        "another warehouse, or one put back and built on",
        "one put back",
    ],
)
def test_only_weeks_that_no_build_touched_since_are_taken_over_unread(
    published: Home, tmp_path: Path, builds: dict[str, str], is_read: bool
) -> None:
    """A row that no build can have changed tells whether its week was read."""
    home = copied(published, tmp_path)
    told(home, b="0001-01-01")
    swap.publish(home, code_version="1")
    seal(home, 7, first=FIRST)
    build_warehouse(home, change=CHANGED)
    told(home, **builds)
    after = swap.publish(home, code_version="1").folder
    with duckdb.connect(str(after / "observatory.duckdb"), read_only=True) as connection:
        found = connection.execute(f"{COVERAGE} where snapshot_date = '2026-08-01'").fetchall()
    assert (("x",) in found) == is_read
    assert failed(verify.verify(after, home)) == set()


def test_what_the_first_gate_says_now_of_an_old_day_is_published(
    published: Home, tmp_path: Path
) -> None:
    """No build touched its week, but the verdict of a day can be another one."""
    home = copied(published, tmp_path)
    told(home, b="0001-01-01")
    swap.publish(home, code_version="1")
    seal(home, 7, first=FIRST)
    quality = "fct_snapshot_quality_daily"
    build_warehouse(
        home,
        change=f"update marts.{quality} set threshold = 'x' where snapshot_date = '2026-08-01'",
    )
    told(home, b="0001-01-01", c="2026-08-05")
    after = swap.publish(home, code_version="1").folder
    assert {"x"} <= {row[4] for row in content(after)[quality] if str(row[0]) == "2026-08-01"}


def test_a_table_whose_newest_days_have_no_row_is_not_emptied(home: Home) -> None:
    """Days on which no counter fell; as long as the log has any row, nobody lost it."""
    fallen = (
        "insert into marts.fct_flow_adjustments select '2026-08-01', model_key, 'fall', 0.0, 1, 1, "
        "0, 'it fell' from marts.dim_models limit 1"
    )
    build_warehouse(home, change=fallen)
    swap.publish(home, code_version="1")
    seal(home, 7, first=FIRST)
    build_warehouse(home, change=fallen)
    after = swap.publish(home, code_version="1").folder
    assert len(content(after)["fct_flow_adjustments"]) == 1
    build_warehouse(home)
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    assert failed(refused.value.outcomes) == {"tables_not_emptied"}


SCALED = "update {mart} set share_of_all = share_of_all * 1.01 where {day}"


@pytest.mark.parametrize(
    ("day", "change", "check"),
    [
        ("2026-08-01", SCALED, "shares_sum_to_one"),
        ("2026-08-03", SCALED, "shares_sum_to_one"),
        (
            "2026-08-01",
            "delete from {mart} where organization = 'owner-1' and {day}",
            "shares_sum_to_one",
        ),
        ("2026-08-01", "insert into {mart} from {mart} where {day} limit 1", "grain_unique"),
        (
            "2026-08-01",
            "delete from marts.dim_dates where date_day = '2026-08-01'",
            "keys_resolve",
        ),
    ],
    ids=["a share scaled", "a new share scaled", "rows dropped", "a row doubled", "a key lost"],
)
def test_what_is_wrong_in_an_old_week_is_refused_as_in_a_new_one(
    home: Home, change: str, check: str, day: str
) -> None:
    before = seen(home)
    build_warehouse(
        home, change=change.format(mart=f"marts.{SHARES}", day=f"snapshot_date = '{day}'")
    )
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    assert check in failed(refused.value.outcomes)
    assert seen(home) == before


def flip(path: Path) -> None:
    kept = bytearray(path.read_bytes())
    kept[len(kept) // 2] ^= 1
    path.unlink()
    path.write_bytes(kept)


@pytest.mark.parametrize("file", ["observatory.duckdb", f"{SHARES}.parquet/{FIRST_WEEK}.parquet"])
def test_nothing_is_taken_over_from_what_is_damaged(home: Home, file: str) -> None:
    before = seen(home)
    if file == "observatory.duckdb":
        # Where it can still be opened: its hash alone tells.
        with duckdb.connect(str(before / file)) as connection:
            connection.execute(f"update {SHARES} set share_of_all = 0.5 where rowid = 3")
    else:
        flip(before / file)
    after = swap.publish(home, code_version="1").folder
    assert not is_linked(before, after, SHARES, FIRST_WEEK)
    assert content(after) == content(published_anew(home))


def test_a_file_that_was_changed_with_its_hash_is_not_published_on(home: Home) -> None:
    """Rows that are taken over are compared with the warehouse's, whatever the manifest says."""
    before = seen(home)
    with duckdb.connect(str(before / "observatory.duckdb")) as connection:
        connection.execute(
            f"update {SHARES} set parent = 'x' where rowid = (select min(rowid) from {SHARES})"
        )
    manifest = generation.read_manifest(before)
    build.write_manifest(before, manifest | {"files": generation.file_entries(before)})
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="1")
    assert {"tables_as_published", "twins_equal"} <= failed(refused.value.outcomes)
    assert seen(home) == before


def test_verifying_later_reads_the_linked_weeks_too(home: Home) -> None:
    after = swap.publish(home, code_version="1").folder
    twin = weeks.twin_of_week(after, SHARES, FIRST_WEEK)
    duckdb.execute(f"copy (select * from '{twin}' limit 9) to '{twin}.new' (format parquet)")
    Path(f"{twin}.new").replace(twin)
    manifest = generation.read_manifest(after)
    build.write_manifest(after, manifest | {"files": generation.file_entries(after)})
    assert failed(verify.verify(after)) == {"twins_equal"}


def test_a_table_that_was_one_file_becomes_a_folder(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And back: neither form takes anything over from the other."""
    monkeypatch.setattr(weeks, "DIVIDED_FROM", 10**9)
    whole = swap.publish(home, code_version="2").folder
    assert (whole / f"{SHARES}.parquet").is_file()
    monkeypatch.setattr(weeks, "DIVIDED_FROM", 1)
    divided = swap.publish(home, code_version="3").folder
    assert (divided / f"{SHARES}.parquet").is_dir()
    assert content(divided) == content(whole)
    assert failed(verify.verify(divided, home)) == set()
