"""Commands that serve until they are ended: a Hub on loopback, the Dagster UI.

What belongs here: what runs until somebody ends it. What the Hub on loopback does is `local_hub`'s.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.answers import answer, out
from orchestration.commands.options import AsJson, begin, day_option, examples
from orchestration.home import CHECKOUT

app = typer.Typer()
PANEL = "Serve"


@app.command(
    "serve-hub",
    epilog=examples(
        "observatory serve-hub --world demo --date 2026-10-31",
        "observatory serve-hub --snapshots days/ --port 8765 --json",
        "HF_ENDPOINT=http://127.0.0.1:8765 observatory run",
    ),
    rich_help_panel=PANEL,
)
def serve_hub(
    snapshots: Annotated[Path | None, typer.Option(help="Recorded days to replay.")] = None,
    world: Annotated[str | None, typer.Option(help="Generated world to serve.")] = None,
    date_: Annotated[datetime | None, day_option("--date", help="The day it plays.")] = None,
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


@app.command(hidden=True)
def dev() -> None:
    """The Dagster UI, daemon and schedule on 127.0.0.1:3000 (`make dev`)."""
    from orchestration.defs.automation import running

    home = begin()
    running.prepare_instance(home)
    # In the checkout Dagster would warn of the dagster.yaml there, which is ours to copy.
    os.chdir(home.dagster)
    workspace = str(CHECKOUT / "workspace.yaml")
    command = [str(Path(sys.executable).with_name("dg")), "dev", "-w", workspace]
    os.execv(command[0], [*command, "--host", "127.0.0.1", "--port", "3000"])
