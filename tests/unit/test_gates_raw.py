"""Gate 1 against clean days, against one corruption at a time, and against itself."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from local_hub.world.files import write_archive
from local_hub.world.named import named_world
from orchestration.errors import Refusal
from orchestration.gates import raw, raw_metrics, validation, verdicts
from orchestration.gates.outcome import CheckOutcome, blocked
from orchestration.home import Home, Universe
from orchestration.snapshots import importing, store
from orchestration.snapshots.store import Sealed, Source

# The clean home is made once: all in one worker.
pytestmark = pytest.mark.xdist_group("gates_raw")
NAMES = [check.name for check in raw.CHECKS]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Twelve clean days of a generated world of 3,000 models, judged."""
    root = tmp_path_factory.mktemp("clean")
    write_archive(named_world("clean:3000x12"), root / "archive")
    home = Home(root / "home")
    source = Source("archive", Universe("world", "clean"), {}, whole=True)
    imported = importing.import_archive(home, root / "archive", source)
    outcomes = raw.judge(home, imported.dates)
    assert [str(one) for one in outcomes if one.status != "passed"] == []
    return home


@pytest.fixture
def home(clean: Home, tmp_path: Path) -> Home:
    """A copy of the clean home that a test may damage."""
    shutil.copytree(clean.root, tmp_path / "home")
    return Home(tmp_path / "home")


def last_day(home: Home) -> Sealed:
    return store.list_sealed(home)[-1]


def reseal(home: Home, change: str, *, of: int = -1, **manifest: object) -> date:
    """Rewrite a sealed day as `change` (SQL on the table `records`) leaves it.

    The manifest agrees with the file, as if the importer had let it through.
    """
    sealed = store.list_sealed(home)[of]
    path = store.parquet_of(home, sealed)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table records as from read_parquet('{path}', hive_partitioning = false)"
        )
        for number, other in enumerate(store.list_sealed(home)):
            file = store.parquet_of(home, other)
            connection.execute(
                f"create view day_{number} as "
                f"from read_parquet('{file}', hive_partitioning = false)"
            )
        connection.execute(change)
        connection.execute(f"copy records to '{path}.new' (format parquet)")
        (rows,) = connection.execute("select count(*) from records").fetchall()[0]
        try:
            total = connection.execute("select sum(downloads)::bigint from records").fetchall()
            downloads = int(total[0][0] or 0)
        except duckdb.Error:
            downloads = sealed.downloads
    path.with_name(path.name + ".new").replace(path)
    changed = {
        "rows": rows,
        "downloads": downloads,
        "sha256": store.sha256_of(path),
        "content_sha256": f"changed {change}",
    }
    rewrite(home, dataclasses.replace(sealed, **{**changed, **manifest}))
    return sealed.snapshot_date


def rewrite(home: Home, sealed: Sealed) -> None:
    folder = store.folder_of(home, sealed.snapshot_date)
    (folder / store.MANIFEST).write_text(sealed.to_json())


def not_passed(home: Home, day: date) -> dict[str, CheckOutcome]:
    outcomes = raw.judge(home, [day])
    assert [one.name for one in outcomes] == NAMES
    return {one.name: one for one in outcomes if one.status != "passed"}


