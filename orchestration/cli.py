"""`observatory`: the command line. Thin: what changes something is a Dagster run underneath.

Exit codes: 0 done and published, 1 refused, 2 wrong usage, 3 published but some days refused;
70 a defect of our own, 130 interrupted.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from orchestration.answers import (
    answer,
    choose_json,
    err,
    listen,
    out,
    remark,
    tell,
    tell_defects,
    tell_refusals,
)
from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home, Universe

if TYPE_CHECKING:
    from orchestration.gates.outcome import CheckOutcome

# What is imported above is all that `--help` and completion need; the rest waits for its command.

app = typer.Typer(
    name="observatory",
    help="Who builds the world's open models? Measured daily from Hugging Face Hub metadata.",
    epilog="First steps: `make demo` fills a home with a generated world; `observatory status` and "
    "`observatory shares` tell what is in it. Exit codes: 0 done and published, 1 refused, 2 wrong "
    "usage, 3 published but some days were refused, 70 a defect of ours.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
quarantine = typer.Typer(
    help="Rows that were set aside from a sealed day: look at them, let them in, drop them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(quarantine, name="quarantine")

REFUSED, PARTLY_REFUSED, DEFECT, INTERRUPTED = 1, 3, 70, 130


def _examples(*lines: str) -> str:
    """The end of a command's help: what to type, a line each."""
    return "\n\n".join(["[bold]Examples[/bold]", *(escape(line) for line in lines)])


def _day(*names: str, help: str | None = None) -> Any:
    return typer.Option(*names, formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=help)


def _panel_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise typer.BadParameter("letters, digits, _ - . and at most 64 of them")
    return name


def _generations(incomplete: str) -> list[str]:
    """Completion of a generation's name: those that are kept, the newest first."""
    from orchestration.publication.generation import generations

    kept = reversed(generations(Home.from_environment()))
    return [name for name in kept if name.startswith(incomplete)]


AsJson = Annotated[
    bool, typer.Option("--json", help="Answer in JSON, errors too.", callback=choose_json)
]
Generation = Annotated[
    str | None,
    typer.Argument(
        help="A name that `observatory status --json` lists.", autocompletion=_generations
    ),
]
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


def _begin() -> Home:
    os.environ.setdefault("DO_NOT_TRACK", "1")
    listen()
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
        if report.defects or not report.refusals:
            for words in report.refusals:
                tell(f"refused: {words}")
            tell_defects(report.defects)
            raise typer.Exit(DEFECT)
        tell_refusals(report.refusals)
        raise typer.Exit(REFUSED)
    return report.metadata


def _crawl_others(home: Home, day: date) -> None:
    """The day's datasets and Spaces, where they are asked for; exit 3 where they are refused."""
    from orchestration.defs.fetch.other_repositories import also_crawled

    if not also_crawled():
        return
    try:
        _execute(home, "other_repositories", partition_key=day.isoformat())
    except typer.Exit as ended:
        raise typer.Exit(
            PARTLY_REFUSED if ended.exit_code == REFUSED else ended.exit_code
        ) from None


def _tell_published(
    home: Home, refused: dict[str, str] | None = None, decision: str | None = None
) -> None:
    """What readers see now, the days that were refused, and the decision it follows from."""
    from orchestration import reporting

    shares = reporting.country_shares(home, reporting.Slice())
    folder = reporting.published_folder(home)
    current = home.published / "current"
    refused = dict(sorted((refused or {}).items()))

    def show() -> None:
        out.print(reporting.shares_table(shares, out.width))
        out.print(f"published: {escape(str(current))} -> {folder.name}", soft_wrap=True)
        for name, what in (
            ("observatory.duckdb", "all marts, for DuckDB and BI tools"),
            ("*.parquet", "the same, a file a table"),
            ("manifest.json", "generation, snapshot dates, sources, hashes"),
            ("dashboard/index.html", "open it in a browser"),
        ):
            path = escape(str(current / name))
            out.print(f"  {path}   [dim]{what}[/dim]", highlight=False, soft_wrap=True)

    for day, why in refused.items():
        err.print(f"refused {day}: {why}", highlight=False, markup=False)
    answer(
        {
            "generation": folder.name,
            "folder": folder,
            "current": current,
            "refused_days": refused,
            "decision": decision,
            "shares": shares.to_dict(),
        },
        show,
    )


