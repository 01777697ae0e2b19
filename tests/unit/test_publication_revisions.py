"""The log of revisions, read as people read it: after publications that change what was said."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import reporting, status, warehouse
from orchestration.errors import Refusal
from orchestration.gates import candidate
from orchestration.gates.tables import TABLES
from orchestration.home import CHECKOUT, Home
from orchestration.publication import generation, refusals, revisions, showings, swap, verify
from tests.unit.marts_fixture import FIRST_DAY, build_warehouse, seal

pytestmark = pytest.mark.xdist_group("publication_revisions")
PARTS = {"mapping": "1", "claims": "1", "rules": "1", "owners": "1"}
DAYS = [FIRST_DAY + timedelta(days=n) for n in range(6)]
SHARES = "fct_country_share_daily"
Row = dict[str, Any]


def publish(
    home: Home,
    days: list[date],
    change: str = "",
    moved: dict[str, str] | None = None,
    **parts: str,
) -> swap.Publication:
    """Build a warehouse of `days` from these `parts` and publish it."""
    told = json.dumps({"parts": PARTS | parts})
    build_warehouse(
        home,
        days,
        moved=moved,
        change=f"create or replace table raw.finished_build as "
        f"select '{told}' as built_from; {change}",
    )
    try:
        return swap.publish(home, code_version="1")
    except swap.PublicationRefused:
        refusals.accept(home, "history_as_published", "it is meant")
        return swap.publish(home, code_version="1")


def rows(folder: Path, sql: str) -> list[Row]:
    with duckdb.connect(str(folder / "observatory.duckdb"), read_only=True) as connection:
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def log(home: Home, where: str = "table_name <> '(all)'") -> list[Row]:
    """What changed of days that were there before."""
    folder = generation.current(home)
    assert folder is not None
    return rows(folder, f"select * from fct_revisions where {where} order by all")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("revisions") / "home")
    seal(home, 4)
    publish(home, DAYS[:4])
    return home


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    """A copy of a home with one publication of four days."""
    shutil.copytree(published.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def test_a_day_that_only_comes_is_one_row(home: Home) -> None:
    assert log(home) == []
    seal(home, 5)
    publish(home, DAYS[:5], rules="2")
    assert log(home) == []
    found = log(home, "true")
    assert [row["snapshot_date"] for row in found] == DAYS[:5]
    assert {(row["key"], row["reason"]) for row in found} == {("(all)", "first published")}
    assert [row["recorded_at"] for row in found[:4]] == [found[0]["recorded_at"]] * 4
    assert found[4]["recorded_at"] > found[0]["recorded_at"]


def test_a_changed_seed_is_a_new_mapping(home: Home) -> None:
    before = rows(home.published / "current", f"select * from {SHARES} order by all")
    publication = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    found = log(home, f"table_name = '{SHARES}' and key = '30d|publisher|all|all|US'")
    assert [row["snapshot_date"] for row in found] == DAYS[:4]
    was = {row["snapshot_date"]: row for row in before if row_is_headline(row, "US")}
    for row in found:
        assert row["old_value"] == was[row["snapshot_date"]]["share_of_all"]
        assert row["new_value"] > row["old_value"] + 0.001
        assert (row["column_name"], row["changes_count"]) == ("share_of_all", 1)
        assert (row["old_text"], row["new_text"]) == (None, None)
        assert row["recorded_at"] == datetime.fromisoformat(
            publication.manifest["published_at"]
        ).replace(tzinfo=None)
    assert {row["reason"] for row in log(home)} == {"new mapping"}
    # What an organization has does not depend on its home, nor how much has one.
    assert {row["table_name"] for row in log(home)} == {SHARES}


def row_is_headline(row: Row, country: str) -> bool:
    slice_ = [row[name] for name in ("window_name", "attribution", "cohort", "scope")]
    return [*slice_, row["country_key"]] == ["30d", "publisher", "all", "all", country]


def test_a_corrected_archive_is_late_data_and_of_its_day_alone(home: Home) -> None:
    day = DAYS[1]
    seal(home, 4, change=f"update records set downloads = downloads * 2 "
         f"where author = 'owner-1' and snapshot_date = date '{day}'")  # fmt: skip
    publish(home, DAYS[:4])
    found = log(home)
    assert {row["reason"] for row in found} == {"late data"}
    assert {row["snapshot_date"] for row in found} == {day}
    assert {row["table_name"] for row in found} == {
        SHARES,
        "fct_organization_share_daily",
        "fct_family_share_daily",
        "fct_mapping_coverage_daily",
    }


def test_a_late_day_is_told_as_a_whole(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    seal(home, 4)
    some = [DAYS[0], DAYS[1], DAYS[3]]
    aside = home.raw / "hub_models" / f"snapshot_date={DAYS[2]}"
    aside.rename(tmp_path / "aside")
    publish(home, some)
    (tmp_path / "aside").rename(aside)
    publish(home, DAYS[:4])
    assert log(home) == []
    found = log(home, "recorded_at > (select min(recorded_at) from fct_revisions)")
    assert [(row["snapshot_date"], row["key"], row["reason"]) for row in found] == [
        (DAYS[2], "(all)", "late data")
    ]


def with_flows(settled: bool) -> str:
    """SQL that adds a window of flows; what the newest day but one says of it, settles."""
    chosen = f"if(snapshot_date = date '{DAYS[3]}' and {settled}, '30d', 'all_time')"
    return "".join(
        f"insert into marts.{table} select * replace ('1d' as window_name) from marts.{table} "
        f"where window_name = {chosen};"
        for table in (
            SHARES,
            "fct_organization_share_daily",
            "fct_family_share_daily",
            "fct_mapping_coverage_daily",
        )
    )


def test_a_settled_counter_is_told_where_only_new_days_came(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    seal(home, 4)
    publish(home, DAYS[:4], with_flows(settled=False))
    seal(home, 5)
    publish(home, DAYS[:5], with_flows(settled=True))
    found = log(home)
    assert len(found) > 10
    for row in found:
        assert (row["reason"], row["snapshot_date"]) == ("corrected counter", DAYS[3])
        assert row["key"] == "(rounding)" or row["key"].startswith("1d|")


@pytest.mark.long
def test_causes_that_come_together_are_all_named(home: Home) -> None:
    seal(home, 5)
    publish(home, DAYS[:5], moved={"owner-3": "US"}, mapping="2", rules="2")
    assert {row["reason"] for row in log(home)} == {"new mapping or new rule"}


def test_a_change_without_a_cause_is_told_as_such_and_warned_of(home: Home) -> None:
    publication = publish(home, DAYS[:4], moved={"owner-3": "US"})
    assert {row["reason"] for row in log(home)} == {"unexplained"}
    (warning,) = (one for one in publication.outcomes if one.name == "revisions_explained")
    assert (warning.status, warning.blocks) == ("warned", False)
    assert warning.sample[0]["table_name"] == SHARES


CLAIMS = f"""
create table marts.fct_claims as
select {{columns}} from (
    select snapshot_date, 'a-claim' as claim_id, 'holds' as verdict_for_period,
        if(snapshot_date = date '{DAYS[1]}', '{{verdict}}', 'undecided') as verdict_today,
        'at_least' as comparison
    from (select distinct snapshot_date from marts.{SHARES})
) full join (select null::bigint as nothing) on false where claim_id is not null;
"""


def claims(verdict: str) -> str:
    """SQL of a mart of one claim, whose verdict on the second day is given.

    The columns that no test reads say nothing. At least 0 was claimed and 0 measured: on the
    edge every verdict is that of the measure.
    """
    told = ("snapshot_date", "claim_id", "verdict_for_period", "verdict_today", "comparison")
    nothing = {"VARCHAR": "''", "DOUBLE": "0", "BOOLEAN": "false"}
    columns = ", ".join(
        f"{column.name}::{column.type} as {column.name}"
        if column.name in told
        else f"{nothing[column.type]}::{column.type} as {column.name}"
        for column in TABLES["fct_claims"].columns
    )
    return CLAIMS.format(columns=columns, verdict=verdict)


def test_a_verdict_that_changes_is_told_in_words(home: Home) -> None:
    publish(home, DAYS[:4], claims("undecided"), rules="2")
    assert log(home) == []  # The table is new: nothing was said before.
    publish(home, DAYS[:4], claims("does not hold"), rules="2", claims="2")
    (row,) = log(home)
    assert (row["table_name"], row["column_name"]) == ("fct_claims", "verdict_today")
    assert (row["snapshot_date"], row["key"], row["reason"]) == (DAYS[1], "a-claim", "new rule")
    assert (row["old_text"], row["new_text"]) == ("undecided", "does not hold")
    assert (row["old_value"], row["new_value"]) == (None, None)


def test_changes_below_the_shown_digit_are_summed_up(home: Home) -> None:
    seal(home, 4, change=f"update records set downloads = downloads + 3 "
         f"where author = 'owner-1' and snapshot_date = date '{DAYS[2]}'")  # fmt: skip
    publish(home, DAYS[:4])
    found = log(home)
    assert found
    for row in found:
        assert (row["column_name"], row["key"], row["snapshot_date"]) == (
            "(all)",
            "(rounding)",
            DAYS[2],
        )
        assert 0 < abs(row["new_value"] - row["old_value"]) < 0.001
    assert len({row["table_name"] for row in found}) == len(found)
    assert all(row["changes_count"] > 1 for row in found if row["table_name"] == SHARES)


def query() -> str:
    """The query of the documentation, without the line that says when."""
    text = (CHECKOUT / "docs" / "revisions.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- what was said -->\n```sql\n(.*?)```", text, re.S)
    assert found is not None
    return found[1].split(";", 1)[1]


def said(home: Home, asked_on: datetime) -> dict[tuple[date, str], float | None]:
    """What the current publication says was said on a day, about all before it."""
    with duckdb.connect(
        str(home.published / "current" / "observatory.duckdb"), read_only=True
    ) as connection:
        connection.execute("set variable asked_on = $at", {"at": asked_on})
        return {(row[0], row[1]): row[2] for row in connection.execute(query()).fetchall()}


@dataclass
class Reader:
    """Somebody who notes what is shown, and when."""

    home: Home
    noted: list[tuple[datetime, dict[tuple[date, str], float]]] = field(default_factory=list)

    def look(self) -> None:
        shown = showings.showings(self.home)[-1].shown_at
        found = rows(
            self.home.published / "current",
            "select snapshot_date, concat_ws('|', window_name, attribution, cohort, scope, "
            f"country_key) as key, share_of_all as share from {SHARES}",
        )
        at = max(shown, *(at for at, _ in self.noted)) if self.noted else shown
        self.noted.append((at, {(row["snapshot_date"], row["key"]): row["share"] for row in found}))


def test_what_was_said_on_any_day_about_any_other_can_be_asked(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through changed seeds, a corrected day, a day withdrawn, and going back and forth."""
    monkeypatch.setattr(swap, "KEPT", 3)
    reader = Reader(home)
    reader.look()
    seal(home, 5)
    publish(home, DAYS[:5], moved={"owner-3": "US"}, mapping="2")
    reader.look()
    seal(home, 5, change=f"update records set downloads = downloads * 2 "
         f"where author = 'owner-1' and snapshot_date = date '{DAYS[1]}'")  # fmt: skip
    corrected = publish(home, DAYS[:5], moved={"owner-3": "US"}, mapping="2")
    reader.look()
    withdrawn = home.raw / "hub_models" / f"snapshot_date={DAYS[1]}"
    withdrawn.rename(tmp_path / "aside")
    publish(home, [DAYS[0], *DAYS[2:5]], moved={"owner-3": "US"}, mapping="2")
    reader.look()
    assert swap.rollback(home) == corrected.generation
    reader.look()
    publish(home, [DAYS[0], *DAYS[2:5]], moved={"owner-3": "US"}, mapping="2")
    reader.look()
    swap.rollback(home)
    reader.look()
    (tmp_path / "aside").rename(withdrawn)
    publish(home, DAYS[:5], moved={"owner-3": "US", "owner-4": "CN"}, mapping="3")
    reader.look()

    assert len(generation.generations(home)) == 3
    assert len(reader.noted) == 8
    reasons = {reason for row in log(home, "true") for reason in row["reason"].split(" or ")}
    assert reasons == {
        "first published", "new mapping", "late data", "rolled back", "shown again",
    }  # fmt: skip
    for at, shown in reader.noted:
        assert_was_said(home, at, shown)
    different = {tuple(sorted(shown.items())) for _, shown in reader.noted}
    assert len(different) >= 5


