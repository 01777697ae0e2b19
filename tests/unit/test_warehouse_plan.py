"""Which days a build computes: in whatever order they come, the last build says the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import database, warehouse
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.snapshots.store import Sealed
from tests.integration.built_world import sealed

FIRST = date(2026, 8, 1)


def day(number: int, content: str = "") -> Sealed:
    on = FIRST + timedelta(days=number)
    return replace(sealed(on), content_sha256=content or str(on))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def built(home: Home, days: Sequence[Sealed], unsettled: Sequence[int] = ()) -> None:
    """A warehouse that was built from `days`, of which some may still change."""
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    home.warehouse.unlink(missing_ok=True)
    waiting = [str(day(number).snapshot_date) for number in unsettled]
    known = {
        "code": "c",
        "days": {str(one.snapshot_date): one.content_sha256 for one in days},
        "parts": warehouse.fingerprints(home),
        "builds": [("first", str(date.min))],
        "waiting": waiting,
    }
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema raw; create schema intermediate")
        connection.execute("create table raw.finished_build as select ? as built_from", [
            json.dumps(known)
        ])  # fmt: skip
        connection.execute(
            "create table intermediate.int_hub__counter_status as "
            "select unnest(?::date[]) as snapshot_date, false as is_settled",
            [waiting],
        )


def cut_off(home: Home, plan: warehouse.BuildPlan) -> None:
    """The warehouse as a build leaves it that began and did not end."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("drop table if exists raw.finished_build")
        connection.execute("drop table if exists raw.begun_build")
        if plan.begun is not None:
            connection.execute("create table raw.begun_build as select ? as built_from", [
                json.dumps(plan.begun)
            ])  # fmt: skip


def test_days_in_any_order_end_with_all_of_them_in_theirs(home: Home) -> None:
    for order in itertools.permutations(range(4)):
        built(home, [])
        for until in range(1, 5):
            arrived = [day(number) for number in order[:until]]
            plan = warehouse.plan(home, arrived, code="c")
            assert list(plan.days) == sorted(arrived, key=lambda one: one.snapshot_date)
            # What lies before a day that is known already changes that day: all is built anew.
            is_late = any(number > order[until - 1] for number in order[: until - 1])
            assert plan.is_rebuild == is_late
            assert plan.window == (plan.days if is_late else (day(order[until - 1]),))
            built(home, plan.days)


@pytest.mark.parametrize(
    ("days", "code", "why"),
    [
        ([day(0), day(1, "corrected")], "c", "a day was corrected or withdrawn"),
        ([day(0)], "c", "a day was corrected or withdrawn"),
        ([day(0), day(1)], "d", "models, seeds or how snapshots are read changed"),
    ],
    ids=["corrected", "withdrawn", "other code"],
)
def test_what_changes_the_past_builds_it_anew(
    home: Home, days: list[Sealed], code: str, why: str
) -> None:
    built(home, [day(0), day(1)])
    plan = warehouse.plan(home, days, code=code)
    assert (plan.is_rebuild, plan.why, list(plan.window)) == (True, why, days)


def test_other_owners_of_a_generated_world_build_it_anew(home: Home) -> None:
    """Else the days before would keep countries that the new ones do not know."""
    file = warehouse.generated_organizations_file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("organization\nacme\n")
    built(home, [day(0)])
    assert not warehouse.plan(home, [day(0), day(1)], code="c").is_rebuild
    file.write_text("organization\nglobex\n")
    plan = warehouse.plan(home, [day(0), day(1)], code="c")
    assert (plan.is_rebuild, plan.why) == (True, "the owners of the generated world changed")


def test_each_build_tells_from_which_day_it_may_have_changed_something(home: Home) -> None:
    first = warehouse.plan(home, [day(0), day(1)], code="c")
    built(home, first.days)
    warehouse.finish(home, first)
    assert [since for _, since in first.builds] == [str(date.min)]
    second = warehouse.plan(home, [day(0), day(1), day(2)], code="c")
    # What was provisional lies before the newest day that was built, however long that is ago.
    a_month_before = FIRST + timedelta(days=1) - warehouse.SETTLED_WITHIN
    assert second.builds[0] == first.builds[0]
    assert [since for _, since in second.builds[1:]] == [str(a_month_before)]
    assert second.window == (day(2),)
    after_a_gap = warehouse.plan(home, [day(0), day(1), day(90)], code="c")
    assert [since for _, since in after_a_gap.builds[1:]] == [str(a_month_before)]
    anew = warehouse.plan(home, [day(0), day(1), day(2)], code="d")
    assert [since for _, since in anew.builds] == [str(date.min)]
    assert len({*first.builds, *second.builds, *after_a_gap.builds, *anew.builds}) == 4