def _import(home: Home, config: dict[str, Any], day: str | None = None) -> None:
    """Import recorded days, publish, list what was refused; exit 3 where some were.

    With `day` the run is that day's alone: it is published or refused.
    """
    metadata = _execute(home, "daily_observatory", partition_key=day, ops={"fetch": config})
    fetched = metadata["raw_hub__models"]
    refused = {**_refused_by_gate(home, fetched["days"]), **fetched["days_refused"]}
    _tell_published(home, refused)
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


@app.command(
    epilog=_examples(
        "observatory run",
        "HF_TOKEN=hf_... observatory run --json",
        "observatory run --source archive --archive days/ --date 2026-08-20",
    )
)
def run(
    date_: Annotated[datetime | None, _day("--date", help="By default the Hub's day.")] = None,
    source: Annotated[
        Literal["live", "archive"], typer.Option(help="The Hub, or recorded days.")
    ] = "live",
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    panel: Panel = "archive",
    as_json: AsJson = False,
) -> None:
    """One day, from the Hub (HF_ENDPOINT) or an archive, to a publication.

    A crawl that was stopped goes on where it stopped; a day that is sealed already is no work.
    """
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
    _crawl_others(home, day)


@app.command(
    epilog=_examples(
        "observatory backfill --archive days/ --panel open-llm-tracker",
        "observatory backfill --dataset cfahlgren1/hub-stats --from 2026-08-01",
    )
)
def backfill(
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Dataset repository that archives the Hub: cfahlgren1/hub-stats."),
    ] = None,
    panel: Panel = "archive",
    from_: Annotated[datetime | None, _day("--from", help="The first day.")] = None,
    to: Annotated[datetime | None, _day("--to", help="The last day.")] = None,
    as_json: AsJson = False,
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


@app.command(
    "serve-hub",
    epilog=_examples(
        "observatory serve-hub --world demo --date 2026-10-31",
        "observatory serve-hub --snapshots days/ --port 8765 --json",
        "HF_ENDPOINT=http://127.0.0.1:8765 observatory run",
    ),
)
def serve_hub(
    snapshots: Annotated[Path | None, typer.Option(help="Recorded days to replay.")] = None,
    world: Annotated[str | None, typer.Option(help="Generated world to serve.")] = None,
    date_: Annotated[datetime | None, _day("--date", help="The day it plays.")] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8765,
    faults: Annotated[Path | None, typer.Option(help="File of faults to play.")] = None,
    as_json: AsJson = False,
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
        started=lambda hub: answer(
            {"endpoint": hub.endpoint},
            lambda: out.print(
                f"serving {hub.endpoint}   (HF_ENDPOINT={hub.endpoint} make run)", highlight=False
            ),
        ),
    )


@app.command(epilog=_examples("observatory publish"))
def publish(as_json: AsJson = False) -> None:
    """Build and publish again what is sealed; nothing is fetched.

    For example after a change of the seeds. The same content makes no new generation.
    """
    home = _begin()
    _execute(home, "publish_again")
    _tell_published(home)