def never_shown(home: Home) -> swap.Publication:
    """A second publication whose run was killed before the last step."""
    link, noted = home.published / "current", home.published / showings.SHOWN
    before = noted.read_bytes()
    link.rename(home.root / "link")
    (home.root / "again").symlink_to((home.root / "link").readlink())
    (home.root / "again").rename(link)
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    (home.root / "link").rename(link)
    noted.write_bytes(before)
    return second


@pytest.mark.long
def test_a_publication_that_was_never_shown_says_nothing(home: Home) -> None:
    """As after a kill before the last step: readers did not see what it changed."""
    never_shown(home)
    publish(home, DAYS[:4], moved={"owner-3": "FR"}, mapping="3")
    found = log(home)
    assert found
    assert len({row["recorded_at"] for row in found}) == 1
    assert "30d|publisher|all|all|US" not in {row["key"] for row in found}


def gone(noted: Path) -> None:
    noted.unlink()


def torn(noted: Path) -> None:
    noted.write_text('[{"gen')


@pytest.mark.parametrize("lose", [gone, torn])
def test_where_it_is_not_noted_what_was_shown_the_log_of_what_was_taken_back_goes_on(
    home: Home, lose: Callable[[Path], None]
) -> None:
    """It went on from the older log, and said that nothing was lost."""
    reader = Reader(home)
    reader.look()
    publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    reader.look()
    before = log(home, "true")
    swap.rollback(home)
    reader.look()
    lose(home.published / showings.SHOWN)
    third = publish(home, DAYS[:4], moved={"owner-3": "FR"}, mapping="3")
    reader.look()
    assert lost(third) == ("passed", [], [])
    assert [row for row in log(home, "true") if row in before] == before
    assert {row["reason"] for row in log(home)} == {"new mapping", "rolled back"}
    for at, shown in reader.noted:
        assert_was_said(home, at, shown)