def test_a_build_of_nothing_new_changes_no_day(home: Home) -> None:
    first = warehouse.plan(home, [day(0)], code="c")
    built(home, first.days)
    warehouse.finish(home, first)
    again = warehouse.plan(home, [day(0)], code="c")
    assert again.builds == first.builds


def test_a_build_that_was_cut_off_is_made_once_more_and_then_all_anew(home: Home) -> None:
    """With the day that came meanwhile: a day more, not years."""
    days = [day(number) for number in range(6)]
    built(home, days[:4], unsettled=[3])
    first = warehouse.plan(home, days[:5], code="c")
    assert list(first.window) == days[3:5]
    cut_off(home, first)
    assert warehouse.days_again(home) == [one.snapshot_date for one in days[3:5]]
    second = warehouse.plan(home, days, code="c")
    assert (second.is_rebuild, list(second.window)) == (False, days[3:])
    assert second.builds[:-1] == first.builds[:-1]
    cut_off(home, second)
    third = warehouse.plan(home, days, code="c")
    assert (third.is_rebuild, third.why) == (True, "the last build did not end")


@pytest.mark.parametrize("now", [[], [day(2, "corrected")]], ids=["withdrawn", "corrected"])
def test_what_a_cut_off_build_may_have_left_of_another_day_builds_it_anew(
    home: Home, now: list[Sealed]
) -> None:
    built(home, [day(0), day(1)])
    cut_off(home, warehouse.plan(home, [day(0), day(1), day(2)], code="c"))
    assert warehouse.plan(home, [day(0), day(1), *now], code="c").is_rebuild


def test_a_cut_off_build_is_made_again_whole_where_less_fits(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [replace(day(number), rows=100) for number in range(8)]
    monkeypatch.setattr(warehouse, "SLICES", 0)
    monkeypatch.setattr(warehouse, "ROWS_AT_ONCE", 400)
    built(home, days[:2])
    cut_off(home, warehouse.plan(home, days, code="c"))
    monkeypatch.setattr(warehouse, "ROWS_AT_ONCE", 100)
    assert list(warehouse.plan(home, days, code="c").window) == days[2:6]


def test_a_rebuild_that_was_cut_off_or_thrown_away_begins_anew(home: Home) -> None:
    built(home, [day(0)])
    cut_off(home, warehouse.plan(home, [day(0)], code="d"))
    assert warehouse.plan(home, [day(0)], code="d").is_rebuild
    built(home, [day(0)])
    warehouse.discard(home)
    assert warehouse.plan(home, [day(0)], code="c").is_rebuild


def test_days_that_may_still_change_are_built_again(home: Home) -> None:
    days = [day(number) for number in range(5)]
    built(home, days[:4], unsettled=[2, 3])
    plan = warehouse.plan(home, days, code="c")
    assert (plan.is_rebuild, list(plan.window)) == (False, days[2:])


@pytest.mark.parametrize("rows", [1, 100, 250, 300, 10_000])
def test_a_long_history_is_built_in_parts_that_fit(
    home: Home, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Each day once, oldest first, at most `rows` at once, and never less than a day."""
    days = [replace(day(number), rows=100) for number in range(7)]
    monkeypatch.setattr(warehouse, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(warehouse, "SLICES", 0)
    at_once = max(rows // 100, 1)
    found: list[Sealed] = []
    while len(found) < 7:
        plan = warehouse.plan(home, reversed(days), code="c")
        assert list(plan.window) == days[len(found) : len(found) + at_once]
        assert plan.is_rebuild == (not found)
        found += plan.window
        assert list(plan.days) == found
        assert plan.days_left == 7 - len(found)
        built(home, found)
    assert warehouse.plan(home, days, code="c").window == ()


@pytest.mark.parametrize(
    ("rows", "days", "first"),
    [(155, 721, 721), (20_000, 365, 42), (50_000, 365, 35), (5_000_000, 3, 1)],
    ids=["two years of a panel", "20,000 models", "50,000 models", "the whole Hub"],
)
def test_what_is_built_at_once_depends_on_models_and_on_days(
    home: Home, rows: int, days: int, first: int
) -> None:
    """Each day has thousands of rows of organizations, however few its models are."""
    history = [replace(day(number), rows=rows) for number in range(days)]
    assert len(warehouse.plan(home, history, code="c").window) == first


def test_a_smaller_limit_makes_smaller_parts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    history = [replace(day(number), rows=50_000) for number in range(365)]
    monkeypatch.setattr(database, "MEMORY_LIMIT", "1.25GiB")
    assert len(warehouse.plan(home, history, code="c").window) == 17
    monkeypatch.setattr(database, "MEMORY_LIMIT", "10GiB")
    assert len(warehouse.plan(home, history, code="c").window) == 141


def test_days_that_are_built_again_leave_room_for_fewer_new_ones(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [replace(day(number), rows=100) for number in range(8)]
    monkeypatch.setattr(warehouse, "ROWS_AT_ONCE", 400)
    monkeypatch.setattr(warehouse, "SLICES", 0)
    for first, expected in ((2, days[2:6]), (1, days[1:5]), (0, days[:5])):
        built(home, days[:4], unsettled=[first])
        plan = warehouse.plan(home, days, code="c")
        assert list(plan.window) == expected
        assert list(plan.days) == days[: plan.days.index(expected[-1]) + 1]
        assert plan.days_left == 8 - len(plan.days)


def test_nothing_new_builds_nothing(home: Home) -> None:
    built(home, [day(0), day(1)])
    plan = warehouse.plan(home, [day(1), day(0)], code="c")
    assert (plan.is_rebuild, plan.window) == (False, ())


def test_what_a_killed_build_had_spilled_goes_and_stops_nobody(home: Home) -> None:
    """DuckDB leaves its folder when its process ends at once; a rebuild took it for a file."""
    spilled = home.warehouse.with_name(f"{home.warehouse.name}.tmp") / "duckdb_temp_storage-0.tmp"
    for is_rebuild in (True, False):
        spilled.parent.mkdir(parents=True)
        spilled.write_bytes(b"spilled")
        warehouse.register(home, warehouse.BuildPlan((), (), is_rebuild, "x", "c"), [])
        assert not spilled.parent.exists()
        assert home.warehouse.is_file()


OWNERS = dict.fromkeys(warehouse.GENERATED_ORGANIZATIONS, "") | {"organization": "acme"}


def registered(home: Home, **values: str) -> list[tuple[object, ...]]:
    """What a build sees of a generated world's second organization, beside one as it should be."""
    file = warehouse.generated_organizations_file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [OWNERS | {"is_international": "false"}, OWNERS | values]
    file.write_text(
        "\n".join(",".join(row) for row in ([*OWNERS], *(list(one.values()) for one in rows)))
    )
    warehouse.register(home, warehouse.BuildPlan((), (), True, "x", "c"), [])
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(
            "select is_international, valid_from, valid_to from raw.generated_organizations"
        ).fetchall()[1:]


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "false", "False"])
def test_a_generated_organization_is_international_in_whatever_case(home: Home, text: str) -> None:
    found = registered(home, is_international=text, valid_from="2026-08-01")
    assert found == [(text.lower() == "true", FIRST, None)]