# What is done to the last day, and the checks that must tell. Each blocks.
LAST_ID = "(select max(id) from records)"
LARGEST = "(select max_by(id, downloads) from records)"
LARGEST_OWNER = "(select author from day_10 group by 1 order by sum(downloads) desc limit 1)"
CORRUPTIONS: dict[str, tuple[str, str]] = {
    "an id is null": ("update records set id = null where id = " + LAST_ID, "ids_present"),
    "an id is free text": (
        f"update records set id = 'not an id!' where id = {LAST_ID}",
        "ids_readable",
    ),
    "an id holds garbage bytes": (
        f"update records set id = 'owner/\u00fc\u202e' where id = {LAST_ID}",
        "ids_readable",
    ),
    "a row comes twice": (f"insert into records from records where id = {LAST_ID}", "ids_unique"),
    "a hub key comes twice": (
        f"update records set _id = (select min(_id) from records) where id = {LAST_ID}",
        "keys_unique",
    ),
    "a count is negative": (
        f"update records set downloads = -1 where id = {LAST_ID}",
        "counts_possible",
    ),
    "likes are negative": (
        f"update records set likes = -7 where id = {LAST_ID}",
        "counts_possible",
    ),
    "a count is absurd": (
        f"update records set downloads = 900000000000 where id = {LAST_ID}",
        "counts_possible",
    ),
    "a model comes from the future": (
        f"update records set createdAt = timestamp '2030-01-01' where id = {LAST_ID}",
        "dates_possible",
    ),
    "all counters are zero": (
        "update records set downloads = 0, downloadsAllTime = 0",
        "downloads_exist",
    ),
    "nearly all counters are zero": (
        f"update records set downloads = 0 where id <> {LARGEST}",
        "zeros_possible",
    ),
    "downloads and likes are swapped": (
        "update records set downloads = likes, likes = downloads",
        "counters_in_their_columns",
    ),
    "both download counters are swapped": (
        "update records set downloads = downloadsAllTime, downloadsAllTime = downloads",
        "all_time_not_below_month",
    ),
    "dates are swapped": (
        "update records set createdAt = lastModified, lastModified = createdAt",
        "dates_ordered",
    ),
    "authors are shifted by a row": (
        "create or replace table records as select * replace (lag(author) over (order by id) "
        "as author) from records",
        "authors_match_ids",
    ),
    "yesterday is served again with one like more": (
        f"create or replace table records as from day_10; "
        f"update records set likes = likes + 1 where id = {LAST_ID}",
        "models_move",
    ),
    "a week-old day is served": (
        f"create or replace table records as from day_4; "
        f"update records set likes = likes + 1 where id = {LAST_ID}",
        "rows_complete",
    ),
    **{
        f"{percent} % of the rows are lost": (
            f"delete from records where hash(id) % 100 < {percent}",
            "models_lost_usual" if percent == 1 else "rows_complete",
        )
        for percent in (1, 5, 10, 50)
    },
    "the newest models are lost": (
        "delete from records where createdAt > (select quantile_cont(createdAt, 0.97) "
        "from records)",
        "rows_complete",
    ),
    "the heaviest models are replaced by new ones": (
        "update records set _id = 'f' || _id, id = id || '-x' where downloads >= "
        "(select quantile_cont(downloads, 0.999) from records)",
        "heavy_models_there",
    ),
    "the largest owner is gone": (
        f"delete from records where author = {LARGEST_OWNER}",
        "largest_owner_there",
    ),
    "ids are in small letters": ("update records set id = lower(id)", "ids_keep_their_case"),
    "ids are in capitals and keys are lost": (
        "update records set id = upper(id), _id = null",
        "recorded_as_before",
    ),
    "a counter is a thousand times itself": (
        "update records set downloads = downloads * 1000 where id = (select min_by(id, downloads) "
        "from records where downloads > 2000)",
        "no_impossible_jump",
    ),
    "all counters are doubled": (
        "update records set downloads = 2 * downloads",
        "downloads_usual",
    ),
    "all counters are thousands": (
        "update records set downloads = downloads // 1000",
        "downloads_usual",
    ),
    "cumulative counters are halved": (
        "update records set downloadsAllTime = downloadsAllTime // 2",
        "downloads_all_time_usual",
    ),
    "a tenth of the models is invented": (
        "insert into records select * replace (_id || 'x' as _id, id || '-x' as id) "
        "from records where hash(id) % 10 = 0",
        "rows_usual",
    ),
    "tags are no longer served": ("update records set tags = null", "recorded_as_before"),
    "creation dates are lost for a tenth": (
        "update records set createdAt = null where hash(id) % 10 = 0",
        "recorded_as_before",
    ),
    "there is no row": ("delete from records", "rows_exist"),
    "a column is renamed": (
        "alter table records rename downloads to downloads_30d",
        "columns_as_declared",
    ),
    "a column is missing": ("alter table records drop likes", "columns_as_declared"),
    "a count is text": (
        "alter table records alter downloads type varchar",
        "columns_as_declared",
    ),
}


# `make test` runs a sample, `make test-long` all.
SAMPLE = random.Random(4).sample(sorted(CORRUPTIONS), 8)


@pytest.mark.parametrize(
    "corruption",
    [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long) for name in CORRUPTIONS],
)
def test_a_corruption_is_caught_by_its_check(home: Home, corruption: str) -> None:
    change, check = CORRUPTIONS[corruption]
    found = not_passed(home, reseal(home, change))
    assert found[check].status == "failed"
    assert found[check].blocks
    assert not raw.verdict(home, last_day(home).snapshot_date).passed


