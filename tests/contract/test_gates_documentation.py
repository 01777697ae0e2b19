"""docs/gates.md holds the checks and the corruptions that are tested, no more and no fewer.

Its tables are written by `python -m tests.contract.test_gates_documentation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from orchestration.gates import candidate, raw
from orchestration.gates.outcome import Check
from orchestration.publication import verify
from tests.unit import test_gates_raw, test_publication_gate

PAGE = Path(__file__).parents[2] / "docs/gates.md"


def checks(declared: Iterable[Check]) -> str:
    rows = [
        f"| `{one.name}` | {one.description} | {'learned' if one.learned else one.threshold} "
        f"| {_effect(one)} |"
        for one in declared
    ]
    return "\n".join(["| check | what must hold | allowed | |", "|---|---|---|---|", *rows])


def _effect(check: Check) -> str:
    if not check.blocking:
        return "warns"
    return "blocks, unless accepted" if check.acceptable else "blocks"


def corruptions(tested: dict[str, tuple[str, str]]) -> str:
    rows = [f"| {name} | `{check}` |" for name, (_, check) in tested.items()]
    return "\n".join(["| what is done to a clean day | caught by |", "|---|---|", *rows])


TABLES: dict[str, Callable[[], str]] = {
    "gate 1": lambda: checks(raw.CHECKS),
    "gate 1 corruptions": lambda: corruptions(test_gates_raw.CORRUPTIONS),
    "verification": lambda: checks(verify.CHECKS),
    "gate 3": lambda: checks(candidate.CHECKS),
    "gate 3 corruptions": lambda: corruptions(test_publication_gate.CORRUPTIONS),
}


def written(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, rest = page.split(begin)
        page = before + begin + table() + "\n" + end + rest.split(end, 1)[1]
    return page


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_its_place(name: str) -> None:
    assert PAGE.read_text().count(f"<!-- {name} -->") == 1


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text()
    assert page == written(page), "run: python -m tests.contract.test_gates_documentation"


def test_at_least_forty_corruptions_are_played() -> None:
    assert len(test_gates_raw.CORRUPTIONS) + len(test_publication_gate.CORRUPTIONS) >= 40


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
