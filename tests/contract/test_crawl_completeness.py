"""The rule for partial snapshots, against a Hub that can be asked for what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from local_hub import LocalHub, Recorded
from orchestration.home import Universe
from orchestration.hub import completeness
from orchestration.hub.client import HubClient
from orchestration.hub.patience import Clock

DAY = date(2026, 8, 20)
START = datetime(2026, 8, 20, 12, tzinfo=UTC)
HUB = Universe("hub")


def model(number: int) -> dict[str, Any]:
    """Heavy ones first: the first 1,000 models hold most downloads, half have next to none."""
    return {
        "_id": f"{number:024x}",
        "id": f"author/model-{number}",
        "createdAt": "2026-08-20T11:00:00.000Z",
        "downloads": 10_000_000 // (number + 1),
    }


MODELS = [model(number) for number in range(4_000)]


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    source = path.with_suffix(".ndjson")
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = "{_id: 'varchar', id: 'varchar', downloads: 'bigint'}"
    duckdb.sql(f"select * from read_ndjson('{source}', columns = {columns})").write_parquet(
        str(path)
    )
    return path


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parquet(tmp_path_factory.mktemp("yesterday") / "models.parquet", MODELS)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubClient]:
    """A Hub that has lost models 3 and 1500 since yesterday, and made model 5 anew just now."""
    folder = tmp_path_factory.mktemp("hub")
    there = [dict(row) for row in MODELS if row["id"] not in gone(3, 1_500)]
    there[4]["createdAt"] = "2026-08-20T12:00:05.000Z"
    assert there[4]["id"] == "author/model-5"
    (folder / f"{DAY}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in there))
    with LocalHub(Recorded(folder), date=DAY) as running:
        yield HubClient(running.endpoint, token=False)


class Hurried(Clock):
    """Time passes only in sleep."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def gone(*numbers: int) -> set[str]:
    return {f"author/model-{number}" for number in numbers}


def judged(
    today: Path | list[Path], yesterday: Path, client: HubClient | None, **given: Any
) -> list[tuple[str, str]]:
    known: dict[str, Any] = {"universe": HUB, "previous": yesterday}
    if client is not None:
        known |= {"observed_from": START, "newest_created_at": START - timedelta(minutes=5)}
    problems = completeness.check(today, client=client, **(known | given))
    return [(problem.check, problem.text) for problem in problems]


def without(path: Path, names: set[str]) -> Path:
    return parquet(path / "today.parquet", [row for row in MODELS if row["id"] not in names])


def test_a_snapshot_with_every_model_is_whole(yesterday: Path, client: HubClient) -> None:
    before = client.requests
    assert judged(yesterday, yesterday, client) == []
    assert client.requests == before


def test_what_the_hub_no_longer_has_is_excused(
    tmp_path: Path, yesterday: Path, client: HubClient
) -> None:
    assert judged(without(tmp_path, gone(3, 1_500)), yesterday, client) == []


def test_what_was_made_anew_after_the_start_is_excused(
    tmp_path: Path, yesterday: Path, client: HubClient
) -> None:
    assert judged(without(tmp_path, gone(5)), yesterday, client) == []


@pytest.mark.parametrize("number", [0, 999, 1_800])
def test_a_heavy_model_that_the_hub_has_and_the_crawl_has_not_refuses(
    tmp_path: Path, yesterday: Path, client: HubClient, number: int
) -> None:
    ((check, text),) = judged(without(tmp_path, gone(number, 3)), yesterday, client)
    assert check == "heaviest_models"
    assert f"author/model-{number} (" in text
    assert "model-3 " not in text


def test_a_model_found_under_another_name_by_its_id_is_there(
    tmp_path: Path, yesterday: Path, client: HubClient
) -> None:
    renamed = [row | {"id": "new-author/model"} if row["id"] in gone(0) else row for row in MODELS]
    before = client.requests
    assert judged(parquet(tmp_path / "today.parquet", renamed), yesterday, client) == []
    assert client.requests == before


def test_too_few_rows_refuse_though_the_heavy_ones_are_there(
    tmp_path: Path, yesterday: Path, client: HubClient
) -> None:
    light = {row["id"] for row in MODELS[-21:]}
    ((check, text),) = judged(without(tmp_path, light), yesterday, client)
    assert check == "rows"
    assert "3,979 rows are 99.48% of the 4,000" in text
    assert judged(without(tmp_path, {row["id"] for row in MODELS[-20:]}), yesterday, client) == []


