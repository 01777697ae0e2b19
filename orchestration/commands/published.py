"""Commands about what is published: status, shares, metrics, verify, rollback.

What belongs here: what only reads, or shows another generation. All but `metrics` work when Dagster
and dbt do not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestration.answers import answer, out, tell
from orchestration.commands.options import REFUSED, AsJson, Generation, begin, examples

if TYPE_CHECKING:
    from orchestration.gates.outcome import CheckOutcome

app = typer.Typer()
PANEL = "Read what is published"


@app.command(
    epilog=examples("observatory status", "observatory status --json"), rich_help_panel=PANEL
)
def status(as_json: AsJson = False) -> None:
    """The last days and their gates, what is published, how fresh and how sure it is.

    Who works here, when the next run is due, and the last alerts.
    """
    from orchestration import status as state

    found = state.status(begin())
    answer(found, lambda: out.print(state.screen(found)))


@app.command(
    epilog=examples(
        "observatory shares",
        "observatory shares --attribution base_model --scope language_models",
        "observatory shares --window all_time --most 40 --json",
    ),
    rich_help_panel=PANEL,
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
    most: Annotated[int, typer.Option(min=1, help="How many rows.")] = 15,
    as_json: AsJson = False,
) -> None:
    """The table of country shares, as published: share, band and change.

    From 109 columns on, the last 30 days as a line.
    """
    from orchestration import reporting

    chosen = reporting.Slice(window, attribution, cohort, scope)
    found = reporting.country_shares(begin(), chosen, most)
    answer(found.to_dict(), lambda: out.print(reporting.shares_table(found, out.width)))


@app.command(
    "metrics",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    },
    rich_help_panel=PANEL,
)
def ask_metrics(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Metrics by name, over what is published: `list metrics`, `query --metrics launches`."""
    from orchestration import metrics
    from orchestration.defs.transform import project

    home = begin()
    project.ensure_manifest()
    command, environment = metrics.command(home, arguments or ["--help"])
    os.execve(command[0], command, os.environ | environment)


@app.command(
    epilog=examples("observatory verify", "observatory verify 20261125T130940Z-bf39bf8b --json"),
    rich_help_panel=PANEL,
)
def verify(generation: Generation = None, as_json: AsJson = False) -> None:
    """Check hashes, counts and sums of a generation again (by default the current one)."""
    from orchestration import reporting
    from orchestration.publication import verify as verifying
    from orchestration.publication.generation import kept

    home = begin()
    folder = kept(home, generation) if generation else reporting.published_folder(home)
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


@app.command(
    epilog=examples("observatory rollback", "observatory rollback 20261125T130940Z-bf39bf8b"),
    rich_help_panel=PANEL,
)
def rollback(generation: Generation = None, as_json: AsJson = False) -> None:
    """Show readers the generation before, or the one named, after hashing its files.

    Those of PostgreSQL as well, where OBSERVATORY_PUBLISH_POSTGRES_URL names one.
    """
    from orchestration.publication import postgres, swap

    home = begin()
    shown = swap.rollback(home, generation)
    postgres.serve_shown(home.published / shown, again=f"observatory rollback {shown}", said=tell)
    answer(
        {"generation": shown},
        lambda: out.print(f"published/current is now {shown}", highlight=False),
    )