def test_what_fails_shows_rows_and_a_cure(home: Home) -> None:
    day = reseal(home, f"update records set downloads = -1 where id = {LAST_ID}")
    outcome = not_passed(home, day)["counts_possible"]
    assert outcome.observed == 1
    assert outcome.threshold == "at most 0"
    assert [row["downloads"] for row in outcome.sample] == [-1]
    assert outcome.cure


def test_the_content_of_an_earlier_day_is_refused(home: Home) -> None:
    third = store.list_sealed(home)[2]
    day = reseal(
        home,
        "create or replace table records as from day_2",
        content_sha256=third.content_sha256,
    )
    assert not_passed(home, day)["not_served_again"].observed == 1


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (lambda path: path.unlink(), "file_as_sealed"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "file_as_sealed"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "file_as_sealed"),
    ],
    ids=["removed", "cut", "longer"],
)
def test_a_damaged_file_fails_one_check_and_the_others_crash(
    home: Home, damage: Callable[[Path], None], check: str
) -> None:
    damage(store.parquet_of(home, last_day(home)))
    found = not_passed(home, last_day(home).snapshot_date)
    assert found[check].status == "failed"
    assert {one.status for name, one in found.items() if name != check} == {"crashed"}
    assert len(blocked(found.values())) == sum(check.blocking for check in raw.CHECKS)


def test_a_manifest_of_other_counts_is_refused(home: Home) -> None:
    day = reseal(home, "select 1", rows=1)
    assert "counts_as_sealed" in not_passed(home, day)


@pytest.mark.parametrize(
    ("manifest", "check"),
    [
        ({"rows_quarantined": 20}, "quarantined_rows_few"),
        ({"rows_quarantined": 1, "downloads_quarantined": 10**9}, "quarantined_downloads_few"),
    ],
)
def test_too_much_in_quarantine_is_refused(
    home: Home, manifest: dict[str, int], check: str
) -> None:
    day = reseal(home, "select 1", **manifest)
    assert set(not_passed(home, day)) == {check}


def test_a_panel_may_shrink_but_not_lose_its_largest_owner(home: Home) -> None:
    for number, sealed in enumerate(store.list_sealed(home)):
        rewrite(home, dataclasses.replace(sealed, whole=False, content_sha256=f"panel {number}"))
    assert not not_passed(home, reseal(home, "delete from records where hash(id) % 100 < 40"))
    day = reseal(home, f"delete from records where author = {LARGEST_OWNER}")
    assert "largest_owner_there" in not_passed(home, day)


def test_another_kind_of_source_may_record_less(home: Home) -> None:
    """A day filled in from an archive between crawled ones lacks what archives do not hold."""
    change = "update records set trendingScore = null, disabled = null"
    assert "recorded_as_before" in not_passed(home, reseal(home, change))
    day = reseal(home, change, source={"kind": "dataset"})
    assert not [one for one in not_passed(home, day).values() if one.blocks]


def test_a_refused_day_is_no_reference_for_the_next(home: Home) -> None:
    """Half the rows lost two days in a row: the second is not excused by the first."""
    days = [
        reseal(home, "delete from records where hash(id) % 100 < 3", of=place) for place in (-2, -1)
    ]
    outcomes = raw.judge(home, days)
    failed = {(one.snapshot_date, one.name) for one in blocked(outcomes)}
    assert {(day, "rows_complete") for day in days} <= failed


def test_the_verdict_is_kept_until_the_content_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = last_day(home).snapshot_date
    kept = raw.verdict(home, day)
    monkeypatch.setattr(raw_metrics, "measure", lambda *_: pytest.fail("measured again"))
    assert raw.verdict(home, day) == kept
    monkeypatch.undo()
    reseal(home, "delete from records where hash(id) % 100 < 50")
    assert not raw.verdict(home, day).passed


def test_a_day_is_judged_again_when_the_days_before_it_come(home: Home) -> None:
    day = reseal(home, "delete from records where hash(id) % 2 = 0")
    older = sorted(store.folder_of(home, day).parent.glob("snapshot_date=*"))[:-1]
    for folder in older:
        folder.rename(home.root / folder.name)
    assert raw.verdicts(home, [day])[day].passed, "there is nothing to compare with"
    for folder in older:
        (home.root / folder.name).rename(folder)
    judged = raw.verdicts(home, [sealed.snapshot_date for sealed in store.list_sealed(home)])
    assert [one for one, given in judged.items() if not given.passed] == [day]
    failed = {one.name for one in judged[day].outcomes if one.status == "failed"}
    assert {"rows_complete", "heavy_models_there"} <= failed


