"""`observatory`: the command line. Thin: what changes something is a Dagster run underneath.

Exit codes: 0 done and published, 1 refused, 2 wrong usage, 3 published but some days refused.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home, Universe
from orchestration.reporting import Slice

app = typer.Typer(
    name="observatory",
    help="Who builds the world's open models? Measured daily from Hugging Face Hub metadata.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# A pipe or a log has no width of its own: give tables the room they need.
_WIDTH = None if sys.stdout.isatty() else 160
out = Console(width=_WIDTH)
err = Console(stderr=True, width=_WIDTH)

REFUSED, PARTLY_REFUSED = 1, 3

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Panel = Annotated[str, typer.Option(help="Which recorded panel the archive is of.")]


class _Handler(logging.Handler):
    """What the pipeline says while it works, on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(f"[dim]{record.getMessage()}[/dim]", highlight=False)


def _begin() -> Home:
    os.environ.setdefault("DO_NOT_TRACK", "1")
    logger = logging.getLogger("orchestration")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler())
    return Home.from_environment()


def _text(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()


def _execute(
    home: Home,
    job: str,
    partition_key: str | None = None,
    ops: dict[str, dict[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Run a job and return its assets' metadata; a Refusal's words and exit 1 otherwise."""
    from orchestration.defs.automation import running

    running.prepare_instance(home)
    report = running.execute(home, job, partition_key=partition_key, ops=ops)
    if not report.succeeded:
        for problem in report.problems:
            err.print(f"refused: {problem}", highlight=False, markup=False)
        raise typer.Exit(REFUSED)
    return report.metadata


def _tell_published(home: Home) -> None:
    from orchestration import reporting

    shares = reporting.country_shares(home, Slice())
    out.print(reporting.shares_table(shares, out.width))
    folder = reporting.published_folder(home)
    current = home.published / "current"
    out.print(f"published: {current} -> {folder.name}", highlight=False, soft_wrap=True)
    for name, what in (
        ("observatory.duckdb", "all marts, for DuckDB and BI tools"),
        ("*.parquet", "the same, a file a table"),
        ("manifest.json", "generation, snapshot dates, sources, hashes"),
        ("dashboard/index.html", "open it in a browser"),
    ):
        out.print(f"  {current / name}   [dim]{what}[/dim]", highlight=False, soft_wrap=True)


def _archive_config(path: Path, panel: str, first: str | None, last: str | None) -> dict[str, Any]:
    config = {"source": "ARCHIVE", "archive": str(path.expanduser().absolute()), "panel": panel}
    return {**config, "first": first or "", "last": last or ""}


def _import(home: Home, config: dict[str, Any]) -> None:
    """Import recorded days, publish, list what was refused; exit 3 where some were."""
    metadata = _execute(home, "daily_observatory", ops={"fetch": config})
    _tell_published(home)
    unread = dict(metadata["raw_hub__models"]["days_refused"])
    unpassed = _days_refused_by_gate(home)
    for day, why in sorted({**unpassed, **unread}.items()):
        err.print(f"refused {day}: {why}", highlight=False, markup=False)
    if unread or unpassed:
        raise typer.Exit(PARTLY_REFUSED)


def _import_archive(
    home: Home, path: Path, panel: str, first: str | None, last: str | None
) -> None:
    from orchestration.snapshots import archives

    archives.find_files(path)
    home.check_universe(Universe("panel", panel))
    _import(home, _archive_config(path, panel, first, last))


def _days_refused_by_gate(home: Home) -> dict[str, str]:
    from orchestration.gates import raw
    from orchestration.snapshots import store

    days = [sealed.snapshot_date for sealed in store.list_sealed(home)]
    return {
        day.isoformat(): "; ".join(
            f"{outcome.name}: {outcome.observed} ({outcome.threshold}). Cure: {outcome.cure}"
            for outcome in verdict.outcomes
            if outcome.blocks
        )
        for day, verdict in raw.verdicts(home, days).items()
        if not verdict.passed
    }


@app.command()
def run(
    date_: Annotated[
        datetime | None,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="By default the Hub's day."
        ),
    ] = None,
    source: Annotated[str, typer.Option(help="live or archive.")] = "live",
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    panel: Panel = "archive",
) -> None:
    """One day, from the Hub (HF_ENDPOINT) or an archive, to a publication."""
    if source not in ("live", "archive"):
        raise typer.BadParameter("live or archive", param_hint="--source")
    if (source == "archive") != (archive is not None):
        raise typer.BadParameter(
            "--archive PATH goes with --source archive", param_hint="--archive"
        )
    home = _begin()
    if archive is not None:
        if date_ is None:
            raise typer.BadParameter("an archive's day must be named", param_hint="--date")
        _import_archive(home, archive, panel, _text(date_), _text(date_))
        return
    from orchestration.hub.client import HubClient
    from orchestration.hub.crawl import resumable

    greeting = HubClient().contact()
    home.check_universe(greeting.universe)
    unfinished = resumable(home, greeting)
    day = date_.date() if date_ else unfinished or greeting.snapshot_date
    if day not in (unfinished, greeting.snapshot_date):
        raise Refusal(
            f"{greeting.endpoint} lives on {greeting.snapshot_date} and tells its counters of "
            f"that day only; {day} was asked for",
            cure="leave --date out, or take that day from an archive",
        )
    _execute(home, "daily_observatory", partition_key=day.isoformat())
    _tell_published(home)


@app.command()
def backfill(
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Dataset repository that archives the Hub: cfahlgren1/hub-stats."),
    ] = None,
    panel: Panel = "archive",
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")
    ] = None,
    to: Day = None,
) -> None:
    """Every day of an archive, in one run; days that do not pass are listed (exit 3)."""
    home = _begin()
    if archive is not None and dataset is None:
        _import_archive(home, archive, panel, _text(from_), _text(to))
    elif dataset is not None and archive is None:
        days = {"first": _text(from_) or "", "last": _text(to) or ""}
        _import(home, {"source": "DATASET", "dataset": dataset, **days})
    else:
        raise typer.BadParameter("one of --archive PATH and --dataset NAME")


@app.command("serve-hub")
def serve_hub(
    snapshots: Annotated[Path | None, typer.Option(help="Recorded days to replay.")] = None,
    world: Annotated[str | None, typer.Option(help="Generated world to serve.")] = None,
    date_: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8765,
    faults: Annotated[Path | None, typer.Option(help="File of faults to play.")] = None,
) -> None:
    """A Hub on loopback: replays recorded days or serves a generated world."""
    if (snapshots is None) == (world is None):
        raise typer.BadParameter("one of --snapshots PATH and --world NAME")
    from local_hub import serve

    serve(
        snapshots=snapshots,
        world=world,
        date=date_.date() if date_ else None,
        port=port,
        faults=faults,
        started=lambda hub: out.print(
            f"serving {hub.endpoint}   (HF_ENDPOINT={hub.endpoint} make run)", highlight=False
        ),
    )


@app.command()
def publish() -> None:
    """Build and publish again what is sealed; nothing is fetched."""
    home = _begin()
    _execute(home, "publish_again")
    _tell_published(home)


@app.command()
def rollback(generation: Annotated[str | None, typer.Argument()] = None) -> None:
    """Show readers the generation before, or the one named."""
    from orchestration.publication import swap

    home = _begin()
    out.print(f"published/current is now {swap.rollback(home, generation)}", highlight=False)


@app.command()
def verify(generation: Annotated[str | None, typer.Argument()] = None) -> None:
    """Check hashes, counts and sums of a generation again (by default the current one)."""
    from orchestration import reporting
    from orchestration.publication import verify as verifying

    home = _begin()
    folder = home.published / generation if generation else reporting.published_folder(home)
    outcomes = verifying.verify(folder, home)
    bad = [outcome for outcome in outcomes if outcome.status != "passed"]
    for outcome in bad:
        err.print(
            f"{outcome.status}: {outcome.name}: {outcome.observed} ({outcome.threshold})\n"
            f"Cure: {outcome.cure}",
            highlight=False,
            markup=False,
        )
    if any(outcome.blocks for outcome in bad):
        raise typer.Exit(REFUSED)
    out.print(f"{folder.name}: {len(outcomes) - len(bad)} checks passed", highlight=False)


@app.command()
def status(as_json: AsJson = False) -> None:
    """The last days, their gates, what is published, how old it is, who works here."""
    from orchestration import reporting

    found = reporting.status(_begin())
    out.print_json(json.dumps(found)) if as_json else out.print(reporting.status_table(found))


@app.command()
def shares(
    window: Annotated[str, typer.Option(help="1d, 7d, 28d, 30d, 365d or all_time.")] = "30d",
    attribution: Annotated[str, typer.Option(help="publisher or base_model.")] = "publisher",
    cohort: Annotated[str, typer.Option(help="all or new_365d.")] = "all",
    scope: Annotated[str, typer.Option(help="all or language_models.")] = "all",
    most: Annotated[int, typer.Option(help="How many countries.")] = 15,
    as_json: AsJson = False,
) -> None:
    """The table of country shares, as published."""
    from orchestration import reporting

    chosen = Slice(window, attribution, cohort, scope)
    found = reporting.country_shares(_begin(), chosen, most)
    if as_json:
        out.print_json(json.dumps(found.to_dict(), default=str))
    else:
        out.print(reporting.shares_table(found, out.width))


@app.command(hidden=True)
def dev() -> None:
    """The Dagster UI, daemon and schedule on 127.0.0.1:3000 (`make dev`)."""
    from orchestration.defs.automation import running

    home = _begin()
    running.prepare_instance(home)
    # In the checkout Dagster would warn of the dagster.yaml there, which is ours to copy.
    os.chdir(home.dagster)
    workspace = str(CHECKOUT / "workspace.yaml")
    command = [str(Path(sys.executable).with_name("dg")), "dev", "-w", workspace]
    os.execv(command[0], [*command, "--host", "127.0.0.1", "--port", "3000"])


@app.command(hidden=True)
def demo(days: int = 14) -> None:
    """Several days of a generated world, crawled live, then one build (`make demo`)."""
    from local_hub import LocalHub, named_world

    home = _begin()
    content = named_world("demo")
    wanted: list[date] = list(content.dates)[-days:]
    with LocalHub(content, date=wanted[0]) as hub:
        # huggingface_hub reads it once, when it is imported.
        os.environ["HF_ENDPOINT"] = hub.endpoint
        from orchestration.hub.client import HubClient

        home.check_universe(HubClient().contact().universe)
        for day in wanted:
            hub.set_date(day)
            _execute(home, "fetch_only", partition_key=day.isoformat())
    _execute(home, "publish_again")
    _tell_published(home)


def main() -> None:
    """Run the command line; a Refusal becomes its words and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        err.print(f"refused: {refusal}", highlight=False, markup=False)
        raise SystemExit(REFUSED) from None