def test_where_it_is_not_noted_what_was_shown_no_time_is_given_to_what_never_was(
    home: Home,
) -> None:
    reader = Reader(home)
    reader.look()
    second = never_shown(home)
    at, shown = reader.noted[0]
    gone(home.published / showings.SHOWN)
    third = publish(home, DAYS[:4], moved={"owner-3": "FR"}, mapping="3")
    reader.look()
    assert lost(third) == ("passed", [], [])
    built = generation.published_at(second.generation)
    for asked_on in (at, built + timedelta(microseconds=1), built + timedelta(milliseconds=500)):
        assert_was_said(home, asked_on, shown)
    assert_was_said(home, *reader.noted[1])


def assert_was_said(home: Home, asked_on: datetime, shown: dict[tuple[date, str], float]) -> None:
    """That the query of the documentation gives what readers saw."""
    answer = said(home, asked_on.replace(tzinfo=None))
    for key in shown.keys() | answer.keys():
        was, told = shown.get(key) or 0, answer.get(key) or 0
        assert round(told, 3) == round(was, 3), (asked_on, key)


def unlinked(home: Home) -> None:
    """What a copy without symlinks makes of a home."""
    (home.published / "current").unlink()


def dangling(home: Home) -> None:
    """The link of a home that lies elsewhere now."""
    unlinked(home)
    (home.published / "current").symlink_to("/nowhere/published/20260801T060000Z-00000000")


