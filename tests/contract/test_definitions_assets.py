"""The code location as Dagster sees it: complete, described, owned, and loaded one way."""

from __future__ import annotations

import ast
import datetime
import re
import tomllib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer
import yaml

from dashboard import build, site
from orchestration import definitions, warehouse
from orchestration.defs.automation.running import prepare_instance
from orchestration.defs.publish.assets import PROGRAM_FILES, PROGRAM_FOLDERS
from orchestration.gates import candidate, raw
from orchestration.gates.tables import REQUIRED, TABLES
from orchestration.home import CHECKOUT, Home
from orchestration.publication import verify
from tests.browser import example_publication

pytestmark = pytest.mark.xdist_group("definitions")

LOCATION = definitions.defs
SPECS = {spec.key.to_user_string(): spec for spec in LOCATION.resolve_all_asset_specs()}
GRAPH = LOCATION.resolve_asset_graph()
CHECKS = {key: GRAPH.get_check_spec(key) for key in GRAPH.asset_check_keys}
# Datasets and Spaces, which have a job of their own.
OTHERS = {f"{stage}__{kind}" for stage in ("raw_hub", "stg_hub") for kind in ("datasets", "spaces")}
JOBS = {job.name: job for job in LOCATION.resolve_all_job_defs() if not job.name.startswith("__")}


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_asset_says_what_it_is_and_whose(name: str) -> None:
    spec = SPECS[name]
    assert spec.description and len(spec.description) > 20
    assert spec.owners
    stages = {"fetch", "seeds", "staging", "intermediate", "marts", "publish", "retain"}
    assert spec.group_name in stages
    assert spec.kinds


@pytest.mark.parametrize(
    "key", sorted(CHECKS, key=str), ids=lambda key: f"{key.asset_key.path[-1]}-{key.name}"[:80]
)
def test_every_check_says_what_it_asks_and_blocks(key: dg.AssetCheckKey) -> None:
    spec = CHECKS[key]
    assert spec.description and len(spec.description) > 10
    assert spec.blocking


def test_assets_are_those_of_the_house() -> None:
    assert {"raw_hub__models", "raw_hub__authors", "publication", *REQUIRED} <= set(SPECS)
    assert set(SPECS) >= OTHERS
    marts = {name for name, spec in SPECS.items() if spec.group_name == "marts"}
    assert {name for name in marts if not name.startswith("int_")} <= set(TABLES)
    published = {key.path[-1] for key in GRAPH.get(dg.AssetKey("publication")).parent_keys}
    assert published == set(SPECS) & set(TABLES)


def test_nothing_waits_for_the_served_copy() -> None:
    served = GRAPH.get(dg.AssetKey("served_copy"))
    assert served.parent_keys == {dg.AssetKey("publication")}
    assert not served.child_keys and not served.check_keys


def test_the_graph_of_the_groups_runs_one_way() -> None:
    order = ["seeds", "fetch", "staging", "intermediate", "marts", "publish", "retain"]
    for name, spec in SPECS.items():
        for parent in GRAPH.get(spec.key).parent_keys:
            above = SPECS[parent.to_user_string()].group_name
            assert order.index(above or "") <= order.index(spec.group_name or ""), (parent, name)


def test_every_question_of_a_gate_is_a_check() -> None:
    def names(asset: str) -> set[str]:
        return {key.name for key in CHECKS if key.asset_key == dg.AssetKey(asset)}

    assert {check.name for check in raw.CHECKS} <= names("raw_hub__models")
    assert {check.name for check in candidate.CHECKS} <= names("publication")
    assert {check.name for check in verify.CHECKS} <= names("publication")


@pytest.mark.parametrize("name", [name for name in TABLES if name in SPECS])
def test_a_mart_shows_its_columns_and_its_age(name: str) -> None:
    spec = SPECS[name]
    assert spec.freshness_policy is not None
    schema: Any = spec.metadata["dagster/column_schema"]
    described = {column.name: column.description for column in schema.columns}
    assert all(described.values())
    assert list(described) == [column.name for column in TABLES[name].columns]
    assert spec.deps


def test_lineage_reaches_from_the_publication_to_the_hub() -> None:
    reached, todo = set(), [dg.AssetKey("publication")]
    while todo:
        key = todo.pop()
        if key not in reached:
            reached.add(key)
            todo += GRAPH.get(key).parent_keys
    assert {dg.AssetKey("raw_hub__models"), dg.AssetKey("raw_hub__authors")} <= reached


def test_the_jobs_are_those_that_commands_run() -> None:
    assert set(JOBS) == {"daily_observatory", "publish_again", "fetch_only", "other_repositories"}
    assert all(job.description for job in JOBS.values())

    def assets(job: str) -> set[str]:
        return {key.to_user_string() for key in JOBS[job].asset_layer.executable_asset_keys}

    fetched = {"raw_hub__models", "raw_hub__authors"}
    daily = set(SPECS) - OTHERS
    assert assets("daily_observatory") == daily
    assert assets("fetch_only") == fetched
    assert assets("publish_again") == daily - fetched - {"raw_hub__history"}
    assert assets("other_repositories") == OTHERS


def test_a_day_may_be_fetched_while_it_lasts() -> None:
    partitions = JOBS["daily_observatory"].partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    for hour in (0, 6, 23):
        now = datetime.datetime(2026, 11, 5, hour, 30, tzinfo=datetime.UTC)
        with dg.partition_loading_context(effective_dt=now):
            assert partitions.has_partition_key("2026-11-05")
            # The Hub's day, where the clock here is behind.
            assert partitions.get_last_partition_key() == "2026-11-06"
    assert partitions.get_first_partition_key() == "2020-01-01"
    assert partitions.timezone == "UTC"