def test_a_day_is_judged_again_when_its_reference_is_corrected(home: Home) -> None:
    """The largest owner of the day before was another than was believed, and is not there."""
    last, owner = last_day(home).snapshot_date, "'somebody-else'"
    assert raw.verdict(home, last).passed
    reseal(
        home,
        f"update records set id = {owner} || '/' || split_part(id, '/', 2), "
        f"author = {owner} where author = {LARGEST_OWNER}",
        of=-2,
    )
    raw.accept(home, store.list_sealed(home)[-2].snapshot_date, "largest_owner_there", "renamed")
    assert "largest_owner_there" in {
        one.name for one in raw.verdict(home, last).outcomes if one.status == "failed"
    }


def test_what_an_operator_accepts_is_a_warning_for_this_content_only(home: Home) -> None:
    recount = "update records set downloadsAllTime = 2 * downloadsAllTime"
    day = reseal(home, recount)
    with pytest.raises(Refusal, match="needs a reason"):
        raw.accept(home, day, "downloads_all_time_usual", " ")
    with pytest.raises(Refusal, match="nothing to accept: rows_usual does not fail"):
        raw.accept(home, day, "rows_usual", "why not")
    with pytest.raises(Refusal, match="ids_unique is no check that can be accepted"):
        raw.accept(home, day, "ids_unique", "why not")
    accepted = raw.accept(home, day, "downloads_all_time_usual", "the Hub recounted")
    assert accepted.passed
    assert raw.verdict(home, day) == accepted
    outcome = next(one for one in accepted.outcomes if one.name == "downloads_all_time_usual")
    assert outcome.status == "warned"
    assert outcome.threshold.endswith("accepted: the Hub recounted")
    reseal(home, recount, content_sha256="another")
    assert not raw.verdict(home, day).passed


def test_a_damaged_verdict_is_given_again(home: Home) -> None:
    day = last_day(home).snapshot_date
    file = store.folder_of(home, day) / verdicts.GATE
    kept = raw.verdict(home, day)
    file.write_text(file.read_text()[:100])
    assert raw.verdict(home, day).outcomes == kept.outcomes


def test_judging_day_by_day_and_at_once_gives_the_same(home: Home) -> None:
    dates = [sealed.snapshot_date for sealed in store.list_sealed(home)]
    at_once = {day: given.outcomes for day, given in raw.verdicts(home, dates).items()}
    for day in dates[-3:]:
        (store.folder_of(home, day) / verdicts.GATE).unlink()
    assert {day: raw.verdict(home, day).outcomes for day in dates} == at_once


def test_a_check_that_raises_crashes_and_blocks(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metric that is not in the frame raises inside Great Expectations."""
    checks = tuple(
        dataclasses.replace(check, metric="nowhere") if check.name == "ids_unique" else check
        for check in raw.CHECKS
    )
    day = last_day(home).snapshot_date
    genuine = validation.validate
    monkeypatch.setattr(raw, "validate", lambda frame, _: genuine(frame, checks))
    outcomes = {one.name: one for one in raw.judge(home, [day])}
    assert outcomes["ids_unique"].status == "crashed"
    assert outcomes["ids_unique"].blocks
    assert "does not exist" in str(outcomes["ids_unique"].observed)
    assert {one.status for name, one in outcomes.items() if name != "ids_unique"} == {"passed"}
    monkeypatch.undo()
    # A crash is no verdict: it is not kept.
    assert raw.verdict(home, day).passed


def test_a_metric_that_cannot_be_measured_crashes_every_check(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(raw_metrics, "measure", measure)
    outcomes = raw.judge(home, [last_day(home).snapshot_date])
    assert {one.status for one in outcomes} == {"crashed"}


def test_outcomes_survive_json(home: Home) -> None:
    day = reseal(home, "update records set likes = -1")
    for outcome in raw.judge(home, [day]):
        assert CheckOutcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


def test_quality_rows_have_one_row_a_check(home: Home) -> None:
    given = raw.verdict(home, last_day(home).snapshot_date)
    rows = given.quality_rows()
    assert [row["check_name"] for row in rows] == NAMES
    assert all(isinstance(row["observed_value"], float | None) for row in rows)


def test_a_day_that_is_not_sealed_is_refused(home: Home) -> None:
    with pytest.raises(Refusal, match="no sealed snapshot of 2020-01-01"):
        raw.verdict(home, date(2020, 1, 1))


def test_every_check_is_described_with_a_cure() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for check in raw.CHECKS:
        assert check.name.isidentifier()
        assert check.description.endswith(".")
        assert check.cure