def listing(folder: Path, names: set[str]) -> Path:
    """A Hub that has no more of `MODELS` than those without `names`."""
    (folder / "hub").mkdir()
    rows = [row for row in MODELS if row["id"] not in names]
    (folder / "hub" / f"{DAY}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "hub"


@pytest.mark.parametrize("still_there", [0, 1])
def test_models_that_were_removed_are_no_hole_unless_one_of_them_is_there(
    tmp_path: Path, yesterday: Path, still_there: int
) -> None:
    """A hundred light models and one of middling weight, in one clearing-up."""
    removed = gone(1_500, *range(3_900, 4_000))
    today = without(tmp_path, removed)
    has = removed - gone(*range(3_999, 3_999 + still_there))
    with LocalHub(Recorded(listing(tmp_path, has)), date=DAY) as hub:
        found = judged(today, yesterday, HubClient(hub.endpoint, token=False))
    if still_there:
        ((check, text),) = found
        assert check == "rows"
        assert "3,899 rows are 97.47% of the 4,000" in text
        assert text.endswith("the Hub still has author/model-3999 (2,500 downloads)")
    else:
        assert found == []


@pytest.mark.parametrize("status", [410, 451, 500])
def test_one_model_that_cannot_be_asked_for_does_not_refuse(
    tmp_path: Path, yesterday: Path, status: int
) -> None:
    faults = [{"when": {"path": "/api/models/author/model-0"}, "do": "status", "status": status}]
    content = Recorded(listing(tmp_path, gone(3)))
    with LocalHub(content, date=DAY, faults={"faults": faults}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        assert judged(without(tmp_path, gone(0, 3)), yesterday, client) == []
        # It excuses no other.
        ((check, text),) = judged(without(tmp_path, gone(0, 3, 7)), yesterday, client)
    assert check == "heaviest_models" and "author/model-7 (" in text


def test_models_that_cannot_be_asked_for_refuse_though_the_hub_is_well(
    tmp_path: Path, yesterday: Path
) -> None:
    faults = [{"when": {"path": "/api/models/author/*"}, "do": "status", "status": 500}]
    content = Recorded(listing(tmp_path, gone(3, 5)))
    with LocalHub(content, date=DAY, faults={"faults": faults}) as hub:
        client = HubClient(hub.endpoint, token=False, clock=Hurried())
        ((check, text),) = judged(without(tmp_path, gone(3, 5)), yesterday, client)
    assert check == "heaviest_models"
    assert "author/model-5 is missing and cannot be asked for: status 500" in text


def test_pages_are_judged_as_the_file_that_would_be_sealed(
    tmp_path: Path, yesterday: Path, client: HubClient
) -> None:
    codec = pa.Codec("zstd")
    pages = []
    for number, start in enumerate(range(0, 4_000, 1_000)):
        page = tmp_path / f"page-{number}.json.zst"
        rows = [row for row in MODELS[start : start + 1_000] if row["id"] not in gone(0)]
        page.write_bytes(codec.compress(json.dumps(rows).encode(), asbytes=True))
        pages.append(page)
    ((check, text),) = judged(pages, yesterday, client)
    assert check == "heaviest_models"
    assert "author/model-0 (10,000,000 downloads)" in text
    assert [check for check, _ in judged(pages[:3], yesterday, client)] == [
        "rows",
        "heaviest_models",
    ]


def test_a_stale_hub_refuses(yesterday: Path, client: HubClient) -> None:
    stale = START - timedelta(hours=1, seconds=1)
    ((check, text),) = judged(yesterday, yesterday, client, newest_created_at=stale)
    assert check == "newest"
    assert "stale" in text
    ((check, _),) = judged(yesterday, yesterday, client, newest_created_at=None)
    assert check == "newest"
    world = Universe("world", "demo")
    assert judged(yesterday, yesterday, client, newest_created_at=stale, universe=world) == []


def test_a_recorded_panel_may_shrink(tmp_path: Path, yesterday: Path, client: HubClient) -> None:
    half = without(tmp_path, {row["id"] for row in MODELS[::2]})
    assert judged(half, yesterday, client, universe=Universe("panel", "archive")) == []


def test_the_first_snapshot_has_nothing_to_be_held_against(
    yesterday: Path, client: HubClient
) -> None:
    assert judged(yesterday, yesterday, client, previous=None) == []


def test_an_archive_that_claims_to_be_whole_cannot_be_asked(
    tmp_path: Path, yesterday: Path
) -> None:
    assert judged(without(tmp_path, gone(30)), yesterday, None) == []
    ((check, text),) = judged(without(tmp_path, gone(0)), yesterday, None)
    assert check == "heaviest_models"
    assert "author/model-0" in text


def test_a_hub_that_cannot_be_asked_excuses_nothing(tmp_path: Path, yesterday: Path) -> None:
    nobody = HubClient("http://127.0.0.1:9", token=False, clock=Hurried())
    ((check, text),) = judged(without(tmp_path, gone(3)), yesterday, nobody)
    assert check == "heaviest_models"
    assert "author/model-3 is missing and cannot be asked for" in text
