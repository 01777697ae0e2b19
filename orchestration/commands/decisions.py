"""Commands that let something in or keep it out, with a reason: accept, quarantine.

What belongs here: how a decision is given. What follows from it is said in `gates`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

import typer

from orchestration.answers import answer, out, remark, tell
from orchestration.commands.jobs import execute, tell_published
from orchestration.commands.options import AsJson, Publish, begin, day_option, examples
from orchestration.home import Home

app = typer.Typer()
PANEL = "Decide on what was refused or set aside"
quarantine = typer.Typer(
    help="Rows that were set aside from a sealed day: look at them, let them in, drop them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(quarantine, name="quarantine", rich_help_panel=PANEL)

Note = Annotated[str, typer.Option(help="Why. It is kept with the rows.")]
Rows = Annotated[str, typer.Option(metavar="1,3-5|all", help="Numbers of `quarantine show`.")]


@app.command(
    epilog=examples(
        'observatory accept rows_usual --date 2026-08-20 --reason "a spam wave was removed"',
        'observatory accept history_as_published --reason "the seed was wrong until today"',
    ),
    rich_help_panel=PANEL,
)
def accept(
    check: Annotated[str, typer.Argument(help="The check, as `observatory status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it may pass. It stays to be seen.")],
    date_: Annotated[
        datetime | None,
        day_option("--date", help="The refused day; none for a check of the publication."),
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
    home = begin()
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
    epilog=examples(
        "observatory quarantine show", "observatory quarantine show --date 2026-08-20 --json"
    ),
)
def quarantine_show(
    date_: Annotated[datetime | None, day_option("--date", help="By default every day.")] = None,
    as_json: AsJson = False,
) -> None:
    """The rows that are set aside, with their numbers, reasons and original content."""
    from orchestration import reporting

    found = reporting.set_aside(begin(), date_.date() if date_ else None)
    answer(found, lambda: out.print(reporting.set_aside_table(found)))


@quarantine.command(
    "release",
    epilog=examples(
        'observatory quarantine release --date 2026-08-20 --rows 1,3-5 --note "ids are right"'
    ),
)
def quarantine_release(
    date_: Annotated[datetime, day_option("--date", help="The day of the rows.")],
    rows: Rows,
    note: Note,
    publish_: Publish = True,
    as_json: AsJson = False,
) -> None:
    """Let rows in: a new version of the day counts them, the value that was bad being null."""
    _decide_on_rows("release", date_.date(), rows, note, publish_)


@quarantine.command(
    "drop",
    epilog=examples('observatory quarantine drop --date 2026-08-20 --rows all --note "spam"'),
)
def quarantine_drop(
    date_: Annotated[datetime, day_option("--date", help="The day of the rows.")],
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
    home = begin()
    decide, done = {"release": (held.release, "released"), "drop": (held.drop, "dropped")}[decision]
    # Nobody else decides between what is read and what follows from it.
    with home.lock(f"observatory (quarantine {decision})"):
        if numbers is None:
            numbers = [row.number for row in held.held(home, day)]
        settled = decide(home, day, numbers, note)
    what = f"{done} {len(numbers):,} rows of {day}, now version {settled.version}: {note}"
    _settle(home, what, publish_)


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


def _settle(home: Home, decision: str, publish_: bool) -> None:
    """Tell what was decided, whatever comes of it; build and publish what follows from it."""
    remark(decision)
    if publish_:
        report = execute(home, "publish_again", decision=decision)
        raise typer.Exit(tell_published(home, report, decision=decision))
    later = "the next run, or `observatory publish`, takes it into account"
    answer({"decision": decision}, lambda: out.print(later, highlight=False, markup=False))
