"""Running a job here and now, in this process, and saying what came of it.

What belongs here: the bridge from the command line to Dagster. Every command that changes
something is a Dagster run underneath, so the UI shows it like any other.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.defs.automation.dead_runs import close_dead_runs
from orchestration.defs.automation.event_log import quick_event_log
from orchestration.defs.fetch.resources import HELD
from orchestration.defs.transform.ahead import dbt_ahead
from orchestration.errors import Refusal, disk_is_full
from orchestration.gates.ahead import validating_ahead
from orchestration.home import CHECKOUT, Home, write_text_durably

log = logging.getLogger(__name__)

# How Dagster ends a step whose own check blocks; the check is told among the refusals.
_CHECK_FAILED = "DagsterAssetCheckFailedError"

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunReport:
    """How a run of `job` ended: what was refused, and what broke, in words.

    `day` is that of its partition, `metadata` by asset name.
    """

    job: str
    day: str | None
    succeeded: bool
    refusals: list[str]
    defects: list[str]
    metadata: dict[str, dict[str, Any]]

    @property
    def broke(self) -> bool:
        """Whether it failed by a fault of ours: by more than refusals, or without one."""
        return not self.succeeded and (bool(self.defects) or not self.refusals)

    @property
    def published(self) -> bool:
        """Whether it came to show a publication, whatever failed after that."""
        return "publication" in self.metadata


def prepare_instance(home: Home) -> None:
    """Point Dagster at the home's own folder and give it the project's settings."""
    folder = home.dagster
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"Dagster's folder cannot be made ({error.strerror})",
            file=folder,
            cure="set DAGSTER_HOME to a folder that you may write to, or leave it unset",
        ) from error
    os.environ["DAGSTER_HOME"] = str(folder)
    settings = (CHECKOUT / "dagster.yaml").read_text(encoding="utf-8")
    file = folder / "dagster.yaml"
    # Somebody's own instance, with its own storage, stays as it is.
    ours = settings.splitlines()[0]
    if not file.exists() or file.read_text(encoding="utf-8").startswith(ours):
        write_text_durably(file, settings)


def execute(
    home: Home,
    job_name: str,
    *,
    partition_key: str | None = None,
    ops: Mapping[str, Mapping[str, Any]] | None = None,
    decision: str | None = None,
) -> RunReport:
    """Run `job_name` in this process; `ops` is the config of each asset, by its name.

    `decision` is what an operator decided that is the reason of the run; the UI shows it.
    """
    # Days that are fetched alone are judged and built by the next build.
    builds = job_name != "fetch_only"
    with contextlib.ExitStack() as meanwhile:
        if builds:
            meanwhile.enter_context(validating_ahead())
        # Loading the definitions takes seconds; commands that only read do without.
        from orchestration.definitions import defs

        # None of this is garbage, and looking through it takes a tenth of a short run.
        gc.freeze()
        if builds:
            # Not before: with two cores it would hold up the loading, and is needed last.
            meanwhile.enter_context(dbt_ahead())
        job = defs.resolve_job_def(job_name)
        config = {"ops": {name: {"config": dict(values)} for name, values in (ops or {}).items()}}
        with home.lock(f"observatory ({job_name})"):
            prepare_instance(home)
            return _run(home, job, config, partition_key, decision)


def _run(
    home: Home,
    job: dg.JobDefinition,
    config: dict[str, Any],
    partition_key: str | None,
    decision: str | None,
) -> RunReport:
    tags = {"observatory/started_by": "command line", HELD: str(home.root)}
    with (
        dg.DagsterInstance.get() as instance,
        quick_event_log(instance),
        # dbt's own lines would drown what a person wants to read; they are kept in a file.
        (home.dagster / "last_run.log").open("w", encoding="utf-8") as transcript,
        contextlib.redirect_stdout(transcript),
    ):
        close_dead_runs(instance, home)
        result = job.execute_in_process(
            run_config={**_QUIET, **config},
            instance=instance,
            partition_key=partition_key,
            raise_on_error=False,
            tags=tags | ({"observatory/decision": decision} if decision else {}),
        )
    return RunReport(job.name, partition_key, result.success, *_problems(result), _metadata(result))


def _problems(result: dg.ExecuteInProcessResult) -> tuple[list[str], list[str]]:
    """What was refused, and the errors that no part of ours meant as an answer."""
    refusals: list[str] = []
    defects: list[str] = []
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                words = check.description or "failed"
                refusals.append(f"check {check.check_name} of {check.asset_key.path[-1]}: {words}")
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            failure = data.user_failure_data
            if failure is not None and failure.description:
                refusals.append(failure.description)
            elif data.error is not None and data.error.cls_name != _CHECK_FAILED:
                words = data.error.to_string()
                full = disk_is_full(words)
                (refusals if full else defects).append(str(full or words))
    return refusals, defects


def _metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            materialization = event.step_materialization_data.materialization
            found[materialization.asset_key.path[-1]] = {
                name: value.value for name, value in materialization.metadata.items()
            }
    return found
