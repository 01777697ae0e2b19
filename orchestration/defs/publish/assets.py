"""The publication: the marts as people read them, checked by the publisher itself."""

from collections.abc import Callable, Iterator, Sequence
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
from orchestration.defs.transform.assets import transform
from orchestration.defs.transform.project import CODE
from orchestration.gates import candidate
from orchestration.gates.tables import TABLES
from orchestration.home import CHECKOUT, Home
from orchestration.printable import markdown_table
from orchestration.profile import Profile, Step
from orchestration.publication import swap, verify
from orchestration.publication.diff import Diff
from orchestration.publication.swap import Publication, PublicationRefused
from orchestration.reporting import (
    Slice,
    bar,
    country_shares,
    percent,
    points,
    spark_line,
    who_leads,
)

KEY = dg.AssetKey("publication")
COVERAGE = ("downloads_attributed_share", "downloads_with_known_lineage_share")
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
            | profile_metadata([*profile.take(observatory.home), *measured.steps])
        )


def profile_metadata(steps: Sequence[Step]) -> dict[str, Any]:
    """A run's steps as a table, and its sums as numbers, which the UI plots over the days."""
    whole = [step for step in steps if step.cpu_seconds is not None]
    return {
        "profile": dg.MetadataValue.md(profile.as_markdown(steps)),
        "seconds": round(sum(step.seconds for step in whole), 1),
        "cpu_seconds": round(sum(step.cpu_seconds or 0 for step in whole), 1),
        "peak_memory_mib": max((step.peak_memory_mib or 0 for step in whole), default=0),
        "bytes_read": sum(step.bytes_read or 0 for step in whole),
    }


def _check_results(outcomes: list[Any]) -> Iterator[dg.AssetCheckResult]:
    for check in CHECKS:
        found = [outcome for outcome in outcomes if outcome.name == check.name]
        yield as_check_result(check.name, found, KEY, stops=True)


def _changes(diff: Diff | None) -> str:
    """What is other than in the publication before: rows by table, and the shares that moved."""
    if diff is None:
        return "the same content as before"
    rows = [
        (name, f"{one.added:,}", f"{one.changed:,}", f"{one.removed:,}")
        for name, one in diff.tables.items()
        if one.added or one.changed or one.removed
    ]
    moves = [
        (
            *(move["kind"], move["entity"], move["snapshot_date"]),
            *(f"{move['was']:.2%}", f"{move['now']:.2%}", f"{move['change']:+.2%}"),
        )
        for move in [*diff.moves, *diff.restatements]
    ]
    return (
        f"against {diff.old or 'nothing'}; days added: {', '.join(diff.days_added[-5:]) or 'none'}"
        + "\n\n"
        + markdown_table(["table", "added:", "changed:", "removed:"], rows)
        + "\n\n"
        + markdown_table(["kind", "who", "day", "was:", "is:", "change:"], moves)
    )


def describe(home: Home, published: Publication) -> dict[str, Any]:
    """What one wants to see first of a publication: who leads, how sure, what changed."""
    shares = country_shares(home, Slice())
    countries = [row for row in shares.rows if row["share_of_all_low"] is not None][:10]
    # Narrow enough for the cell that the UI gives it.
    drawn = min(14, max((len(row["history"]) for row in countries), default=0))
    table = markdown_table(
        ["country", "share:", " ", "band:", "7 days, points:", f"{drawn} days"],
        [
            (
                row["country_name"],
                percent(row["share_of_all"]),
                bar(row["share_of_all"], countries[0]["share_of_all"], 8),
                f"{row['share_of_all_low'] * 100:.1f}\u2013{percent(row['share_of_all_high'])}",
                points(row["share_change_7d"]),
                # Markdown makes one space of several.
                spark_line(row["history"][-drawn:], gap="·"),
            )
            for row in countries
        ],
    )
    label = "GENERATED WORLD: " if shares.universe.is_generated else ""
    # Numbers become plots over the publications in the UI.
    numbers = {
        "leader_share": countries[0]["share_of_all"] if countries else None,
        # Shares end at the tenth decimal; behind it a difference shows a float's noise.
        "gap_to_second": round(countries[0]["share_of_all"] - countries[1]["share_of_all"], 10)
        if len(countries) > 1
        else None,
        **{name: shares.coverage[name] for name in COVERAGE},
    }
    return {
        "who_leads": f"{label}{who_leads(shares.leaders)}, of 30 days' downloads by publisher",
        "top_countries": dg.MetadataValue.md(table),
        "universe": str(shares.universe),
        "generation": published.generation,
        "is_new": published.is_new,
        "newest_snapshot": shares.snapshot_date.isoformat(),
        "path": dg.MetadataValue.path(str(published.folder)),
        "dashboard": dg.MetadataValue.path(str(published.folder / "dashboard" / "index.html")),
        "changes": dg.MetadataValue.md(_changes(published.diff)),
    } | {name: float(value) for name, value in numbers.items() if value is not None}