def unnoted(home: Home) -> None:
    unlinked(home)
    (home.published / showings.SHOWN).unlink()


@pytest.mark.parametrize("lose", [unlinked, dangling, unnoted])
def test_where_the_link_is_lost_the_log_goes_on(home: Home, lose: Callable[[Home], None]) -> None:
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    before = log(home, "true")
    lose(home)
    third = publish(home, DAYS[:4], moved={"owner-3": "FR"}, mapping="3")
    assert third.diff is not None and third.diff.old == second.generation
    assert third.manifest["accepted"], "history was compared, and its change had to be accepted"
    found = log(home, "true")
    assert [row for row in found if row in before] == before
    since = [row for row in found if row not in before]
    assert since and {row["reason"] for row in since} == {"new mapping"}
    assert [one.generation for one in showings.showings(home)][-1] == third.generation


def test_where_the_link_is_lost_after_a_rollback_too(home: Home) -> None:
    """Readers saw the older one last; the log is that of the newer one, and tells of both."""
    first = generation.current(home)
    assert first is not None
    publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    swap.rollback(home)
    unlinked(home)
    third = publish(home, DAYS[:4], moved={"owner-3": "FR"}, mapping="3")
    assert third.diff is not None and third.diff.old == first.name
    reasons = {row["reason"] for row in log(home)}
    assert reasons == {"new mapping", "rolled back"}


def test_the_same_content_mends_the_link(home: Home) -> None:
    first = generation.current(home)
    assert first is not None
    before = log(home, "true")
    unlinked(home)
    publication = publish(home, DAYS[:4])
    assert (publication.generation, publication.is_new) == (first.name, False)
    assert generation.current(home) == first
    assert log(home, "true") == before


