"""Texts of strangers in a terminal, a log and in Markdown: shown, and nothing more."""

from __future__ import annotations

import random

import pytest
from markdown_it import MarkdownIt

from orchestration.printable import LONGEST_CELL, markdown_table, printable
from tests.integration.test_publication_postgres import hostile_texts

SEEN = MarkdownIt("commonmark").enable("table")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Qwen-2.5 \u4f60\u597d \U0001f600", "Qwen-2.5 \u4f60\u597d \U0001f600"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202egnp.exe \u200b\ufeff\x9b", "\\u202egnp.exe \\u200b\\ufeff\\x9b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_or_hides_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")


def test_hostile_cells_stay_cells() -> None:
    """Rendered, a table has its rows and columns, no markup of theirs, and their very text."""
    texts = [*hostile_texts(2_000), "[x](javascript:alert(1))", "![](http://e.invalid)", "<b>", ""]
    random.Random(1).shuffle(texts)
    rows = [(text, number) for number, text in enumerate(texts)]
    tokens = SEEN.parse(markdown_table(["text", "number:"], rows))
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert len(cells) == 2 * len(rows)
    kinds = {child.type for cell in cells for child in cell.children or []}
    assert kinds <= {"text", "text_special"}
    for (text, number), shown, count in zip(rows, cells[::2], cells[1::2], strict=True):
        assert "".join(child.content for child in count.children or []) == str(number)
        if len(text) <= LONGEST_CELL:
            expected = printable(text).replace("\n", "\\n").strip()
            assert "".join(child.content for child in shown.children or []) == expected
