"""The Hub's public daily archive: which revision is which day, and what its columns mean."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local_hub import LocalHub, World, named_world, write_archive, write_dataset
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.hub.client import HubClient
from orchestration.hub.dataset_archive import Fetched, fetch, list_revisions
from orchestration.hub.patience import Clock
from orchestration.snapshots import store
from orchestration.snapshots.importing import import_archive
from orchestration.snapshots.store import Source
from tests.faults.conftest import Proxy

NAME = "cfahlgren1/hub-stats"
TOKEN = "hf_" + "never" * 6


class Hurried(Clock):
    """Waits for nobody."""

    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture(scope="module")
def world() -> World:
    return named_world("clean:600x8")


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Day 3 is missing; day 5 has an earlier revision; day 6 has notes beside the old file."""
    folder = tmp_path_factory.mktemp("hub-stats")
    write_dataset(world, folder)
    days = [folder / f"{on}T063000Z" for on in world.dates]
    shutil.rmtree(days[2])
    shutil.copytree(days[0], folder / f"{world.dates[4]}T010000Z")
    shutil.rmtree(days[5])
    shutil.copytree(days[4], days[5])
    (days[5] / "README.md").write_text("new words, old numbers")
    (folder / f"{world.dates[7]}T230000Z").mkdir()
    (folder / f"{world.dates[7]}T230000Z" / "README.md").write_text("no numbers at all")
    return folder


@pytest.fixture(scope="module")
def hub(world: World, folder: Path) -> Iterator[LocalHub]:
    evening = datetime.combine(world.dates[-1], datetime.max.time(), UTC).replace(microsecond=0)
    with LocalHub(world, date=evening, datasets={NAME: folder}) as running:
        yield running


@pytest.fixture
def client(hub: LocalHub) -> HubClient:
    return HubClient(hub.endpoint, token=False, clock=Hurried())


def test_one_revision_a_day_and_missing_days_stay_missing(client: HubClient, world: World) -> None:
    found = list(list_revisions(client, NAME))
    expected = [on for number, on in enumerate(world.dates) if number not in (2, 5)]
    assert [revision.snapshot_date for revision in found] == expected
    assert {revision.committed_at.hour for revision in found} == {6}
    assert len({revision.commit for revision in found}) == len(found)


def test_a_range_knows_what_lay_before_it(client: HubClient, world: World) -> None:
    days = world.dates
    found = list_revisions(client, NAME, first=days[5], last=days[6])
    assert [revision.snapshot_date for revision in found] == [days[6]]


def sealed_content(home: Home, path: Path, hub: LocalHub) -> dict[date, str]:
    universe = HubClient(hub.endpoint, token=False).contact().universe
    source = Source("dataset", universe, {"dataset": NAME}, whole=True)
    imported = import_archive(home, path, source)
    assert not imported.refused
    return {day.snapshot_date: day.content_sha256 for day in imported.sealed}


def test_the_sealed_days_are_those_of_the_same_records_from_an_archive(
    client: HubClient, hub: LocalHub, world: World, tmp_path: Path
) -> None:
    fetched = [
        fetch(client, revision, tmp_path / "fetched", cache=tmp_path / "cache")
        for revision in list_revisions(client, NAME, last=world.dates[1])
    ]
    assert [one.path.name for one in fetched] == [f"{on}.parquet" for on in world.dates[:2]]
    write_archive(world, tmp_path / "archive", dates=world.dates[:2])
    for file in (tmp_path / "archive").iterdir():
        in_the_hubs_shape = duckdb.sql(
            "select * exclude (author_type, safetensors_total), "
            f"struct_pack(total := safetensors_total) as safetensors from '{file}'"
        )
        in_the_hubs_shape.write_parquet(str(file.with_suffix(".new")))
        file.with_suffix(".new").replace(file)
    found = sealed_content(Home(tmp_path / "one"), tmp_path / "fetched", hub)
    assert found == sealed_content(Home(tmp_path / "other"), tmp_path / "archive", hub)