def test_a_lost_link_is_told_and_mended_by_going_back(home: Home) -> None:
    (first,) = generation.generations(home)
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2").generation
    unlinked(home)
    with pytest.raises(Refusal, match="link to the generation that readers see is gone") as told:
        reporting.published_folder(home)
    assert f"observatory rollback {second}" in str(told.value)
    (trouble,) = status.status(home)["trouble"]
    assert trouble == str(told.value)
    assert swap.rollback(home, second) == second
    assert len(log(home, "true")) > len(DAYS[:4])
    assert status.status(home)["trouble"] == []
    unlinked(home)
    assert swap.rollback(home) == first
    unlinked(home)
    with pytest.raises(Refusal, match="no generation before the current one") as told:
        swap.rollback(home)
    assert f"{first}, {second}" in told.value.cure


def database(folder: Path) -> Path:
    return folder / generation.DATABASE


def overwritten(folder: Path) -> None:
    database(folder).write_bytes(b"no database" * 1000)


def cut(folder: Path) -> None:
    content = database(folder).read_bytes()
    database(folder).write_bytes(content[: len(content) // 2])


def without_manifest(folder: Path) -> None:
    (folder / generation.MANIFEST).write_text("{")


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def rows_damaged(folder: Path, table: str = "fct_revisions") -> None:
    """Flip a bit under the rows of `table`: the file opens, and every other table can be read."""
    whole = database(folder).read_bytes()
    for place in range(64 * 1024, len(whole), 128 * 1024):
        content = bytearray(whole)
        content[place] ^= 1
        database(folder).write_bytes(content)
        if unreadable_tables(folder) == {table}:
            return
    raise AssertionError(f"no place holds rows of {table} alone")


def unreadable_tables(folder: Path) -> set[str]:
    found = set()
    try:
        with duckdb.connect(str(database(folder)), read_only=True) as connection:
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall():
                try:
                    connection.execute(f"select sum(hash(t)) from {name} as t").fetchall()
                except duckdb.Error:
                    found.add(name)
    except duckdb.Error:
        return {"all"}
    return found


def lost(publication: swap.Publication) -> tuple[str, list[Row], list[str]]:
    """What verification says of lost revisions, and what the manifest says."""
    (outcome,) = (one for one in publication.outcomes if one.name == "revisions_kept")
    return outcome.status, outcome.sample, publication.manifest["revisions_lost"]


@pytest.mark.parametrize("damage", [overwritten, cut, without_manifest, rows_damaged])
def test_after_going_back_from_a_damaged_generation_publishing_works_again(
    home: Home, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(home, DAYS[:4], moved={"owner-2": "US"}, mapping="2")
    before = log(home, "true")
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="3")
    assert lost(second) == ("passed", [], [])
    damage(second.folder)
    with pytest.raises(Refusal) as refused:
        publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="4")
    assert Path(str(refused.value.file)).parent.name == second.generation
    assert "observatory rollback" in refused.value.cure and "lost" in refused.value.cure

    assert swap.rollback(home) == first.generation
    third = publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="4")
    found = log(home, "true")
    assert [row for row in found if row in before] == before
    since = [row for row in found if row not in before]
    assert since and {row["reason"] for row in since} == {"new mapping"}
    assert {str(row["recorded_at"]) for row in since} == {
        third.manifest["published_at"].replace("T", " ").removesuffix("+00:00")
    }
    assert lost(third) == ("warned", [{"generation": second.generation}], [second.generation])
    assert f"generation {second.generation}, which readers saw, cannot be read" in caplog.text
    assert "revisions_kept" in {one.name for one in verify.verify(third.folder) if one.sample}
    fourth = publish(home, DAYS[:4], moved={"owner-5": "US"}, mapping="5")
    assert lost(fourth) == ("passed", [], [])
    assert [row for row in log(home, "true") if row in found] == found


def test_a_generation_that_is_gone_is_told_like_a_damaged_one(home: Home) -> None:
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    removed(second.folder)
    third = publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="3")
    assert lost(third) == ("warned", [{"generation": second.generation}], [second.generation])
    assert {row["reason"] for row in log(home)} == {"new mapping"}


def test_where_no_generation_is_whole_the_log_begins_anew_and_says_so(home: Home) -> None:
    (first,) = generation.generations(home)
    overwritten(home.published / first)
    with pytest.raises(Refusal, match="move its folder to another place"):
        publish(home, DAYS[:4], rules="2")
    (home.published / first).rename(home.root / "aside")
    assert lost(publish(home, DAYS[:4], rules="2"))[2] == [first]


