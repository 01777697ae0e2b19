"""Generated worlds: the same from the same seed, consistent with themselves and their truth."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_hub import World, named_world, write_archive, write_raw, write_truth
from local_hub.world import events, names
from local_hub.world.disturbances import Disturbances, Rollback, Stall, day_number
from local_hub.world.files import write_day
from local_hub.world.truth import launches, root_weights
from orchestration.errors import Refusal
from orchestration.snapshots.contract import COLUMNS

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
LAST = date(2026, 10, 31)


@pytest.fixture(scope="module")
def clean() -> World:
    return named_world("clean:2000x40")


@pytest.fixture(scope="module")
def oracle() -> World:
    return named_world("oracle")


@pytest.fixture(scope="module")
def truth(oracle: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth")
    write_truth(oracle, folder)
    return folder


@pytest.fixture(scope="module")
def raw(oracle: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(oracle, folder)
    return folder


def test_the_same_seed_gives_the_same_world_and_another_another(tmp_path: Path) -> None:
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        world = World("w", models=800, days=3, last_day=LAST, seed=seed)
        write_day(world, LAST, tmp_path / f"{name}.parquet")
        write_truth(world, tmp_path / name)
    first, again, other = ((tmp_path / f"{n}.parquet").read_bytes() for n in "abc")
    assert first == again != other
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_day_does_not_depend_on_the_days_that_were_asked_for_before(oracle: World) -> None:
    rows = oracle.rows(LAST)
    backwards = [oracle.texts(on).table(rows) for on in (LAST, oracle.dates[0])][::-1]
    forwards = [oracle.texts(on).table(rows) for on in (oracle.dates[0], LAST)]
    assert backwards == forwards


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 39), st.integers(1, 60))
def test_rolling_counts_are_differences_of_cumulative_ones(offset: int, back: int) -> None:
    world = named_world("clean:2000x40")
    on = LAST - timedelta(days=offset)
    rows = world.rows(on)
    all_time, rolling = world.counters.shown(rows, on)
    before, _ = world.counters.shown(rows, on - timedelta(days=30))
    assert (rolling == all_time - before).all()
    earlier, _ = world.counters.shown(rows, on - timedelta(days=back))
    assert (all_time >= earlier).all()


def test_flows_add_up_to_what_the_hub_shows(clean: World) -> None:
    first = clean.dates[0]
    rows = clean.rows(LAST)
    start = clean.counters.downloaded(rows, day_number(first) - 1)
    flows = sum(clean.counters.flow(rows, on) for on in clean.dates)
    all_time, _ = clean.counters.shown(rows, LAST)
    assert (start + flows == all_time).all()
    born = rows[clean.models.listed[rows] == day_number(LAST)]
    assert len(born) > 0
    assert (clean.counters.flow(born, LAST) == clean.counters.shown(born, LAST)[0]).all()


def test_downloads_are_distributed_like_the_hubs() -> None:
    world = named_world("demo")
    rows = world.rows(LAST)
    _, rolling = world.counters.shown(rows, LAST)
    largest = np.sort(rolling)[::-1]
    assert 0.93 < largest[: len(rows) // 100].sum() / largest.sum() < 0.98
    assert 0.25 < (rolling == 0).mean() < 0.40
    assert 0.85 < (rolling < 200).mean() < 0.97
    moved = world.counters.flow(rows, LAST) > 0
    assert 0.15 < moved.mean() < 0.5


def test_a_world_has_what_makes_the_hub_hard(oracle: World) -> None:
    models = oracle.models
    last = oracle.texts(LAST).table(oracle.rows(LAST)).to_pandas()
    assert last["_id"].is_unique
    assert last["id"].is_unique
    assert 0.2 < last["pipeline_tag"].isna().mean() < 0.6
    assert (last["lastModified"] < last["createdAt"]).any()
    assert (~last["id"].str.contains("/")).sum() == 8
    assert last.loc[~last["id"].str.contains("/"), "author"].isna().all()
    tags = last["tags"].explode()
    assert {"conversational", "text-generation-inference", "license:лицензия???"} <= set(tags)
    for relation in ("finetune", "quantized", "adapter", "merge"):
        assert tags.str.startswith(f"base_model:{relation}:").any()
    assert (models.parents >= 0).sum(axis=1).max() == 3
    cited = set(tags[tags.str.startswith("base_model:")].str.rsplit(":").str[-1])
    assert {*names.LOST_PARENTS, "my base model"} <= cited
    there = [oracle.rows(on) for on in oracle.dates]
    new = [len(np.setdiff1d(after, before)) for before, after in pairwise(there)]
    gone = [len(np.setdiff1d(before, after)) for before, after in pairwise(there)]
    assert sum(n > 0 for n in new) > 40
    assert sum(gone) > 10
    assert any(event.on > oracle.dates[0] for event in oracle.events.models)


def test_default_dates_are_ties() -> None:
    created = named_world("demo").models.created
    counts = [int((created == second).sum()) for second in (1_646_263_744, 1_646_263_745)]
    assert min(counts) > 100


def test_disturbances_do_what_they_declare() -> None:
    stall, back = LAST - timedelta(days=20), LAST - timedelta(days=10)
    recount = LAST - timedelta(days=4)
    disturbed = World(
        "d", models=1_000, days=40, last_day=LAST,
        disturbances=Disturbances(
            stalls=(Stall(stall, days=2),),
            rollbacks=(Rollback(back, 3, 0.3, 0.05), Rollback(recount, None, 0.2, 0.5)),
            missing=(stall - timedelta(days=3),),
        ),
    )  # fmt: skip
    calm = World("c", models=1_000, days=40, last_day=LAST)
    rows = calm.rows(stall - timedelta(days=1))

    def shown(world: World, on: date) -> pd.Series:
        return pd.Series(world.counters.shown(rows, on)[0])

    before = shown(calm, stall - timedelta(days=1))
    assert (shown(disturbed, stall) == before).all()
    assert (shown(disturbed, stall + timedelta(days=1)) == before).all()
    after = stall + timedelta(days=2)
    assert (shown(disturbed, after) == shown(calm, after)).all()
    low = shown(disturbed, back) < shown(calm, back)
    assert 0.15 < low.mean() < 0.35
    assert (
        shown(disturbed, back + timedelta(days=3)) == shown(calm, back + timedelta(days=3))
    ).all()
    assert (shown(disturbed, LAST) < shown(calm, LAST)).mean() > 0.1
    assert (disturbed.counters.flow(rows, back) == calm.counters.flow(rows, back)).all()
    with pytest.raises(Refusal, match="not missing"):
        disturbed.day(stall - timedelta(days=3))


def test_raw_files_have_the_contracts_columns(raw: Path, oracle: World) -> None:
    files = sorted(raw.glob("snapshot_date=*/models.v1.parquet"))
    assert [file.parent.name[14:] for file in files] == [str(on) for on in oracle.dates]
    described = duckdb.sql(
        f"describe from read_parquet('{files[-1]}', hive_partitioning = false)"
    ).fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [(c.name, c.type) for c in COLUMNS]
    assert pq.read_metadata(files[-1]).num_rows == len(oracle.rows(LAST))


def test_days_written_side_by_side_are_those_written_alone(
    raw: Path, oracle: World, tmp_path: Path
) -> None:
    for on in (oracle.dates[0], oracle.dates[30], oracle.dates[-1]):
        write_day(oracle, on, tmp_path / "alone.parquet")
        together = pq.ParquetFile(raw / f"snapshot_date={on}" / "models.v1.parquet").read()
        assert together == pq.ParquetFile(tmp_path / "alone.parquet").read()


def test_archives_and_the_served_listing_say_the_same(tmp_path: Path) -> None:
    world = named_world("oracle:600x8")
    write_archive(world, tmp_path / "json", kind="ndjson.gz")
    write_archive(world, tmp_path / "parquet")
    on = world.dates[-1]
    day = world.day(on)
    served = {item["_id"]: item for item in day.records(day.newest_first("createdAt"))}
    columns = "_id, id, author, downloads, downloadsAllTime, likes, tags, pipeline_tag"
    columns += """, replace(gated::varchar, '"', '')"""
    found = [
        duckdb.sql(f"select {columns}, epoch(createdAt::timestamp) from '{file}' order by _id")
        for file in (tmp_path / "json" / f"{on}.ndjson.gz", tmp_path / "parquet" / f"{on}.parquet")
    ]
    as_json, as_parquet = (rows.fetchall() for rows in found)
    assert as_json == as_parquet
    assert {row[0]: (row[1], row[3], list(row[6])) for row in as_parquet} == {
        key: (item["id"], item["downloads"], item["tags"]) for key, item in served.items()
    }


def test_truth_agrees_with_what_is_shown(truth: Path, raw: Path, oracle: World) -> None:
    models, flows = truth / "models.parquet", truth / "flows.parquet"
    shown = f"(select *, snapshot_date::date as day from read_parquet('{raw}/*/*.parquet'))"
    # Where nothing is disturbed, the difference of two days is the sum of the true flows.
    calm = oracle.dates[-1], oracle.dates[-3]
    wrong = duckdb.sql(f"""
        with newest as (select _id, downloadsAllTime as level from {shown} where day = '{calm[0]}'),
        older as (select _id, downloadsAllTime as level from {shown} where day = '{calm[1]}'),
        true_flow as (
            select model_key, sum(downloads) as downloads from '{flows}'
            where snapshot_date > '{calm[1]}' and snapshot_date <= '{calm[0]}' group by all
        )
        select count(*) filter (newest.level - older.level <> downloads), count(*)
        from newest join older using (_id) join true_flow on model_key = _id
        where older.level > 0
    """).fetchall()
    assert wrong[0][0] == 0
    assert wrong[0][1] > 1_000
    # Every model is shown from its listing to its deletion, with its date of creation.
    assert duckdb.sql(f"""
        select count(*) from {shown} anti join '{models}'
        on _id = model_key and createdAt = created_at
        and day >= listed_on and (deleted_on is null or day < deleted_on)
    """).fetchall() == [(0,)]
    days = len(oracle.dates)
    expected = sum(len(oracle.rows(on)) for on in oracle.dates)
    found = duckdb.sql(f"select count(*), count(distinct day) from {shown}").fetchall()
    assert found == [(expected, days)]


def test_renamed_models_keep_their_key(truth: Path, raw: Path) -> None:
    renamed = duckdb.sql(f"select * from '{truth}/renames.parquet' where kind = 'model'").fetchall()
    assert len(renamed) >= 3
    for on, _, key, before, after in renamed:
        seen = duckdb.sql(f"""
            select id, min(snapshot_date)::date, max(snapshot_date)::date
            from read_parquet('{raw}/*/*.parquet') where _id = '{key}' group by id order by 2
        """).fetchall()
        if len(seen) == 2:  # else its day was missing, or it had gone
            assert (seen[0][0], seen[1][0]) == (before, after)
            assert seen[0][2] < on <= seen[1][1]


def test_roots_follow_parents_split_merges_and_cut_cycles() -> None:
    none = -1
    lost, unreadable = -2, -2 - len(names.LOST_PARENTS)
    parents = np.array(
        [
            [none, none, none],  # 0: a root
            [0, none, none],  # 1: of 0
            [1, none, none],  # 2: of 1, so of 0
            [lost, none, none],  # 3: of a lost parent
            [unreadable, none, none],  # 4: its own root
            [6, none, none],  # 5 and 6: a cycle, each its own root
            [5, none, none],
            [2, 3, 4],  # 7: a merge
            [5, none, none],  # 8: of a member of the cycle
        ]
    )
    found: dict[int, dict[int, float]] = {}
    for model, root, weight in zip(*root_weights(parents), strict=True):
        found.setdefault(int(model), {})[int(root)] = round(float(weight), 6)
    third = round(1 / 3, 6)
    assert found == {
        0: {0: 1.0}, 1: {0: 1.0}, 2: {0: 1.0}, 3: {lost: 1.0}, 4: {4: 1.0}, 5: {5: 1.0},
        6: {6: 1.0}, 7: {0: third, lost: third, 4: third}, 8: {5: 1.0},
    }  # fmt: skip


def test_a_launch_is_one_family_version_of_one_owner_within_seven_days(oracle: World) -> None:
    models = oracle.models
    table = pd.DataFrame(
        {
            "launch": launches(models), "owner": models.owner, "stem": models.stem,
            "version": models.version, "nickname": models.nickname, "created": models.created,
        }
    )  # fmt: skip
    family = ["owner", "stem", "version", "nickname"]
    grouped = table.groupby("launch")
    assert (grouped[family].nunique() == 1).all().all()
    assert (grouped["created"].max() - grouped["created"].min()).max() <= 7 * 86_400
    starts = table.groupby([*family, "launch"])["created"].min().reset_index()
    apart = starts.sort_values([*family, "created"]).groupby(family)["created"].diff().dropna()
    assert (apart > 7 * 86_400).all()
    assert grouped.size().max() >= 6


def test_organizations_are_in_the_shape_of_the_projects_seed(oracle: World) -> None:
    found = oracle.organizations()
    assert list(found.columns) == [
        "organization", "canonical_organization", "country_code", "alternative_country_code",
        "organization_type", "parent", "confidence", "evidence", "valid_from", "valid_to",
        "is_international",
    ]  # fmt: skip
    assert set(found["evidence"]) == {"generated world"}
    assert not found.duplicated(["organization", "valid_from"]).any()
    assert set(found["confidence"]) == {"high", "medium", "low"}
    assert found["alternative_country_code"].notna().any()
    assert found["is_international"].any()
    assert found.loc[found["is_international"], "country_code"].isna().all()
    assert found["valid_to"].notna().sum() == 1
    moved = {event.name for event in oracle.events.organizations}
    assert found.loc[found["organization"].isin(moved), "canonical_organization"].isin(moved).all()
    assert len(named_world("demo").organizations()["country_code"].dropna().unique()) >= 30


@pytest.mark.skipif(not SEEDS.exists(), reason="the seeds are not there")
def test_no_generated_name_is_one_of_a_real_owner() -> None:
    real = {
        row[0].lower()
        for file in ("hub_organizations.csv", "hub_individuals.csv")
        for row in csv.reader((SEEDS / file).read_text(encoding="utf-8").splitlines())
    }
    world = named_world("scale:100000x2")
    assert not real & {name.lower() for name in world.owners.names}


def test_owner_names_are_unique_whatever_the_case() -> None:
    owners = [names.organization_name(i) for i in range(60_000)]
    owners += [names.user_name(i) for i in range(200_000)]
    assert len({name.lower() for name in owners}) == len(owners)
    assert all(len(name) <= 96 for name in owners)


def test_worlds_of_every_size_can_be_drawn() -> None:
    for name in ("clean:500x1", "demo:501x2", "oracle:700x5", "scale:3000x400"):
        world = named_world(name)
        table = world.texts(world.dates[-1]).table(world.rows(world.dates[-1]))
        assert table.num_rows > 450
        orjson.loads(world.day(world.dates[0]).encoded(np.arange(3), ("id", "tags")))


def test_a_model_that_moves_takes_no_name_that_its_new_owner_has(clean: World) -> None:
    # Told apart by their owners alone: every move is to where the name is taken.
    told = ("stem", "version", "size", "suffix", "nickname", "twin")
    alike = {name: np.zeros_like(getattr(clean.models, name)) for name in told}
    models = replace(clean.models, **alike)
    happened = events.happen(clean.size, clean.owners, models, lambda _: "name")
    owners = set(models.owner.tolist())
    # A model that is born under the name of one that left is none of them.
    later = [one for one in happened.models if one.on > events.EVER]
    moved = [one for one in later if one.owner != models.owner[one.row]]
    assert moved
    assert not [one for one in moved if one.owner in owners and one.name == "name"]
    assert len({(one.owner, one.name) for one in moved}) == len(moved)
