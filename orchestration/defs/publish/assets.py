"""The publication: the marts as people read them, checked by the publisher itself.

What belongs here: the step, and when its content is new. What is told of it is in `describe`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from subprocess import Popen
from typing import Any

import dagster as dg

from orchestration import ahead, profile, warehouse
from orchestration.defs.fetch.checks import as_check_result
from orchestration.defs.fetch.resources import FRESH, OWNERS, POOL, HomeResource, refusing
from orchestration.defs.publish.describe import describe, describe_profile
from orchestration.defs.transform.assets import transform
from orchestration.defs.transform.project import CODE
from orchestration.gates import candidate
from orchestration.gates.tables import TABLES
from orchestration.home import CHECKOUT
from orchestration.profile import Profile
from orchestration.publication import swap, verify
from orchestration.publication.swap import PublicationRefused

KEY = dg.AssetKey("publication")
CHECKS = (*verify.CHECKS, *candidate.CHECKS)
MARTS = [spec.key for spec in transform.specs if spec.key.path[-1] in TABLES]


# What a gate asks and what a page says is of the program, not of dbt.
PROGRAM_FOLDERS, PROGRAM_FILES = (
    ("orchestration", "dashboard"),
    (".py", ".sql", ".html", ".css", ".js"),
)
PROGRAM = warehouse.fingerprint(CHECKOUT, PROGRAM_FOLDERS, PROGRAM_FILES)
# Release, models and program, as they were when this process began. Under another version every
# week is judged again, and what is written of the same content is a new generation.
CODE_VERSION = f"{version('hub-observatory')}+{CODE[:12]}.{PROGRAM[:12]}"


@contextmanager
def dashboard(process: Popen[bytes], folder: Path, beside: Path) -> Iterator[Callable[[], None]]:
    """The pages about the generation in `folder`, written by `process`, gone when this is."""

    def wait() -> None:
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"the dashboard could not be written:\n{said.decode()}")

    try:
        # One that is dead already is told of when it is waited for.
        with suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(f"{folder}\n{beside}\n".encode())
                process.stdin.flush()
        yield wait
    finally:
        process.kill()
        process.wait()


@dg.asset(
    key=KEY,
    deps=MARTS,
    group_name="publish",
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    pool=POOL,
    freshness_policy=FRESH,
    check_specs=[
        dg.AssetCheckSpec(check.name, asset=KEY, description=check.description, blocking=True)
        for check in CHECKS
    ],
    description=(
        "One generation: the marts as a DuckDB file and Parquet twins with a manifest, built in "
        "private, re-checked by the publisher, then shown by moving `published/current`. "
        "Readers see the old generation or the new one, never half."
    ),
)
def publication(context: dg.AssetExecutionContext, observatory: HomeResource) -> Iterator[Any]:
    measured = Profile()
    with refusing():
        try:
            # Its imports take a second, in which the tables are written.
            with ahead.start("dashboard.build", "write_into", merged=True) as process:
                try:
                    published = swap.publish(
                        observatory.home,
                        code_version=CODE_VERSION,
                        extras=[partial(dashboard, process)],
                        profile=measured,
                    )
                finally:
                    process.kill()
        except PublicationRefused as refusal:
            yield from _check_results(list(refusal.outcomes))
            raise
        yield from _check_results(list(published.outcomes))
        yield dg.MaterializeResult(
            metadata=describe(observatory.home, published)
            | describe_profile([*profile.take(observatory.home), *measured.steps])
        )


def _check_results(outcomes: list[Any]) -> Iterator[dg.AssetCheckResult]:
    for check in CHECKS:
        found = [outcome for outcome in outcomes if outcome.name == check.name]
        yield as_check_result(check.name, found, KEY, stops=True)