@app.command(
    epilog=_examples(
        'observatory accept rows_usual --date 2026-08-20 --reason "a spam wave was removed"',
        'observatory accept history_as_published --reason "the seed was wrong until today"',
    )
)
def accept(
    check: Annotated[str, typer.Argument(help="The check, as `observatory status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may pass. It stays to be seen.")],
    date_: Annotated[
        datetime | None,
        _day("--date", help="The refused day; none for a check of the publication."),
    ] = None,
    publish_: Publish = True,
    as_json: AsJson = False,
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
            tell(f"still refused: {outcome}")
    _settle(home, f"accepted {check} of {date_.date()}: {reason}", publish_)


@quarantine.command(
    "show",
    epilog=_examples(
        "observatory quarantine show", "observatory quarantine show --date 2026-08-20 --json"
    ),
)
def quarantine_show(
    date_: Annotated[datetime | None, _day("--date", help="By default every day.")] = None,
    as_json: AsJson = False,
) -> None:
    """The rows that are set aside, with their numbers, reasons and original content."""
    from orchestration import reporting

    found = reporting.set_aside(_begin(), date_.date() if date_ else None)
    answer(found, lambda: out.print(reporting.set_aside_table(found)))


@quarantine.command(
    "release",
    epilog=_examples(
        'observatory quarantine release --date 2026-08-20 --rows 1,3-5 --note "ids are right"'
    ),
)
def quarantine_release(
    date_: Annotated[datetime, _day("--date", help="The day of the rows.")],
    rows: Rows,
    note: Note,
    publish_: Publish = True,
    as_json: AsJson = False,
) -> None:
    """Let rows in: a new version of the day counts them, the value that was bad being null."""
    _decide_on_rows("release", date_.date(), rows, note, publish_)


@quarantine.command(
    "drop",
    epilog=_examples('observatory quarantine drop --date 2026-08-20 --rows all --note "spam"'),
)
def quarantine_drop(
    date_: Annotated[datetime, _day("--date", help="The day of the rows.")],
    rows: Rows,
    note: Note,
    publish_: Publish = True,
    as_json: AsJson = False,
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
    """Tell what was decided, whatever comes of it; build and publish what follows from it."""
    remark(decision)
    if publish_:
        _execute(home, "publish_again", decision=decision)
        _tell_published(home, decision=decision)
        return
    later = "the next run, or `observatory publish`, takes it into account"
    answer({"decision": decision}, lambda: out.print(later, highlight=False, markup=False))


@app.command(
    epilog=_examples("observatory rollback", "observatory rollback 20261125T130940Z-bf39bf8b")
)
def rollback(generation: Generation = None, as_json: AsJson = False) -> None:
    """Show readers the generation before, or the one named, after hashing its files."""
    from orchestration.publication import swap

    shown = swap.rollback(_begin(), generation)
    answer(
        {"generation": shown},
        lambda: out.print(f"published/current is now {shown}", highlight=False),
    )


@app.command(
    epilog=_examples("observatory verify", "observatory verify 20261125T130940Z-bf39bf8b --json")
)
def verify(generation: Generation = None, as_json: AsJson = False) -> None:
    """Check hashes, counts and sums of a generation again (by default the current one)."""
    from orchestration import reporting
    from orchestration.publication import verify as verifying

    home = _begin()
    folder = home.published / generation if generation else reporting.published_folder(home)
    outcomes = verifying.verify(folder, home)
    bad = [outcome for outcome in outcomes if outcome.status != "passed"]
    for outcome in bad:
        tell(f"{outcome.status}: {_in_words(outcome)}")
    answer(
        {"generation": folder.name, "checks": [outcome.to_dict() for outcome in outcomes]},
        lambda: out.print(
            f"{folder.name}: {len(outcomes) - len(bad)} of {len(outcomes)} checks passed",
            highlight=False,
        ),
    )
    if any(outcome.blocks for outcome in bad):
        raise typer.Exit(REFUSED)


def _in_words(outcome: CheckOutcome) -> str:
    return f"{outcome.name}: {outcome.observed} ({outcome.threshold})\nCure: {outcome.cure}"


@app.command(epilog=_examples("observatory status", "observatory status --json"))
def status(as_json: AsJson = False) -> None:
    """The last days and their gates, what is published, how fresh and how sure it is.

    Who works here, when the next run is due, and the last alerts.
    """
    from orchestration import status as state

    found = state.status(_begin())
    answer(found, lambda: out.print(state.screen(found)))


@app.command(
    epilog=_examples(
        "observatory shares",
        "observatory shares --attribution base_model --scope language_models",
        "observatory shares --window all_time --most 40 --json",
    )
)
def shares(
    window: Annotated[
        Literal["1d", "7d", "28d", "30d", "365d", "all_time"],
        typer.Option(help="Downloads of how long; 30d is the Hub's own figure."),
    ] = "30d",
    attribution: Annotated[
        Literal["publisher", "base_model"],
        typer.Option(help="Credit to who publishes, or to the owner of the root base model."),
    ] = "publisher",
    cohort: Annotated[
        Literal["all", "new_365d"],
        typer.Option(help="Every model, or those created in the 365 days before."),
    ] = "all",
    scope: Annotated[
        Literal["all", "language_models"], typer.Option(help="Every model, or language models.")
    ] = "all",
    most: Annotated[int, typer.Option(min=1, help="How many countries.")] = 15,
    as_json: AsJson = False,
) -> None:
    """The table of country shares, as published: share, band, change, and 30 days as a line."""
    from orchestration import reporting

    chosen = reporting.Slice(window, attribution, cohort, scope)
    found = reporting.country_shares(_begin(), chosen, most)
    answer(found.to_dict(), lambda: out.print(reporting.shares_table(found, out.width)))


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

    home = _begin()
    project.ensure_manifest()
    command, environment = metrics.command(home, arguments or ["--help"])
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


def main() -> None:
    """Run the command line; a Refusal becomes its words and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        tell_refusals([refusal])
        raise SystemExit(REFUSED) from None
    except Exception:
        tell_defects([traceback.format_exc()])
        raise SystemExit(DEFECT) from None
