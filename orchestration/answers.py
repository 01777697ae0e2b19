"""What commands say: words and tables to a person, one JSON document to a program.

What belongs here: the two streams and the choice between the two forms. With `--json` standard
output holds the document alone; progress and refusals in words stay on standard error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from orchestration.errors import Refusal
from orchestration.printable import printable

SECRETS = ("HF_TOKEN", "OBSERVATORY_PUBLISH_POSTGRES_URL", "OBSERVATORY_ALERT_WEBHOOK_URL")

# A pipe or a log has no width of its own: give tables the room they need.
_WIDTH = None if sys.stdout.isatty() else 160
out = Console(width=_WIDTH)
err = Console(stderr=True, width=_WIDTH)

_form = {"json": False}


def choose_json(chosen: bool) -> bool:
    """The callback of `--json`: every answer of this command is JSON."""
    _form["json"] = chosen
    return chosen


def answer(found: dict[str, Any] | list[Any], show: Callable[[], None]) -> None:
    """Print `found` as JSON where that was asked for; `show` it to a person otherwise."""
    if _form["json"]:
        out.print_json(json.dumps(found, default=str))
    else:
        show()


def remark(words: str) -> None:
    """A line beside the answer: for a program it goes to standard error."""
    (err if _form["json"] else out).print(words, highlight=False, markup=False)


def tell(words: str) -> None:
    """A line on standard error as it is; what strangers wrote in it steers no terminal."""
    err.print(printable(words.rstrip()), highlight=False, markup=False, soft_wrap=True)


def tell_refusals(
    refusals: Sequence[Refusal | str],
    done: Mapping[str, Any] | None = None,
    show: Callable[[], None] = lambda: None,
) -> None:
    """What was refused: in words, and as JSON where that was asked for.

    `done` is the answer about what was done before, and `show` tells it to a person.
    """
    answer({**(done or {}), "error": "refused", "problems": problems(refusals)}, show)
    tell_in_words(refusals)


def tell_defects(
    defects: Sequence[str],
    refusals: Sequence[str] = (),
    done: Mapping[str, Any] | None = None,
    show: Callable[[], None] = lambda: None,
) -> None:
    """Defects of our own: never in the words of a refusal, and never with a secret.

    `refusals` are what was refused beside them.
    """
    told = [_without_secrets(words) for words in defects]
    answer({**(done or {}), "error": "defect", "problems": problems([*refusals, *told])}, show)
    tell_in_words(refusals)
    for words in told:
        tell(words)
    tell(
        "defect: this is a fault of the program, not of your input; "
        "`observatory status` tells what is published"
    )


def tell_in_words(refusals: Sequence[Refusal | str]) -> None:
    """What was refused, on standard error."""
    for refusal in refusals:
        tell(f"refused: {refusal}")


def problems(found: Sequence[Refusal | str]) -> list[dict[str, Any]]:
    """What was refused, or broke, as a document has it."""
    names = ("problem", "cure", "file", "row", "field")
    return [
        {"problem": one} if isinstance(one, str) else {name: getattr(one, name) for name in names}
        for one in found
    ]


def listen() -> None:
    """Tell on standard error what the pipeline logs while it works."""
    logger = logging.getLogger("orchestration")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler())


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        words = printable(record.getMessage())
        err.print(words, style="dim", markup=False, highlight=False)


def _without_secrets(words: str) -> str:
    for name in SECRETS:
        if secret := os.environ.get(name):
            words = words.replace(secret, f"({name})")
    return words