def fetch_rows(tmp_path: Path, world: World, query: str) -> tuple[Fetched, list[dict[str, Any]]]:
    """What becomes of a file that holds what `query` selects."""
    day = tmp_path / "dataset" / f"{world.dates[0]}T063000Z"
    day.mkdir(parents=True)
    duckdb.sql(query).write_parquet(str(day / "models.parquet"))
    with LocalHub(world, datasets={NAME: day.parent}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        (revision,) = list_revisions(client, NAME)
        fetched = fetch(client, revision, tmp_path / "fetched", cache=tmp_path / "cache")
    rows = duckdb.sql(f"select to_json(r) from '{fetched.path}' as r").fetchall()
    return fetched, [json.loads(text) for (text,) in rows]


def test_columns_get_the_hubs_names_and_shapes(tmp_path: Path, world: World) -> None:
    fetched, (row,) = fetch_rows(
        tmp_path,
        world,
        """
        select
            'a/b' as model_id,
            7 as downloads,
            9 as downloads_all_time,
            'auto' as gated,
            '["x", "license:mit"]' as tags,
            '{"parameters": {"F32": 12}, "total": 12}' as safetensors,
            timestamptz '2024-05-01 12:00:00+02' as created_at,
            [{'rfilename': 'config.json'}] as siblings,
            'something' as config
        """,
    )
    assert row == {
        "id": "a/b",
        "downloads": 7,
        "downloadsAllTime": 9,
        "gated": "auto",
        "tags": ["x", "license:mit"],
        "safetensors": {"total": "12"},
        "createdAt": "2024-05-01 10:00:00",
    }
    assert fetched.left_out == ["config", "siblings"]


def test_a_text_that_is_no_list_of_tags_sets_its_row_aside(tmp_path: Path, world: World) -> None:
    """As in any archive; where all are such texts their day is refused: without tags no lineage."""
    texts = ["[''a'', ''base_model:x/y'']", "a,b", '["a", "b', '{"a": 1}', '"[]"', ""]
    bad = ", ".join(f"('bad/{number}', '{text}')" for number, text in enumerate(texts))
    fetched, rows = fetch_rows(
        tmp_path,
        world,
        f"""
        select id, 7 as downloads, tags from (values {bad}, ('no/tags', null), ('no/list', 'null'))
            as models (id, tags)
        union all select 'good/' || i, 70000, '["x", "license:mit"]' from range(2000) as good(i)
        """,
    )
    assert len(rows) == 2008
    source = Source("dataset", Universe("world", world.name), {"dataset": NAME}, whole=True)
    imported = import_archive(Home(tmp_path / "home"), fetched.path, source)
    (day,) = imported.sealed
    assert (day.rows, day.quarantined) == (2002, {"unreadable_tags": len(texts)})
    file = store.parquet_of(Home(tmp_path / "home"), day)
    found = duckdb.sql(f"select tags, count(*) from '{file}' group by tags order by 2").fetchall()
    assert found == [(None, 2), (["x", "license:mit"], 2000)]

    all_of_them = f"select id, 7 as downloads, tags from (values {bad}) as models (id, tags)"
    fetched, _ = fetch_rows(tmp_path / "all", world, all_of_them)
    imported = import_archive(Home(tmp_path / "all"), fetched.path, source)
    (refused,) = imported.refused.values()
    assert "tags are not a list of texts" in str(refused)


def test_a_text_that_is_no_safetensors_is_refused_and_not_lost(
    tmp_path: Path, world: World
) -> None:
    """Most have none, so that nothing else would tell."""
    for number, text in enumerate(["{''total'': 12}", '{"total": 1', "12", "[12]"]):
        query = f"""
            select * from (values
                ('a/b', 7, null), ('c/d', 7, 'null'), ('e/f', 7, '{text}')
            ) as models (id, downloads, safetensors)
        """
        with pytest.raises(Refusal, match=r"hold no JSON .* 1 in all") as refused:
            fetch_rows(tmp_path / str(number), world, query)
        assert repr(text.replace("''", "'")) in refused.value.problem
        assert refused.value.file == f"{NAME}/models.parquet"
        assert (refused.value.row, refused.value.field) == (3, "safetensors")
        assert not list((tmp_path / str(number) / "fetched").glob("*.parquet"))
        assert not kept(tmp_path / str(number) / "cache")


def test_a_total_that_is_no_count_is_left_to_the_import(tmp_path: Path, world: World) -> None:
    """There it is blank, and counted, as that of any other archive."""
    query = """
        select 'a/b' as id, 7 as downloads, '["x"]' as tags,
            unnest(['{"total": 20000000000000000000}', '{"parameters": {}}', 'null', null])
                as safetensors
    """
    _, rows = fetch_rows(tmp_path, world, query)
    totals = [row["safetensors"]["total"] for row in rows]
    assert totals == ["20000000000000000000", None, None, None]


def test_a_file_that_is_not_of_models_is_refused(tmp_path: Path, world: World) -> None:
    with pytest.raises(Refusal, match="is no file of the Hub's models"):
        fetch_rows(tmp_path, world, "select 'a/b' as id, 3 as stars")


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, world: World) -> None:
    day = tmp_path / "dataset" / f"{world.dates[0]}T063000Z"
    day.mkdir(parents=True)
    (day / "models.parquet").write_text("PAR1 or not")
    with LocalHub(world, datasets={NAME: day.parent}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        (revision,) = list_revisions(client, NAME)
        with pytest.raises(Refusal, match=f"models.parquet of {world.dates[0]} cannot be read"):
            fetch(client, revision, tmp_path / "fetched", cache=tmp_path / "cache")
        assert not list((tmp_path / "fetched").glob("*.parquet"))
        assert not kept(tmp_path / "cache")
        # Repaired under the same name: nothing of the one before is in the way.
        duckdb.sql(f"copy (select 'a/b' as id, 7 as downloads) to '{day / 'models.parquet'}'")
        (revision,) = list_revisions(client, NAME)
        fetched = fetch(client, revision, tmp_path / "fetched", cache=tmp_path / "cache")
    assert duckdb.sql(f"select id, downloads from '{fetched.path}'").fetchall() == [("a/b", 7)]


def kept(cache: Path) -> list[Path]:
    """The contents that the cache holds: 1.1 GB each, on the real Hub."""
    return list(cache.glob("*/blobs/*"))


def test_a_dataset_that_is_not_there_is_refused(client: HubClient) -> None:
    with pytest.raises(Refusal, match="has no dataset 'nobody/nothing'"):
        list(list_revisions(client, "nobody/nothing"))
    with pytest.raises(Refusal, match="has no dataset"):
        list(list_revisions(client, "not a name/at all/"))


@pytest.mark.parametrize("path", ["*/commits/*", "*/tree/*", "*/resolve/*"])
def test_faults_that_pass_are_outlasted(
    world: World, folder: Path, tmp_path: Path, path: str
) -> None:
    faults = [
        {"when": {"path": path, "requests": 1}, "do": "close"},
        {"when": {"path": path, "requests": 2}, "do": "truncate"},
    ]
    if "resolve" in path:
        faults = [{"when": {"path": path, "requests": "1-2"}, "do": "close"}]
    with LocalHub(world, datasets={NAME: folder}, faults={"faults": faults}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        (revision,) = list_revisions(client, NAME, last=world.dates[0])
        assert fetch(client, revision, tmp_path / "to", cache=tmp_path / "cache").path.exists()


def test_the_token_does_not_follow_a_redirect_to_a_file_store(
    world: World, folder: Path, tmp_path: Path
) -> None:
    with LocalHub(world, datasets={NAME: folder}) as store, Proxy(store.endpoint) as watched:
        elsewhere = watched.endpoint.replace("127.0.0.1", "localhost")
        fault = {"when": {"path": "*/resolve/*"}, "do": "redirect", "origin": elsewhere}
        with LocalHub(world, datasets={NAME: folder}, faults={"faults": [fault]}) as hub:
            client = HubClient(hub.endpoint, TOKEN, clock=Hurried())
            (revision,) = list_revisions(client, NAME, last=world.dates[0])
            fetch(client, revision, tmp_path / "to", cache=tmp_path / "cache")
    assert_came_without_token(watched)


def test_the_token_does_not_follow_a_link_elsewhere(world: World, folder: Path) -> None:
    """huggingface_hub's own paging goes wherever a `Link` leads, with the same headers."""
    with LocalHub(world, datasets={NAME: folder}) as foreign, Proxy(foreign.endpoint) as watched:
        fault = {
            "when": {"path": "*/commits/*"},
            "do": "foreign_link",
            "origin": watched.endpoint,
        }
        with LocalHub(world, datasets={NAME: folder}, faults={"faults": [fault]}) as hub:
            client = HubClient(hub.endpoint, TOKEN, clock=Hurried())
            with contextlib.suppress(Refusal):
                list(list_revisions(client, NAME, last=world.dates[0]))
    assert_came_without_token(watched)


def assert_came_without_token(watched: Proxy) -> None:
    assert watched.headers
    assert not any("authorization" in map(str.lower, headers) for headers in watched.headers)
