"""The hand-written script to which a day's cost is compared says what the pipeline says."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from benchmarks import lean, sameness
from local_hub import named_world, write_raw
from orchestration import warehouse
from orchestration.home import Home
from tests.integration.built_world import build

pytestmark = pytest.mark.xdist_group("floor")

MARTS = " ".join(f"+{mart}" for mart in lean.MARTS)
# What a generated world lacks: owners and families that the claims name, a cycle, a parent that
# nobody can read, a model of several parents, a long line, large models whose counters are
# `frozen`. Places move a little from day to day, and names and tags with them.
EVERY_DAY = """
select * replace (
    case when place = 1 then 'meta-llama/Meta-Llama-3-8B' when place = 2 then 'Qwen/Qwen3-8B'
        when place = 3 then 'deepseek-ai/DeepSeek-R1' when place = 4 then 'lone/one'
        when place = 5 then 'lone/other' else id end as id,
    case when place < 4 then null else author end as author,
    case when place < 4 then ['transformers', 'safetensors', 'license:apache-2.0']
        when place = 4 then ['base_model:lone/other'] when place = 5 then ['base_model:lone/one']
        when place = 6 then ['base_model:nobody can read this']
        when place between 20 and 40 then ['base_model:' || id_before]
        when place % 9 = 0 then list_append(tags, 'base_model:Qwen/Qwen3-8B')
        when place % 9 = 1 then list_append(tags, 'base_model:deepseek-ai/DeepSeek-R1')
        when place % 9 = 2 then list_append(tags, 'base_model:openai/gone-since')
        else tags end as tags,
    case when {frozen} then 70000 else downloads end as downloads,
    case when {frozen} then 100000 + hash(_id) % 1000 else downloadsAllTime end::bigint
        as downloadsAllTime)
from (
    select *, row_number() over places as place, lag(id) over places as id_before
    from day window places as (order by downloads desc, id)
)
"""
# What comes and goes from day to day: older models that nobody saw, deletions, returns, counters
# that are `fallen`, some of them while they were away, new names, other tags.
DAY = f"""
select * exclude (place, id_before) replace (
    case when {{fallen}} then downloadsAllTime * 9 // 10 else downloadsAllTime end
        as downloadsAllTime,
    case when place % 80 = 12 + {{number}} then id || '-v2-GGUF' else id end as id,
    case when place % 70 = 13 + {{number}} then list_append(tags, 'mergekit') else tags end
        as tags)
from ({EVERY_DAY}) where place % 50 <> 11 + {{number}}
"""
FALLS, NEVER = (
    "(place % 40 = 8 + {number} or place % 100 = 10 + {number}) and {number} > 0",
    "false",
)
# The days of each case; what happens to all counters happens on its last.
CASES: dict[str, tuple[int, str, str]] = {
    "some fall": (4, FALLS, NEVER),
    "many fall at once": (2, "place % 10 = 8 and {number} = 1", NEVER),
    "the large ones stand still": (2, FALLS, "hash(_id) % 50 = 3"),
}


@dataclass(frozen=True)
class Files:
    """Both files of marts after the last day: the script's and the pipeline's."""

    lean: Path
    warehouse: Path


@pytest.fixture(
    scope="module",
    params=[pytest.param(case, marks=[pytest.mark.long] * (case != "some fall")) for case in CASES],
)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    number_of_days, fallen, frozen = CASES[request.param]
    home = Home(tmp_path_factory.mktemp("floor"))
    world = named_world("scale:2000x30")
    days = list(world.dates)[-number_of_days:]
    write_raw(world, home.raw / "hub_models", dates=days)
    homes = warehouse.generated_organizations_file(home)
    homes.write_text(world.organizations_csv(), encoding="utf-8")
    state = None
    for number, day in enumerate(days):
        file = home.raw / "hub_models" / f"snapshot_date={day}/models.v1.parquet"
        query = DAY.format(number=number, fallen=fallen.format(number=number), frozen=frozen)
        with duckdb.connect() as connection:
            connection.execute(f"create table day as from '{file}'")
            connection.execute(f"copy ({query} order by id) to '{file}' (compression zstd)")
        folder = home.root / f"lean-{day}"
        lean.run(file, day, homes, state, folder)
        state = folder / lean.DATABASE
    # One build of all days says what one build a day says (test_measures_history.py).
    build(home, days, select=MARTS)
    assert state is not None
    return Files(state, home.warehouse)


def test_lean_script_and_marts_agree(files: Files) -> None:
    found = list(sameness.compare(files.lean, files.warehouse, "marts"))
    assert [one.row() for one in found if not one.holds] == []
    # What the first gate asks is in no warehouse of these tests; the bench compares it.
    assert {one.mart for one in found if not one.our_rows} == {"fct_snapshot_quality_daily"}


def test_a_changed_figure_is_told(files: Files, tmp_path: Path) -> None:
    changed = tmp_path / "changed.duckdb"
    shutil.copy(files.lean, changed)
    with duckdb.connect(str(changed)) as connection:
        for statement in (
            "update fct_country_share_daily set share_of_all = share_of_all + 2e-9 where rank = 1",
            "update dim_models set license = null where license is not null",
            "delete from fct_overtakes",
        ):
            connection.execute(statement)
    found = {
        one.mart for one in sameness.compare(changed, files.warehouse, "marts") if not one.holds
    }
    assert found == {"fct_country_share_daily", "dim_models", "fct_overtakes"}