def test_damage_elsewhere_in_the_file_loses_no_revision(home: Home) -> None:
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    before = log(home, "true")
    rows_damaged(second.folder, "dim_models")
    swap.rollback(home)
    third = publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="3")
    assert lost(third) == ("passed", [], [])
    found = log(home, "true")
    assert [row for row in found if row in before] == before
    assert {row["reason"] for row in log(home)} == {"new mapping", "rolled back"}


def test_a_damaged_one_that_was_shown_in_between_leaves_the_rest_of_the_log(home: Home) -> None:
    (first,) = generation.generations(home)
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    before = log(home, "true")
    swap.rollback(home)
    assert swap.rollback(home, second.generation) == second.generation
    overwritten(home.published / first)
    third = publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="3")
    assert lost(third)[2] == [first]
    found = log(home, "true")
    assert [row for row in found if row in before] == before
    assert "rolled back" not in {row["reason"] for row in found}


def test_a_whole_generation_that_is_only_out_of_reach_is_not_given_up(home: Home) -> None:
    """As where a tool holds its file: no answer now is no damage."""
    second = publish(home, DAYS[:4], moved={"owner-3": "US"}, mapping="2")
    before = log(home, "true")
    swap.rollback(home)
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(database(second.folder))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout and holder.stdout.readline()
        with pytest.raises(Refusal, match="close what has it open") as refused:
            publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="3")
        assert refused.value.file == database(second.folder)
        holder.communicate(b"\n")
    third = publish(home, DAYS[:4], moved={"owner-4": "US"}, mapping="3")
    assert lost(third) == ("passed", [], [])
    assert [row for row in log(home, "true") if row in before] == before


@pytest.mark.parametrize("table", ["dim_models", "fct_country_share_daily"])
def test_damaged_rows_are_refused_wherever_they_are_met(home: Home, table: str) -> None:
    """In what the log compares, in what the gate asks, and in what the comparison reads."""
    seen = generation.current(home)
    assert seen is not None
    rows_damaged(seen, table)
    seal(home, 5)
    build_warehouse(home, DAYS[:5])
    with pytest.raises(Refusal, match="a published file cannot be read") as refused:
        swap.publish(home, code_version="1")
    assert refused.value.file == database(seen)
    assert "observatory rollback" in refused.value.cure
    assert generation.current(home) == seen
    if table == "fct_country_share_daily":
        with pytest.raises(Refusal, match="a published file cannot be read"):
            reporting.country_shares(home, reporting.Slice())


def test_a_generation_from_before_the_log_verifies(home: Home, tmp_path: Path) -> None:
    older = tmp_path / "older.duckdb"
    shutil.copy(home.published / "current" / "observatory.duckdb", older)
    with duckdb.connect(str(older)) as connection:
        connection.execute("drop table fct_revisions")
    told = {one.name: one.status for one in candidate.judge(older, home)}
    assert told["revisions_explained"] == "passed"
    assert "crashed" not in told.values()


def test_the_log_is_as_bounded_as_it_says(home: Home) -> None:
    """The tables and columns that the documentation names are those that are told."""
    text = (CHECKOUT / "docs" / "revisions.md").read_text(encoding="utf-8")
    section = text.split("## Which figures")[1].split("##")[0]
    documented = {
        (table, column)
        for table, columns in re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.M)
        for column in re.findall(r"`(\w+)`", columns)
    }
    assert documented == {(figure.table, figure.column) for figure in revisions.FIGURES}
    assert set(revisions.COMMENTS) - {""} == {
        column.name for column in TABLES[revisions.TABLE].columns
    }


def test_each_part_of_a_build_has_a_hash_of_its_own(tmp_path: Path) -> None:
    """What a change is put down to: seeds, claims, models, or what the Hub told of owners."""
    home, project = Home(tmp_path / "home"), tmp_path / "project"
    files = {
        "mapping": [project / "seeds" / "hub_organizations.csv"],
        "claims": [project / "seeds" / "claims.csv"],
        "rules": [project / "models" / "marts" / "a.sql", project / "macros" / "b.sql"],
        "owners": [home.raw / "hub_authors" / "authors.parquet"],
        "": [project / "models" / "marts" / "a.yml", project / "README.md"],
    }
    files["mapping"].append(warehouse.generated_organizations_file(home))
    for file in (file for of_part in files.values() for file in of_part):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("one")
    for part, of_part in files.items():
        for file in of_part:
            before = warehouse.fingerprints(home, project)
            file.write_text("another")
            after = warehouse.fingerprints(home, project)
            assert {name for name in after if after[name] != before[name]} == {part} - {""}