@pytest.mark.parametrize(
    ("values", "field", "cure"),
    [
        ({"is_international": "yes"}, "is_international", "write true or false"),
        ({"is_international": ""}, "is_international", "write true or false"),
        (
            {"is_international": "True", "valid_to": "August"},
            "valid_to",
            "write a day as YYYY-MM-DD, or nothing",
        ),
    ],
)
def test_what_cannot_be_read_of_a_generated_organization_is_refused(
    home: Home, values: dict[str, str], field: str, cure: str
) -> None:
    with pytest.raises(Refusal) as refused:
        registered(home, **values)
    told = refused.value
    assert (told.file, told.row, told.field, told.cure) == (
        warehouse.generated_organizations_file(home), 3, field, cure,
    )  # fmt: skip


def test_a_generated_world_whose_organizations_are_missing_is_not_built(home: Home) -> None:
    """No country would have a download in it, and every gate would pass."""
    home.claim_universe(Universe("world", "demo"))
    file = warehouse.generated_organizations_file(home)
    with pytest.raises(Refusal, match="no country would have any") as refused:
        warehouse.register(home, warehouse.BuildPlan((), (), True, "x", "c"), [])
    assert refused.value.file == file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(",".join(OWNERS) + "\n")
    warehouse.register(home, warehouse.BuildPlan((), (), True, "x", "c"), [])


def test_a_home_of_the_hub_knows_no_generated_organizations(home: Home) -> None:
    """Of a world that was tried here once, and left its file behind."""
    home.claim_universe(Universe("hub"))
    assert registered(home, is_international="true") == []


def test_another_way_of_reading_snapshots_is_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else days that were built from what was read wrongly would stay as they are."""
    reading = tmp_path / "orchestration" / "snapshots" / "reading.py"
    reading.parent.mkdir(parents=True)
    monkeypatch.setattr(warehouse, "CHECKOUT", tmp_path)

    def told() -> tuple[str, str]:
        return warehouse.code_fingerprint(), warehouse.fingerprints(Home(tmp_path / "home"))[
            "rules"
        ]

    reading.write_text("right = False")
    before = told()
    reading.write_text("right = True")
    assert all(one != other for one, other in zip(before, told(), strict=True))
