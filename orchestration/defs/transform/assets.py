"""The dbt models as assets: registered, built, tested and counted in one step.

What belongs here: the steps. What a build has to do is planned in `warehouse.py`; how dbt is called
is said in `project`.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from orchestration import preflight, profile, warehouse
from orchestration.database import connect
from orchestration.defs.fetch.resources import POOL, HomeResource, refusing
from orchestration.defs.transform.columns import column_metadata
from orchestration.defs.transform.project import (
    CODE,
    have_unit_tests_passed,
    note_unit_tests,
    project,
    start_dbt,
    target_of,
)
from orchestration.defs.transform.translator import Translator
from orchestration.errors import Refusal
from orchestration.gates import raw
from orchestration.home import Home
from orchestration.profile import Profile
from orchestration.snapshots import store
from orchestration.snapshots.contract import OTHERS, Kind
from orchestration.snapshots.store import Sealed
from orchestration.warehouse import BuildPlan

log = logging.getLogger(__name__)

# What DuckDB says after an assertion of its own failed: nothing about models or data.
_BROKEN = "database has been invalidated"

# Two statements over more rows than this do not fit into DuckDB's memory together: they spill.
MANY_ROWS = 1_000_000

UNIT_TESTS = "resource_type:unit_test"

TRANSLATOR = Translator()


def staged(kind: Kind) -> dg.AssetKey:
    """The staging model of a kind of repository."""
    return dg.AssetKey(f"stg_hub__{kind.name}")


_OTHERS = [staged(kind).to_user_string() for kind in OTHERS]


@dbt_assets(
    manifest=project.manifest_path,
    project=project,
    name="transform",
    exclude=" ".join(_OTHERS),
    dagster_dbt_translator=TRANSLATOR,
    pool=POOL,
)
def transform(context: dg.AssetExecutionContext, observatory: HomeResource) -> Iterator[Any]:
    """Build the warehouse from every sealed day that passed the first gate."""
    home, measured = observatory.home, Profile()
    with refusing():
        passed, quality = _passed_days(context, home)
        failure, days_left = None, True
        # Of the parts of a long history the last one, or the one that fails, is told.
        while days_left and failure is None:
            events, failure, days_left = _build(context, home, passed, quality, measured)
            if failure is not None and _BROKEN in str(failure):
                # DuckDB 1.5 aborts now and then in a window over no rows, and its file is lost.
                log.warning("DuckDB broke down during the build; everything is built anew, once")
                warehouse.discard(home)
                events, failure, days_left = _build(context, home, passed, quality, measured)
        nodes = profile.slowest_nodes(target_of(home) / "run_results.json")
        profile.keep(home, "transform", [*measured.steps, *nodes])
        counts = _row_counts(home)
        columns = column_metadata(home, project.manifest_path)
        for event in events:
            if isinstance(event, dg.Output):
                name = context.asset_key_for_output(event.output_name).path[-1]
                metadata = dict(columns.get(name, {}))
                if name in counts:
                    metadata["dagster/row_count"] = counts[name]
                context.add_output_metadata(metadata, output_name=event.output_name)
            yield event
        if failure is not None:
            raise _refused_by_dbt(target_of(home)) or failure


def _passed_days(
    context: dg.AssetExecutionContext, home: Home
) -> tuple[list[Sealed], list[dict[str, Any]]]:
    """The days to build from, and what the first gate found on every day; else a Refusal."""
    if context.is_subset:
        # Tables of different days side by side would pass for a finished build.
        raise Refusal(
            "only some of the tables were asked for, and they are built together or not at all",
            cure="materialize the job publish_again, or every asset of this step",
        )
    preflight.check(home)
    sealed = store.list_sealed(home)
    verdicts = raw.verdicts(home, [day.snapshot_date for day in sealed])
    refused = {str(day) for day, verdict in verdicts.items() if not verdict.passed}
    today = context.run.tags.get("dagster/partition")
    if today in refused:
        # By Dagster's edges this step waits for the day, not for the checks of it.
        raise Refusal(
            f"{today} was refused by the first gate: nothing is built or published",
            cure="see the checks of raw_hub__models",
        )
    passed = [day for day in sealed if verdicts[day.snapshot_date].passed]
    if not passed:
        raise Refusal(
            "no sealed day passed the first gate", cure="see the checks of raw_hub__models"
        )
    return passed, [row for verdict in verdicts.values() for row in verdict.quality_rows()]


def _build(
    context: dg.AssetExecutionContext,
    home: Home,
    passed: list[Sealed],
    quality: list[dict[str, Any]],
    measured: Profile,
) -> tuple[list[Any], DagsterDbtCliRuntimeError | None, bool]:
    """Register the days that fit at once, and let dbt build and test them.

    Gives dbt's events, how it failed if it did, and whether days are left for another build.
    """
    with measured.step("transform: register the sealed days"):
        build = warehouse.plan(home, passed, CODE)
        warehouse.register(home, build, quality)
    log.info(
        "building %s of %s days: %s%s",
        f"{len(build.window):,}",
        f"{len(build.days) + build.days_left:,}",
        build.why,
        f"; {build.days_left:,} follow in further parts" if build.days_left else "",
    )
    arguments = arguments_of(build)
    (target_of(home) / "run_results.json").unlink(missing_ok=True)
    invocation = start_dbt(context, arguments, home, TRANSLATOR)
    # DuckDB lets nobody else read while dbt has the file, so rows are counted at the end, and
    # what dbt said before it failed is told as well.
    events: list[Any] = []
    failure: DagsterDbtCliRuntimeError | None = None
    try:
        with measured.step("transform: dbt build, second gate"):
            for event in invocation.stream():
                events.append(event)
        warehouse.finish(home, build)
        if UNIT_TESTS not in arguments:
            note_unit_tests()
    except DagsterDbtCliRuntimeError as error:
        failure = error
    return events, failure, build.days_left > 0


def arguments_of(build: BuildPlan) -> list[str]:
    """What dbt is asked for `build`: seeds where all is made anew, unit tests until they passed."""
    left_out = [*_OTHERS]
    if not build.is_rebuild:
        left_out.append("path:seeds")
    if have_unit_tests_passed():
        left_out.append(UNIT_TESTS)
    arguments = ["build", "--exclude", *left_out]
    if build.is_rebuild:
        arguments.append("--full-refresh")
    if sum(day.rows for day in build.window) > MANY_ROWS:
        arguments += ["--threads", "1"]
    return arguments


# A step of its own, for a run of its own.
@dbt_assets(
    manifest=project.manifest_path,
    project=project,
    name="transform_others",
    select=" ".join(_OTHERS),
    dagster_dbt_translator=TRANSLATOR,
    pool=POOL,
)
def transform_others(context: dg.AssetExecutionContext, observatory: HomeResource) -> Iterator[Any]:
    """Stage the datasets and Spaces that are sealed."""
    home = observatory.home
    with refusing():
        warehouse.register_others(home)
        chosen = [key.to_user_string() for key in context.selected_asset_keys]
        yield from start_dbt(context, ["build", "--select", *chosen], home, TRANSLATOR).stream()


def _refused_by_dbt(target: Path) -> Refusal | None:
    """The nodes that did not pass, as a refusal; None where dbt broke before it could ask."""
    try:
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError, KeyError):
        return None
    found = [
        f"{result['unique_id'].split('.', 2)[2]}: {' '.join(str(result['message']).split())}"
        for result in results
        if result["status"] in ("fail", "error")
    ]
    if not found:
        return None
    return Refusal(
        "the second gate refused the build: " + "; ".join(found),
        cure="the checks that failed tell the rows; repair models or seeds, or look at the days",
    )


def _row_counts(home: Home) -> dict[str, int]:
    with connect(home.warehouse, read_only=True) as connection:
        found = connection.execute(
            "select table_name, estimated_size from duckdb_tables() where not temporary"
        ).fetchall()
    return {name: int(rows) for name, rows in found}
