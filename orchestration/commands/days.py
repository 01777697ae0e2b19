"""Commands that bring days to a publication: run, backfill, publish, and the demo.

What belongs here: which days are asked for, and from where. What came of a run is told in `jobs`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestration.answers import remark, tell
from orchestration.commands.jobs import OTHERS, execute, tell_published
from orchestration.commands.options import (
    AsJson,
    begin,
    day_option,
    examples,
    text_of,
)
from orchestration.errors import Refusal
from orchestration.home import Home, Universe

if TYPE_CHECKING:
    from orchestration.defs.automation.running import RunReport

app = typer.Typer()
PANEL = "Bring days to a publication"
_UNNAMED = "archive"


def _panel_name(name: str | None) -> str | None:
    if name is not None and not re.fullmatch(r"[\w.-]{1,64}", name):
        raise typer.BadParameter("letters, digits, _ - . and at most 64 of them")
    return name


def _check_panel(panel: str | None, archive: Path | None) -> None:
    if panel is not None and archive is None:
        raise typer.BadParameter("--panel NAME goes with --archive PATH", param_hint="--panel")


Panel = Annotated[
    str | None,
    typer.Option(
        help=f"Which recorded panel the archive is of, by default `{_UNNAMED}`.",
        callback=_panel_name,
    ),
]


@app.command(
    epilog=examples(
        "observatory run",
        "HF_TOKEN=hf_... observatory run --json",
        "observatory run --source archive --archive days/ --date 2026-08-20",
    ),
    rich_help_panel=PANEL,
)
def run(
    date_: Annotated[
        datetime | None, day_option("--date", help="By default the Hub's day.")
    ] = None,
    source: Annotated[
        Literal["live", "archive"], typer.Option(help="The Hub, or recorded days.")
    ] = "live",
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    panel: Panel = None,
    as_json: AsJson = False,
) -> None:
    """One day, from the Hub (HF_ENDPOINT) or an archive, to a publication.

    A crawl that was stopped goes on where it stopped, until two hours after its day (UTC), and
    the Hub's own day follows, whatever came of it; a day that was crawled and passed the
    first gate is no work.
    """
    if (source == "archive") != (archive is not None):
        raise typer.BadParameter(
            "--archive PATH goes with --source archive", param_hint="--archive"
        )
    if archive is not None and date_ is None:
        raise typer.BadParameter("an archive's day must be named", param_hint="--date")
    _check_panel(panel, archive)
    home = begin()
    if archive is not None:
        _import(home, _archive_config(home, archive, panel), text_of(date_))
        return
    asked = date_.date() if date_ else None
    # Asked before anything is touched, and again when the home is ours: it may be tomorrow then.
    _days_to_crawl(home, asked)
    with home.lock("observatory (run)"):
        *unfinished, day = _days_to_crawl(home, asked)
        earlier = [execute(home, "daily_observatory", str(one)) for one in unfinished]
        report = execute(home, "daily_observatory", str(day))
        others = _crawl_others(home, day) if report.published else []
        code = tell_published(home, report, *earlier, *others)
    raise typer.Exit(code)


@app.command(
    epilog=examples(
        "observatory backfill --archive days/ --panel open-llm-tracker",
        "observatory backfill --dataset cfahlgren1/hub-stats --from 2026-08-01",
    ),
    rich_help_panel=PANEL,
)
def backfill(
    archive: Annotated[Path | None, typer.Option(help="File or folder of recorded days.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Dataset repository that archives the Hub: cfahlgren1/hub-stats."),
    ] = None,
    panel: Panel = None,
    from_: Annotated[datetime | None, day_option("--from", help="The first day.")] = None,
    to: Annotated[datetime | None, day_option("--to", help="The last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every day of an archive, in one run; days that do not pass are listed (exit 3)."""
    if (archive is None) == (dataset is None):
        raise typer.BadParameter("one of --archive PATH and --dataset NAME")
    _check_panel(panel, archive)
    if from_ is not None and to is not None and from_ > to:
        raise typer.BadParameter("--from lies after --to", param_hint="--from")
    home = begin()
    days = {"first": text_of(from_) or "", "last": text_of(to) or ""}
    if archive is not None:
        _import(home, _archive_config(home, archive, panel) | days)
    else:
        _import(home, {"source": "DATASET", "dataset": dataset, **days})


