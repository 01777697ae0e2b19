"""What must hold of shares whatever the history: the rules' own answer, and symmetries.

The models of dbt, as dbt compiles them, over random histories of two dozen models.
"""

from __future__ import annotations

import csv
import io
import itertools
import random
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from tests.contract import random_history
from tests.contract.compiled_models import Model, build, compiled
from tests.contract.random_history import ORGANIZATIONS, History
from tests.integration.oracle import SLICE, Oracle

pytestmark = pytest.mark.xdist_group("share_properties")

MARTS = ("fct_country_share_daily", "fct_organization_share_daily", "fct_flow_adjustments")
COVERAGE, CONCENTRATION = "fct_mapping_coverage_daily", "fct_concentration_daily"
MODELS = (
    *(f"stg_hub__{name}" for name in ("unkeyed_days", "renames", "models", "counters", "authors")),
    *(
        f"int_hub__{name}"
        for name in (
            "corrected_names", "corrected_models", "model_days", "snapshot_days", "counter_days",
            "counter_shortfalls", "counter_status",
            "flow_days", "flow_windows", "flow_references", "counter_events", "counter_floors",
            "unseen_levels", "last_sights", "lineage_edges", "parent_roots", "lineage_roots",
            "last_roots",
            "model_flows", "absent_models", "absent_roots", "lineage", "slices", "model_downloads",
            "divided_credits", "curated_organizations", "owners", "owner_types",
            "owner_downloads", "owner_days", "country_downloads", "contested_slices",
            "country_slices", "organization_slices", "lineage_slices",
            "root_downloads", "download_counts",
        )
    ),
    *MARTS,
    COVERAGE,
    CONCENTRATION,
)  # fmt: skip
# Which days count is told by the first of them.
COUNTERS = MODELS[: MODELS.index("int_hub__counter_status") + 1]
# Each takes seconds; `make test-long` draws more.
SEEDS = [pytest.param(seed, marks=() if seed < 2 else pytest.mark.long) for seed in range(40)]
# In 2 of these a model is away on the day on which the source begins to record keys.
KEYED = [pytest.param(seed, marks=() if seed == 2 else pytest.mark.long) for seed in range(1, 40)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    return compiled(tmp_path_factory.mktemp("compiled"), MODELS)


def built(
    models: dict[str, Model],
    history: History,
    order: int | None = None,
    overrides: pd.DataFrame | None = None,
) -> duckdb.DuckDBPyConnection:
    inputs = random_history.inputs(history)
    if overrides is not None:
        inputs["seeds.lineage_overrides"] = overrides
    owners = pd.DataFrame(list(csv.DictReader(io.StringIO(ORGANIZATIONS)))).replace("", None)
    inputs["seeds.owners"] = owners
    inputs["seeds.hub_organizations"] = (
        "select * replace (valid_from::date as valid_from, valid_to::date as valid_to, "
        "is_international::boolean as is_international) from seeds.owners"
    )
    inputs["raw.generated_organizations"] = "select * from seeds.hub_organizations where false"
    return build(models, inputs, order=order)


def statuses(models: dict[str, Model], history: History) -> dict[date, str]:
    """Which days of `history` count."""
    connection = built({name: models[name] for name in COUNTERS}, history)
    found = connection.execute("select snapshot_date, status from built.int_hub__counter_status")
    return dict(found.fetchall())


def read(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    found = connection.execute(f"select * from marts.{table} order by all").df()
    found["snapshot_date"] = found["snapshot_date"].dt.date
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_those_of_the_second_computation(models: dict[str, Model], seed: int) -> None:
    """With a year between the first day and the last, so that every window is measured."""
    measured = compared(models, random_history.draw(seed))
    assert seed > 2 or "365d" in measured


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_source_does_not_record_is_not_counted_as_nothing(
    models: dict[str, Model], seed: int
) -> None:
    """Whoever has no model with a known figure has no figure, and a reason."""
    history = untold(random_history.draw(seed), seed)
    assert "30d" in compared(models, history)
    for table in MARTS[:2]:
        found = read(built(models, history), table)
        measured = found.groupby(SLICE)["downloads"].transform("count") > 0
        unknown = found[measured & found["downloads"].isna()]
        assert set(unknown["null_reason"]) == {
            "the source records no downloads of these models",
            "the source records no downloadsAllTime of these models",
            "the counters of these models tell of no part of the window",
        }
        figures = [*found.columns[found.columns.str.startswith("share")], "rank"]
        assert unknown[figures].isna().all(axis=None)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_correction_says_what_the_tags_of_all_days_should_have_said(
    models: dict[str, Model], seed: int
) -> None:
    """Whichever name of a model it has: of those that get another owner the first or the last."""
    history = moved(random_history.draw(seed), seed)
    chance = random.Random(seed)
    names: dict[str, list[str]] = {}
    for day in sorted(history):
        for row in history[day]:
            names.setdefault(row["_id"], []).append(row["id"])
    right = {
        key: chance.choice([None, "acme/model-1", "globe/model-2", "shan/never-seen"])
        for key, ids in names.items()
        if len(set(ids)) > 1 or chance.random() < 0.3
    }
    assert any(len(set(names[key])) > 1 for key in right)
    overrides = pd.DataFrame(
        [(chance.choice(names[key]), parent, "invented") for key, parent in right.items()],
        columns=["model_id", "base_model_id", "evidence"],
    )
    told = {
        day: [row | {"tags": told_tags(row, right)} for row in rows]
        for day, rows in history.items()
    }
    compared(models, told, built(models, history, overrides=overrides))


def told_tags(row: dict[str, Any], right: dict[str, str | None]) -> list[str]:
    """The tags of `row`, if its base_model tag were what is `right`."""
    if row["_id"] not in right:
        return list(row["tags"])
    parent = right[row["_id"]]
    others = [tag for tag in row["tags"] if not tag.startswith("base_model:")]
    return [*others, f"base_model:{parent}"] if parent else others


def compared(
    models: dict[str, Model],
    history: History,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> set[str]:
    """Compare the marts of `history` with the second computation; the windows with figures."""
    connection = connection or built(models, history)
    measured: set[str] = set()
    oracle = Oracle(history, ORGANIZATIONS)
    statuses = connection.execute(
        "select snapshot_date, status from built.int_hub__counter_status"
    ).fetchall()
    assert dict(statuses) == oracle.flows.statuses
    for table, key in zip(MARTS[:2], ("country_key", "owner"), strict=True):
        grain = list(dict.fromkeys([*SLICE, key, "country_key"]))
        found = read(connection, table).rename(columns={"organization": "owner"})
        expected = oracle.shares(key, oracle.days).sort_values(grain, ignore_index=True)
        found = found.sort_values(grain, ignore_index=True)
        assert found[grain].equals(expected[grain])
        assert (found["models_count"] == expected["models_count"]).all()
        assert found["rank"].astype("float64").equals(expected["rank"])
        names = expected.columns.difference([*grain, "models_count", "rank"])
        # Downloads have nine digits: of a whole of a few downloads a share has fewer.
        whole = expected.groupby(SLICE)["downloads"].transform("sum")
        for name in names:
            tolerance = 1e-9 if name.startswith("share") else 1e-6
            difference = (found[name] - expected[name]).abs()
            assert found[name].isna().equals(expected[name].isna())
            of = whole
            if name == "share_of_all_without_largest_model":
                # What is left without it, of which that share is: in one history 0.09 downloads.
                of = ((whole - expected["downloads"]) / (1 - expected[name])).fillna(whole)
            assert not (difference > tolerance * (1 + 10 / of.clip(1))).any(), name
        known = found[found["null_reason"].isna()]
        assert known["downloads"].notna().all()
        measured |= set(known["window_name"])
        for name in (name for name in names if name.startswith("share")):
            assert found[name].round(10).equals(found[name]), name
        sums = known.groupby(SLICE)["share_of_all"].agg(["sum", "count"])
        assert (abs(sums["sum"] - 1) < 1e-9 + 0.5e-10 * sums["count"]).all()
        if table == MARTS[0]:
            placed = known[known["country_code"].notna()]
            assert (placed["share_of_all_low"] <= placed["share_of_all"] + 1e-12).all()
            assert (placed["share_of_all"] <= placed["share_of_all_high"] + 1e-12).all()
    return measured


def test_a_rank_is_the_place_among_all_whether_they_are_named_or_not(
    models: dict[str, Model],
) -> None:
    """Of 2,400 owners 500 are named, and one that is curated and has the fewest downloads."""
    rows: list[dict[str, Any]] = [
        {
            "_id": owner, "id": f"{owner}/model", "author": owner, "author_type": "org",
            "tags": [], "pipeline_tag": None,
            "createdAt": datetime(2024, 1, 1), "downloads": downloads,
            "downloadsAllTime": 10 * downloads,
        }
        for owner, downloads in [("acme", 5), *((f"o{n:04}", 3_000 - n) for n in range(2_400))]
    ]  # fmt: skip
    history = {random_history.LAST: rows}
    found = read(built(models, history), MARTS[1]).rename(columns={"organization": "owner"})
    named = found[(found["owner"] != "(other)") & found["rank"].notna()]
    both = named.merge(
        Oracle(history, ORGANIZATIONS).shares("owner", [random_history.LAST]),
        on=[*SLICE, "owner"],
    )
    assert both["rank_x"].astype("float64").equals(both["rank_y"])
    assert set(named.loc[named["owner"] == "acme", "rank"]) == {2_401}
    assert len(both) == len(named) and found.loc[found["owner"] == "(other)", "rank"].isna().all()


@pytest.mark.parametrize("seed", range(20))
def test_a_day_without_counters_is_as_if_it_were_not_there(
    models: dict[str, Model], seed: int
) -> None:
    """A panel may record them on some days alone: the others are compared with each other."""
    history = random_history.draw(seed)
    silent = random.Random(seed).sample(sorted(history)[3:], 4)
    untold = {
        day: [row | {"downloadsAllTime": None} for row in rows] if day in silent else rows
        for day, rows in history.items()
    }
    spoken = {day: rows for day, rows in history.items() if day not in silent}
    expected = statuses(models, spoken) | dict.fromkeys(silent, "uncounted")
    assert statuses(models, untold) == expected
    assert expected == Oracle(untold, ORGANIZATIONS).flows.statuses


@pytest.mark.parametrize("seed", SEEDS[1:])
def test_the_order_of_rows_changes_nothing(models: dict[str, Model], seed: int) -> None:
    history = random_history.draw(seed)
    one, other = built(models, history, order=1), built(models, history, order=2)
    for table in MARTS:
        pd.testing.assert_frame_equal(read(one, table), read(other, table), rtol=0, atol=0)


@pytest.mark.parametrize("seed", SEEDS[1:])
def test_doubling_all_downloads_changes_no_share(models: dict[str, Model], seed: int) -> None:
    history = random_history.draw(seed)
    doubled = {
        day: [
            row | {name: 2 * row[name] for name in ("downloads", "downloadsAllTime")}
            for row in rows
        ]
        for day, rows in history.items()
    }
    one, other = built(models, history), built(models, doubled)
    for table in MARTS[:2]:
        before, after = read(one, table), read(other, table)
        for name in before:
            if name in ("downloads", "downloads_uncorrected"):
                pd.testing.assert_series_equal(2 * before[name], after[name], rtol=0, atol=1e-6)
            elif before[name].dtype == "float64":
                pd.testing.assert_series_equal(before[name], after[name], rtol=0, atol=1e-9)
            else:
                assert before[name].equals(after[name])


@pytest.mark.parametrize("seed", KEYED)
def test_a_new_id_without_the_hubs_key_is_no_deletion_and_no_spike(
    models: dict[str, Model], seed: int
) -> None:
    """Models get another owner, with the Hub's `_id`, without, or from a day on: all the same."""
    history = moved(random_history.draw(seed), seed)
    one = built(models, history)
    days = sorted(history)
    for unkeyed in (days, days[:8], days[8:]):
        other = built(
            models,
            {
                day: [row | {"_id": None} if day in unkeyed else row for row in rows]
                for day, rows in history.items()
            },
        )
        ((renames,),) = other.execute("select count(*) from built.stg_hub__renames").fetchall()
        assert renames > 0
        for table in MARTS[:2]:
            pd.testing.assert_frame_equal(read(one, table), read(other, table), rtol=0, atol=1e-9)


def test_a_cohort_that_nobody_can_tell_is_null_and_an_empty_one_is_empty(
    models: dict[str, Model],
) -> None:
    """Without dates of creation anybody may be new; with old ones nobody is."""
    history = random_history.draw(1)

    def dated(created: datetime | None) -> duckdb.DuckDBPyConnection:
        return built(
            models,
            {day: [row | {"createdAt": created} for row in rows] for day, rows in history.items()},
        )

    slices = len(history) * 6 * 2 * 2
    unknown, empty = dated(None), dated(datetime(2024, 1, 1))
    for table in (*MARTS[:2], COVERAGE):
        found = read(unknown, table)
        new, every = (found[found["cohort"] == cohort] for cohort in ("new_365d", "all"))
        assert len(new[SLICE].drop_duplicates()) == slices
        assert new["null_reason"].notna().all() and every["null_reason"].isna().any()
        assert "the source records no createdAt" in set(new["null_reason"])
        # Who may be in it stands there, and nothing of it.
        named = [*SLICE, "country_key", "country_code", "organization", "canonical_organization"]
        named += ["parent", "is_provisional", "null_reason"]
        assert new[new.columns.difference(named)].isna().all(axis=None)
        keys = [name for name in found if name in named[:-2] and name != "cohort"]
        assert new[keys].reset_index(drop=True).equals(every[keys].reset_index(drop=True))

        found = read(empty, table)
        new = found[found["cohort"] == "new_365d"]
        if table == COVERAGE:
            assert len(new) == slices
            assert (new["organizations_mapped_count"] == 0).all()
            assert "no model of this slice has downloads" in set(new["null_reason"])
            assert new["downloads_attributed_share"].isna().all()
        else:
            assert new.empty


def test_a_slice_of_whose_models_nothing_is_known_says_so(models: dict[str, Model]) -> None:
    """Who is new has no figure, all others have theirs."""
    history = {
        day: [
            row | {"downloads": None}
            if row["createdAt"] and row["createdAt"].date() > day - timedelta(days=366)
            else row
            for row in rows
        ]
        for day, rows in random_history.draw(1).items()
    }
    connection = built(models, history)
    newest = max(history)
    for table in (COVERAGE, CONCENTRATION):
        found = read(connection, table)
        found = found[(found["snapshot_date"] == newest) & (found["window_name"] == "30d")]
        is_new = found["cohort"] == "new_365d"
        assert set(found.loc[is_new, "null_reason"]) == {
            "the source records no downloads of these models"
        }
        assert found.loc[~is_new, "null_reason"].isna().all()
        if table == CONCENTRATION:
            assert (found["entities_count"].isna() == is_new).all()


def test_of_a_source_without_tags_nobody_can_tell_who_declares_a_parent(
    models: dict[str, Model],
) -> None:
    history = random_history.draw(1)
    untold = {day: [row | {"tags": None} for row in rows] for day, rows in history.items()}
    for known, days in ((True, history), (False, untold)):
        found = read(built(models, days), COVERAGE)
        found = found[(found["attribution"] == "publisher") & found["null_reason"].isna()]
        assert found["downloads_attributed_share"].notna().all()
        assert (found["downloads_with_known_lineage_share"].notna() == known).all()
        assert len(found) > 0


def untold(history: History, seed: int) -> History:
    """`history`, of which a source records less: no counters of a day, of an owner, of a model."""
    chance = random.Random(seed)
    days = chance.sample(sorted(history)[3:], 2)
    names = sorted({row["id"] for rows in history.values() for row in rows})
    silent = {"shan", *chance.sample(names, 4)}

    def told(day: date, row: dict[str, Any]) -> dict[str, Any]:
        nothing = {row["author"], row["id"]} & silent
        return row | {
            "downloads": None if nothing or chance.random() < 0.05 else row["downloads"],
            "downloadsAllTime": None
            if nothing or day in days or chance.random() < 0.05
            else row["downloadsAllTime"],
        }

    return {day: [told(day, row) for row in rows] for day, rows in history.items()}


def moved(history: History, seed: int) -> History:
    """`history`, in which a third of the models get another owner once.

    On days between which their counters change by less than 1 %, as the rule asks, and both
    with the key or both without.
    """
    chance = random.Random(seed)
    days = sorted(history)
    counters = {
        (day, row["id"]): row["downloadsAllTime"] for day, rows in history.items() for row in rows
    }
    moves: dict[str, date] = {}
    for number in range(0, 24, 3):
        name = next(
            (name for _, name in counters if name.endswith(f"/model-{number}")),
            None,
        )
        quiet = [
            day
            for before, day in itertools.pairwise(days)
            if day != days[8]
            and (before, name) in counters
            and counters.get((day, name))
            and abs(counters[day, name] - counters[before, name]) < 0.009 * counters[day, name]
        ]
        if name and quiet:
            moves[name] = chance.choice(quiet)
    return {
        day: [
            row | {"id": f"acme/{row['id'].partition('/')[2]}", "author": "acme",
                   "author_type": "org"}
            if row["id"] in moves and day >= moves[row["id"]] and not row["id"].startswith("acme/")
            else row
            for row in rows
        ]
        for day, rows in history.items()
    }  # fmt: skip
