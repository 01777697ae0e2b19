"""What only the gates behind dbt can tell: each corruption is caught where it belongs.

The world is one that a real run built. `make test` plays a sample, `make test-long` all.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.defs.transform.project import DBT
from orchestration.home import Home
from orchestration.publication import generation, swap
from orchestration.warehouse import PROJECT, generated_organizations_file
from tests.faults.daily_run.commands import Command, Watched, check_whole, copy_of
from tests.faults.daily_run.mutations import LARGEST_ORGANIZATION, MUTATIONS, Mutation, Owner

pytestmark = [
    pytest.mark.xdist_group("publication_daily_run"),
    pytest.mark.timeout(1800),
]

AFTER = sorted(name for name, one in MUTATIONS.items() if one.after)
SAMPLE = random.Random(3).sample(AFTER, 3)


@pytest.fixture
def home(watched: Watched, tmp_path: Path) -> Home:
    """A copy of a home that a run published, which a test may corrupt."""
    return copy_of(watched.home, tmp_path / "home")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long) for name in MUTATIONS],
)
def test_a_mutation_is_caught_at_its_gate(name: str, home: Home) -> None:
    mutation = MUTATIONS[name]
    before = generation.current(home)
    assert before is not None
    if mutation.after:
        assert mutation.gate == "3" and mutation.check in _failed_after(home, mutation.after)
    else:
        told = _refused_by_model(home, mutation) if mutation.model else _refused(home, mutation)
        assert mutation.check in told
        assert ("the second gate refused the build" in told) == (
            mutation.gate == "2" and mutation.model is None
        )
        assert ("nothing was published" in told) == (mutation.gate == "3")
    assert generation.current(home) == before
    check_whole(home)
    assert [path.name for path in home.published.glob(".*")] == []


def _failed_after(home: Home, sql: str) -> set[str]:
    """The checks that fail when `sql` changed the marts after all tests of dbt passed."""
    with duckdb.connect(str(home.warehouse)) as connection:
        _make_tables_of_views(connection)
        connection.execute(sql)
    with pytest.raises(swap.PublicationRefused) as refused:
        swap.publish(home, code_version="mutated")
    return {one.name for one in refused.value.outcomes if one.status == "failed"}


def _make_tables_of_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Let marts that are views be changed like the others; the publisher reads both alike."""
    views = connection.execute(
        "select view_name from duckdb_views() where schema_name = 'marts'"
    ).fetchall()
    for (name,) in views:
        connection.execute(f"create table marts.{name}_rows as from marts.{name}")
        connection.execute(f"drop view marts.{name}")
        connection.execute(f"alter table marts.{name}_rows rename to {name}")


def _refused(home: Home, mutation: Mutation) -> str:
    """What `observatory publish` says of a changed warehouse, or of one built anew."""
    if mutation.owners:
        change_owners(home, mutation.owners)
    else:
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(mutation.before)
    command = Command(home.root, "publish")
    command.process.join(600)
    assert command.process.exitcode == 1, command.said()
    return " ".join(command.said().split())


def change_owners(home: Home, change: Callable[[list[Owner], str], list[Owner]]) -> None:
    """Change the seed of the world's organizations; the next build is a new one."""
    file = generated_organizations_file(home)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        ((largest,),) = connection.execute(
            f"select organization from marts.dim_organizations where {LARGEST_ORGANIZATION} limit 1"
        ).fetchall()
    with file.open(encoding="utf-8", newline="") as opened:
        owners = list(csv.DictReader(opened))
    changed = change(owners, largest)
    assert changed != owners
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, owners[0].keys())
        writer.writeheader()
        writer.writerows(changed)
    shutil.rmtree(home.warehouse.parent)


def _refused_by_model(home: Home, mutation: Mutation) -> str:
    """What dbt says of a project in which one model is changed."""
    assert mutation.model
    file, text, instead = mutation.model
    project = home.root / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    model = project / "models" / file
    source = model.read_text(encoding="utf-8")
    assert source.count(text) == 1
    model.write_text(source.replace(text, instead), encoding="utf-8")
    folders = {"project-dir": project, "profiles-dir": project, "target-path": project / "target"}
    options = [f"--{name}={folder}" for name, folder in folders.items()]
    ended = subprocess.run(
        [DBT, "build", "--select", model.stem, *options],
        env=os.environ | {"OBSERVATORY_WAREHOUSE": str(home.warehouse), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    return ended.stdout


@pytest.mark.long
def test_a_seed_row_that_moves_the_past_is_published_once_it_is_accepted(home: Home) -> None:
    """From the seed through dbt to the publication, each step a run that Dagster shows."""
    name = "an organization is moved to another country in the seed"
    before = generation.current(home)
    _refused(home, MUTATIONS[name])
    assert generation.current(home) == before
    Command(home.root, "accept", "history_as_published", "--reason", "it moved").end()
    now = generation.current(home)
    assert now is not None and before is not None and now.name > before.name
    assert generation.read_manifest(now)["accepted"] == {"history_as_published": "it moved"}
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        newest = instance.get_runs(limit=1)[0]
    assert newest.status == dg.DagsterRunStatus.SUCCESS
    assert newest.tags["observatory/decision"] == "accepted history_as_published: it moved"
