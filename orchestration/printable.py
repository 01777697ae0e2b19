"""Texts of strangers made harmless where people read them: in a terminal, a log, or Markdown.

What belongs here: escaping for these places. HTML is the templates' own, CSV the dashboard's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~$^:=])")
LONGEST_CELL = 120


def printable(text: str) -> str:
    """`text` with what steers a terminal, or hides or reorders letters, shown as escapes.

    Ends of lines stay, as the program writes them itself.
    """
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; no cell can end it, format it or hold markup. A heading ending in
    a colon stands over numbers."""
    rules = ["---:" if heading.endswith(":") else "---" for heading in headings]
    lines = [[heading.rstrip(":") for heading in headings], rules]
    lines += [[_cell(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    if len(text) > LONGEST_CELL:
        text = f"{text[: LONGEST_CELL - 1]}\u2026"
    shown = "".join(c if c.isprintable() else _escaped(c) for c in text)
    return _MARKDOWN.sub(r"\\\1", shown)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
