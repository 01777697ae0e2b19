"""The house in order: whoever opens a module learns what belongs there."""

from __future__ import annotations

import ast

from orchestration.home import CHECKOUT

MODULES = [
    file
    for package in ("orchestration", "dashboard", "local_hub")
    for file in (CHECKOUT / package).rglob("*.py")
    if not file.name.startswith("__")
]


def test_every_module_says_what_belongs_there() -> None:
    told = {
        file: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) for file in MODULES
    }
    assert len(told) > 100
    assert [file.name for file, words in told.items() if "belong" not in (words or "")] == []
