"""`observatory`: the command line. Thin: what changes something is a Dagster run underneath.

Exit codes: 0 done and published, 1 refused, 2 wrong usage, 3 published but some days refused;
70 a defect of our own, 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home, Universe
from orchestration.reporting import Slice

app = typer.Typer(
    name="observatory",
    help="Who builds the world's open models? Measured daily from Hugging Face Hub metadata.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
quarantine = typer.Typer(
    help="Rows that were set aside from a sealed day: look at them, let them in, drop them.",
    no_args_is_help=True,
)
app.add_typer(quarantine, name="quarantine")
# A pipe or a log has no width of its own: give tables the room they need.
_WIDTH = None if sys.stdout.isatty() else 160
out = Console(width=_WIDTH)
err = Console(stderr=True, width=_WIDTH)

SECRETS = ("HF_TOKEN", "OBSERVATORY_PUBLISH_POSTGRES_URL", "OBSERVATORY_ALERT_WEBHOOK_URL")

REFUSED, PARTLY_REFUSED, DEFECT, INTERRUPTED = 1, 3, 70, 130


def _day(*names: str, help: str | None = None) -> Any:
    return typer.Option(*names, formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=help)


def _panel_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise typer.BadParameter("letters, digits, _ - . and at most 64 of them")
    return name


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Panel = Annotated[
    str, typer.Option(help="Which recorded panel the archive is of.", callback=_panel_name)
]


Publish = Annotated[
    bool, typer.Option("--publish/--no-publish", help="Build and publish what follows from it.")
]
Note = Annotated[str, typer.Option(help="Why. It is kept with the rows.")]
Rows = Annotated[str, typer.Option(metavar="1,3-5|all", help="Numbers of `quarantine show`.")]


def _row_numbers(text: str) -> list[int] | None:
    """The numbers that `text` (as 1,3-5) names; None for all."""
    found: list[int] = []
    if text.strip() == "all":
        return None
    for part in text.split(","):
        named = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", part)
        if named is None:
            raise typer.BadParameter("numbers and ranges, as 1,3-5; or all", param_hint="--rows")
        found += range(int(named[1]), int(named[2] or named[1]) + 1)
    return found


class _Handler(logging.Handler):
    """What the pipeline says while it works, on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(record.getMessage(), style="dim", markup=False, highlight=False)


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
    decision: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Run a job and return its assets' metadata; a Refusal's words and exit 1 otherwise."""
    from orchestration.defs.automation import running

    report = running.execute(home, job, partition_key=partition_key, ops=ops, decision=decision)
    if not report.succeeded:
        for problem in report.refusals:
            err.print(f"refused: {problem}", highlight=False, markup=False)
        for defect in report.defects:
            _tell_defect(defect)
        raise typer.Exit(DEFECT if report.defects or not report.refusals else REFUSED)
    return report.metadata


def _tell_published(home: Home) -> None:
    from orchestration import reporting

    shares = reporting.country_shares(home, Slice())
    out.print(reporting.shares_table(shares, out.width))
    folder = reporting.published_folder(home)
    current = home.published / "current"
    out.print(
        f"published: {escape(str(current))} -> {folder.name}", highlight=False, soft_wrap=True
    )
    for name, what in (
        ("observatory.duckdb", "all marts, for DuckDB and BI tools"),
        ("*.parquet", "the same, a file a table"),
        ("manifest.json", "generation, snapshot dates, sources, hashes"),
        ("dashboard/index.html", "open it in a browser"),
    ):
        path = escape(str(current / name))
        out.print(f"  {path}   [dim]{what}[/dim]", highlight=False, soft_wrap=True)


def _import(home: Home, config: dict[str, Any], day: str | None = None) -> None:
    """Import recorded days, publish, list what was refused; exit 3 where some were.

    With `day` the run is that day's alone: it is published or refused.
    """
    metadata = _execute(home, "daily_observatory", partition_key=day, ops={"fetch": config})
    _tell_published(home)
    fetched = metadata["raw_hub__models"]
    refused = {**_refused_by_gate(home, fetched["days"]), **fetched["days_refused"]}
    for of, why in sorted(refused.items()):
        err.print(f"refused {of}: {why}", highlight=False, markup=False)
    if refused:
        raise typer.Exit(PARTLY_REFUSED)


def _archive_config(home: Home, path: Path, panel: str) -> dict[str, Any]:
    """The config of an import; a Refusal where there is nothing to import from or to."""
    from orchestration.snapshots import archives

    archives.find_files(path)
    home.check_universe(Universe("panel", panel))
    return {"source": "ARCHIVE", "archive": str(path.expanduser().absolute()), "panel": panel}


def _refused_by_gate(home: Home, days: list[str]) -> dict[str, str]:
    from orchestration.gates import raw

    return {
        day.isoformat(): "; ".join(
            f"{outcome.name}: {outcome.observed} ({outcome.threshold}). Cure: {outcome.cure}"
            for outcome in verdict.outcomes
            if outcome.blocks
        )
        for day, verdict in raw.verdicts(home, map(date.fromisoformat, days)).items()
        if not verdict.passed
    }


@app.command()
def run(
    date_: Annotated[datetime | None, _day("--date", help="By default the Hub's day.")] = None,
    source: Literal["live", "archive"] = "live",
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    panel: Panel = "archive",
) -> None:
    """One day, from the Hub (HF_ENDPOINT) or an archive, to a publication."""
    if (source == "archive") != (archive is not None):
        raise typer.BadParameter(
            "--archive PATH goes with --source archive", param_hint="--archive"
        )
    if archive is not None and date_ is None:
        raise typer.BadParameter("an archive's day must be named", param_hint="--date")
    home = _begin()
    if archive is not None:
        _import(home, _archive_config(home, archive, panel), _text(date_))
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
    from_: Annotated[datetime | None, _day("--from")] = None,
    to: Annotated[datetime | None, _day("--to")] = None,
) -> None:
    """Every day of an archive, in one run; days that do not pass are listed (exit 3)."""
    if (archive is None) == (dataset is None):
        raise typer.BadParameter("one of --archive PATH and --dataset NAME")
    if from_ is not None and to is not None and from_ > to:
        raise typer.BadParameter("--from lies after --to", param_hint="--from")
    home = _begin()
    days = {"first": _text(from_) or "", "last": _text(to) or ""}
    if archive is not None:
        _import(home, _archive_config(home, archive, panel) | days)
    else:
        _import(home, {"source": "DATASET", "dataset": dataset, **days})


@app.command("serve-hub")
def serve_hub(
    snapshots: Annotated[Path | None, typer.Option(help="Recorded days to replay.")] = None,
    world: Annotated[str | None, typer.Option(help="Generated world to serve.")] = None,
    date_: Annotated[datetime | None, _day("--date")] = None,
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
def accept(
    check: Annotated[str, typer.Argument(help="The check, as `observatory status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may pass. It stays to be seen.")],
    date_: Annotated[
        datetime | None,
        _day("--date", help="The refused day; none for a check of the publication."),
    ] = None,
    publish_: Publish = True,
) -> None:
    """Let one failed check pass for this very content, with a reason, and publish."""
    from orchestration.gates import candidate, raw
    from orchestration.publication import refusals

    if (check in candidate.ACCEPTABLE) == (date_ is not None):
        raise typer.BadParameter(
            "a check of the publication is of no single day"
            if date_
            else f"a day must be named, unless the check is {', '.join(candidate.ACCEPTABLE)}",
            param_hint="--date",
        )
    home = _begin()
    if date_ is None:
        refusals.accept(home, check, reason)
        _settle(home, f"accepted {check}: {reason}", publish_)
        return
    verdict = raw.accept(home, date_.date(), check, reason)
    for outcome in verdict.outcomes:
        if outcome.blocks:
            err.print(f"still refused: {outcome}", highlight=False, markup=False)
    _settle(home, f"accepted {check} of {date_.date()}: {reason}", publish_)


@quarantine.command("show")
def quarantine_show(
    date_: Annotated[datetime | None, _day("--date", help="By default every day.")] = None,
    as_json: AsJson = False,
) -> None:
    """The rows that are set aside, with their numbers, reasons and original content."""
    from orchestration import reporting

    found = reporting.set_aside(_begin(), date_.date() if date_ else None)
    if as_json:
        out.print_json(json.dumps(found, default=str))
    else:
        out.print(reporting.set_aside_table(found))


@quarantine.command("release")
def quarantine_release(
    date_: Annotated[datetime, _day("--date")], rows: Rows, note: Note, publish_: Publish = True
) -> None:
    """Let rows in: a new version of the day counts them, the value that was bad being null."""
    _decide_on_rows("release", date_.date(), rows, note, publish_)


@quarantine.command("drop")
def quarantine_drop(
    date_: Annotated[datetime, _day("--date")], rows: Rows, note: Note, publish_: Publish = True
) -> None:
    """Drop rows for good: a new version of the day no longer counts them as set aside."""
    _decide_on_rows("drop", date_.date(), rows, note, publish_)


def _decide_on_rows(
    decision: Literal["release", "drop"], day: date, rows: str, note: str, publish_: bool
) -> None:
    from orchestration.gates import quarantine as held

    numbers = _row_numbers(rows)
    home = _begin()
    if numbers is None:
        numbers = [row.number for row in held.held(home, day)]
    decide, done = {"release": (held.release, "released"), "drop": (held.drop, "dropped")}[decision]
    settled = decide(home, day, numbers, note)
    what = f"{done} {len(numbers):,} rows of {day}, now version {settled.version}: {note}"
    _settle(home, what, publish_)


def _settle(home: Home, decision: str, publish_: bool) -> None:
    """Tell what was decided, and build and publish what follows from it."""
    out.print(decision, highlight=False, markup=False)
    if publish_:
        _execute(home, "publish_again", decision=decision)
        _tell_published(home)
    else:
        out.print("the next run, or `observatory publish`, takes it into account")


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
    window: Literal["1d", "7d", "28d", "30d", "365d", "all_time"] = "30d",
    attribution: Literal["publisher", "base_model"] = "publisher",
    cohort: Literal["all", "new_365d"] = "all",
    scope: Literal["all", "language_models"] = "all",
    most: Annotated[int, typer.Option(min=1, help="How many countries.")] = 15,
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


@app.command(
    "metrics",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    },
)
def ask_metrics(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Metrics by name, over what is published: `list metrics`, `query --metrics launches`."""
    from orchestration import metrics
    from orchestration.defs.transform import project

    command, environment = metrics.command(_begin(), arguments or ["--help"])
    project.ensure_manifest()
    os.execve(command[0], command, os.environ | environment)


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


def _tell_defect(words: str) -> None:
    """A defect of our own: never in the words of a refusal, and never with the token."""
    for name in SECRETS:
        if secret := os.environ.get(name):
            words = words.replace(secret, f"({name})")
    err.print(words.rstrip(), highlight=False, markup=False, soft_wrap=True)
    err.print(
        "defect: this is a fault of the program, not of your input; nothing was published by it",
        highlight=False,
        soft_wrap=True,
    )


def main() -> None:
    """Run the command line; a Refusal becomes its words and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        err.print(f"refused: {refusal}", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(REFUSED) from None
    except Exception:
        _tell_defect(traceback.format_exc())
        raise SystemExit(DEFECT) from None
