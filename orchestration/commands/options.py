"""What several commands share: options, the examples in their help, the home they work on.

What belongs here: no command, and nothing that is slow to import; `--help` and completion load it.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from orchestration.answers import choose_json, listen
from orchestration.home import Home

REFUSED, PARTLY_REFUSED, DEFECT = 1, 3, 70


def examples(*lines: str) -> str:
    """The end of a command's help: what to type, a line each."""
    return "\n\n".join(["[bold]Examples[/bold]", *(escape(line) for line in lines)])


def day_option(*names: str, help: str | None = None) -> Any:
    return typer.Option(*names, formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=help)


def _generations(incomplete: str) -> list[str]:
    """Completion of a generation's name: those that are kept, the newest first."""
    from orchestration.publication.generation import generations

    kept = reversed(generations(Home.from_environment()))
    return [name for name in kept if name.startswith(incomplete)]


AsJson = Annotated[
    bool,
    typer.Option("--json", help="Answer in JSON, refusals and defects too.", callback=choose_json),
]
Generation = Annotated[
    str | None,
    typer.Argument(
        help="A name that `observatory status --json` lists.", autocompletion=_generations
    ),
]
Publish = Annotated[
    bool, typer.Option("--publish/--no-publish", help="Build and publish what follows from it.")
]


def begin() -> Home:
    os.environ.setdefault("DO_NOT_TRACK", "1")
    listen()
    home = Home.from_environment()
    # Programs that are started from here look from other folders: a relative path would lead each
    # of them to a home of its own.
    os.environ["OBSERVATORY_HOME"] = str(home.root)
    return home


def text_of(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()
