"""`observatory`: the command line. Thin: what changes something is a Dagster run underneath.

Exit codes: 0 done and published, 1 refused, 2 wrong usage, 3 published but some days refused;
70 a defect of our own, 130 interrupted.

What belongs here: the order of the commands, which are in `commands/`, and how an error ends one.
"""

from __future__ import annotations

import traceback

import typer

from orchestration.answers import tell_defects, tell_refusals
from orchestration.commands import days, decisions, published, servers
from orchestration.commands.options import DEFECT, REFUSED
from orchestration.errors import Refusal, disk_is_full

# What is imported here is all that `--help` and completion need; the rest waits for its command.

app = typer.Typer(
    name="observatory",
    help="Who builds the world's open models? Measured daily from Hugging Face Hub metadata.",
    epilog="First steps: `make demo` fills the home data/demo with a generated world; after "
    "`export OBSERVATORY_HOME=data/demo`, `observatory status` and `observatory shares` tell what "
    "is in it. Exit codes: 0 done and published, 1 refused, 2 wrong usage, 3 published but some "
    "days were refused, 70 a defect of ours, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for commands in (days, published, decisions, servers):
    app.add_typer(commands.app)


def main() -> None:
    """Run the command line; a Refusal becomes its words and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        tell_refusals([refusal])
        raise SystemExit(REFUSED) from None
    except Exception:
        words = traceback.format_exc()
        if full := disk_is_full(words):
            tell_refusals([full])
            raise SystemExit(REFUSED) from None
        tell_defects([words])
        raise SystemExit(DEFECT) from None