def test_the_schedule_asks_for_the_day_of_its_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "home"))
    schedule, others = sorted(LOCATION.schedules or [], key=lambda one: one.name)
    assert others.default_status == dg.DefaultScheduleStatus.STOPPED
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.name == "every_morning"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "daily_observatory"
    day = datetime.datetime.now(datetime.UTC).date()
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime.datetime.combine(day, datetime.time(6), datetime.UTC),
            repository_def=LOCATION.get_repository_def(),
        )
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert (request.partition_key, request.run_key) == (f"{day}", f"{day}T06")
    assert int(request.tags["dagster/max_runtime"]) > 12 * 3600


def test_one_run_is_one_process() -> None:
    # The home's lock is held from a run's first step to its last, and goes with the process.
    assert {job.executor_def.name for job in JOBS.values()} == {"in_process"}


def test_whatever_touches_the_home_is_in_its_pool() -> None:
    from orchestration.defs.fetch.resources import POOL

    for job in JOBS.values():
        for node in job.nodes:
            assert POOL in node.definition.pools, node.name


def test_workspace_and_pyproject_name_one_location() -> None:
    (loaded,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    module = loaded["python_module"]
    assert module["location_name"] == project["code_location_name"] == "hub-observatory"
    assert module["module_name"] == project["code_location_target_module"]
    assert module["module_name"] == definitions.__name__
    assert [value for value in vars(definitions).values() if isinstance(value, dg.Definitions)] == [
        LOCATION
    ]


def test_what_a_publication_makes_is_no_part_of_the_programs_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the second publication of a fresh checkout would be by another version."""
    monkeypatch.setattr(site, "version", lambda _: "of-a-test")
    bundles = set((CHECKOUT / "dashboard" / "bundled").glob("*"))
    before = warehouse.fingerprint(CHECKOUT, PROGRAM_FOLDERS, PROGRAM_FILES)
    publication = example_publication.write(tmp_path / "observatory.duckdb", small=True)
    build.write(publication, tmp_path / "dashboard", example_publication.MANIFEST)
    after = warehouse.fingerprint(CHECKOUT, PROGRAM_FOLDERS, PROGRAM_FILES)
    made = set((CHECKOUT / "dashboard" / "bundled").glob("*of-a-test*")) - bundles
    for bundle in made:
        bundle.unlink()
    assert made and after == before


def test_settings_of_the_instance() -> None:
    settings = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    assert settings["telemetry"]["enabled"] is False
    assert settings["concurrency"]["pools"]["default_limit"] == 1
    assert settings["run_monitoring"]["enabled"] is True


def test_settings_of_somebodys_own_instance_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a team's instance would lose its storage, and with it all that it knew of runs."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    file = tmp_path / "dagster" / "dagster.yaml"
    prepare_instance(Home(tmp_path))
    ours = (CHECKOUT / "dagster.yaml").read_text()
    assert file.read_text() == ours
    file.write_text(f"{ours.splitlines()[0]}\n# of an older program\n")
    prepare_instance(Home(tmp_path))
    assert file.read_text() == ours
    file.write_text("storage:\n  postgres: {}\n")
    prepare_instance(Home(tmp_path))
    assert file.read_text() == "storage:\n  postgres: {}\n"


COMMANDS = CHECKOUT / "orchestration" / "commands"
SOURCES = [
    path
    for folder in ("orchestration", "local_hub", "dashboard")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", sorted(SOURCES), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_only_defs_know_dagster_and_only_by_its_public_names(path: Path) -> None:
    dagster = {name for name in imported(path) if name.split(".")[0].startswith("dagster")}
    assert not [name for name in dagster if "._" in name]
    if path.is_relative_to(CHECKOUT / "orchestration" / "defs") or path.name == "definitions.py":
        return
    assert not dagster
    # The command line alone reaches for a run, and only when a command needs one.
    if not path.is_relative_to(COMMANDS):
        assert not {name for name in imported(path) if name.startswith("orchestration.defs")}


def test_modules_have_a_name_that_says_something() -> None:
    nothing = {"utils", "util", "helpers", "helper", "common", "lib", "misc"}
    assert not [path for path in SOURCES if nothing & {path.stem, *path.parts}]


def test_every_command_of_the_readme_exists() -> None:
    from orchestration.cli import app

    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert {"demo", "run", "dev", "test", "lint", "bench", "test-long"} <= targets
    # Commands stand in code: in a block of its own, or between backticks.
    code = "\n".join(re.findall(r"^ {4}.*|`[^`]+`", readme, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b", code)) <= targets

    observatory: Any = typer.main.get_command(app)
    commands = observatory.commands
    told = re.findall(r"\bobservatory ([a-z][a-z-]+)", readme)
    assert told and set(told) <= set(commands)
    assert {name for name, command in commands.items() if not command.hidden} <= set(told)
    for options in re.findall(r"observatory [a-z][a-z-]+((?: \[?--?[^\n|`]*)?)", readme):
        for option in re.findall(r"--[a-z]+", options):
            assert option in _options(), option


def _options() -> set[str]:
    source = "\n".join(path.read_text(encoding="utf-8") for path in COMMANDS.glob("*.py"))
    parameters = set(re.findall(r"^    ([a-z_]+): ", source, re.MULTILINE))
    return set(re.findall(r'"(--[a-z]+)"', source)) | {
        f"--{name.strip('_')}" for name in parameters
    }