@app.command(epilog=examples("observatory publish"), rich_help_panel=PANEL)
def publish(as_json: AsJson = False) -> None:
    """Build and publish again what is sealed; nothing is fetched.

    For example after a change of the seeds. The same content makes no new generation. Days that
    are sealed and do not pass are listed (exit 3).
    """
    raise typer.Exit(_publish_sealed(begin()))


@app.command(hidden=True)
def demo(days: int = 14) -> None:
    """Several days of a generated world, crawled live, then one build (`make demo`)."""
    from local_hub import LocalHub, Quota, named_world

    home = begin()
    content = named_world("demo")
    wanted: list[date] = list(content.dates)[-days:]
    # What the real Hub grants without a token; fourteen days take two thirds of it.
    with LocalHub(content, date=wanted[0], quota=Quota()) as hub:
        # huggingface_hub reads it once, when it is imported.
        os.environ["HF_ENDPOINT"] = hub.endpoint
        from orchestration.hub.client import HubClient

        home.check_universe(HubClient().contact().universe)
        fetched = []
        for day in wanted:
            hub.set_date(day)
            fetched.append(execute(home, "fetch_only", str(day)))
    code = _publish_sealed(home, *fetched)
    tell(f"to ask this home more: export OBSERVATORY_HOME={quote(str(home.root))}")
    raise typer.Exit(code)


def _days_to_crawl(home: Home, asked: date | None) -> list[date]:
    """The day that is asked for; else the Hub's own, after that of a crawl still to be ended."""
    from orchestration import due
    from orchestration.hub.client import HubClient
    from orchestration.hub.crawl import resumable

    greeting = HubClient().contact()
    home.check_universe(greeting.universe)
    today = greeting.snapshot_date
    unfinished = resumable(home, greeting, had=partial(due.had, home)) or today
    if asked not in (None, unfinished, today):
        raise Refusal(
            f"{greeting.endpoint} lives on {today} and tells its counters of that day only; "
            f"{asked} was asked for",
            cure="leave --date out, or take that day from an archive",
        )
    return [asked] if asked else sorted({unfinished, today})


def _publish_sealed(home: Home, *fetched: RunReport) -> int:
    """Build and publish what is sealed, as `fetched` or before; list what the gate refused."""
    from orchestration.snapshots import store

    report = execute(home, "publish_again")
    sealed = store.list_sealed(home) if report.published else []
    refused = _refused_by_gate(home, [day.snapshot_date for day in sealed])
    return tell_published(home, report, *fetched, refused=refused)


def _import(home: Home, config: dict[str, Any], day: str | None = None) -> None:
    """Import recorded days, publish, list what was refused; exit 3 where some were.

    With `day` the run is that day's alone: it is published or refused.
    """
    report = execute(home, "daily_observatory", day, ops={"fetch": config})
    fetched = report.metadata.get("raw_hub__models", {"days_refused": {}})
    # Where nothing is published, the run itself says what the gate refused.
    days = fetched["days"] if report.published else []
    by_gate = _refused_by_gate(home, map(date.fromisoformat, days))
    raise typer.Exit(tell_published(home, report, refused=by_gate | fetched["days_refused"]))


def _archive_config(home: Home, path: Path, named: str | None) -> dict[str, Any]:
    """The config of an import; a Refusal where there is nothing to import from or to."""
    panel = named or _UNNAMED
    from orchestration.snapshots import archives

    archives.find_files(path)
    home.check_universe(Universe("panel", panel))
    return {"source": "ARCHIVE", "archive": str(path.expanduser().absolute()), "panel": panel}


def _refused_by_gate(home: Home, days: Iterable[date]) -> dict[str, str]:
    from orchestration.gates import raw

    return {
        day.isoformat(): "; ".join(
            f"{outcome.name}: {outcome.observed} ({outcome.threshold}). Cure: {outcome.cure}"
            for outcome in verdict.outcomes
            if outcome.blocks
        )
        for day, verdict in raw.verdicts(home, days).items()
        if not verdict.passed
    }


def _crawl_others(home: Home, day: date) -> list[RunReport]:
    """Crawl the day's datasets and Spaces, where they are asked for."""
    from orchestration.defs.fetch.other_repositories import also_crawled

    kinds = also_crawled()
    if not kinds:
        return []
    remark(f"models of {day} are published; {' and '.join(kind.name for kind in kinds)} follow")
    return [execute(home, OTHERS, str(day))]
