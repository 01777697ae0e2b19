"""The docs hold the checks, and what is done to clean days, no more and no fewer.

Their tables are written by `python -m tests.contract.test_gates_documentation`; with JUnit files
as arguments (`make test-long` gives its own) also the result of the last full run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestration.gates import candidate, raw
from orchestration.gates.outcome import Check
from orchestration.publication import verify
from tests.faults.daily_run.mutations import MUTATIONS
from tests.unit import test_gates_raw, test_publication_gate

DOCS = Path(__file__).parents[2] / "docs"
END = "<!-- end -->"


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


def corruptions(gate: str, tested: dict[str, tuple[str, str]]) -> str:
    return _caught((name, gate, check) for name, (_, check) in tested.items())


def _caught(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {name} | {gate} | `{check}` |" for name, gate, check in rows]
    return "\n".join(["| what is done | gate | caught by |", "|---|---|---|", *lines])


TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "gates.md": {
        "gate 1": lambda: checks(raw.CHECKS),
        "verification": lambda: checks(verify.CHECKS),
        "gate 3": lambda: checks(candidate.CHECKS),
    },
    "mutations.md": {
        "raw snapshots": lambda: corruptions("1", test_gates_raw.CORRUPTIONS),
        "a world that dbt built": lambda: _caught(
            (name, one.gate, one.check) for name, one in MUTATIONS.items()
        ),
        "marts": lambda: corruptions("3", test_publication_gate.CORRUPTIONS),
    },
}

# The suites of which docs/mutations.md tells the last result.
SUITES = {
    "tests.unit.test_gates_raw": "corruptions of raw snapshots, gate 1 itself",
    "tests.unit.test_gates_bounds": "60 clean days, 721 recorded ones",
    "tests.unit.test_publication_gate": "corruptions of marts",
    "tests.faults.daily_run.test_publication_mutations": "corruptions of a world that dbt built",
    "tests.faults.daily_run.test_publication_day": "a day killed three times, watched, searched",
    "tests.faults.daily_run.test_publication_kills": "kills of the daily run, one a case",
    "tests.faults.daily_run.test_publication_starved": "full disks and little memory, whole run",
    "tests.faults.daily_run.test_publication_at_once": "back-fill, run and readers at once",
    "tests.faults.test_publication_faults": "publisher: kills, full and failing disks, readers",
    "tests.integration.test_publication_postgres": "hostile texts, PostgreSQL",
}
RESULT = "last full run"


def results(files: Sequence[Path]) -> str:
    """What JUnit files say of `SUITES`: a row a suite, with its date and its seconds.

    Of a case that was played in two of them, the last file tells.
    """
    rows = []
    cases = {
        (case.get("classname", ""), case.get("name")): (case, run.get("timestamp", "")[:10])
        for file in files
        for run in ElementTree.parse(file).getroot().iter("testsuite")
        for case in run.iter("testcase")
    }
    for suite, what in SUITES.items():
        found = [told for (module, _), told in cases.items() if module.startswith(suite)]
        if not found:
            continue
        bad = sum(any(one.tag in ("failure", "error") for one in case) for case, _ in found)
        skipped = sum(any(one.tag == "skipped" for one in case) for case, _ in found)
        seconds = sum(float(case.get("time", 0)) for case, _ in found)
        passed = len(found) - bad - skipped
        rows.append(
            f"| {what} (`{suite.rsplit('.', 1)[1]}`) | {max(day for _, day in found)} "
            f"| {passed} | {bad} | {skipped} | {seconds:,.0f} |"
        )
    head = "| suite | day | passed | failed | skipped | seconds |"
    return "\n".join([head, "|---|---|---:|---:|---:|---:|", *rows])


def replaced(page: str, name: str, table: str) -> str:
    """The page with `table` in the place called `name`."""
    before, rest = page.split(f"<!-- {name} -->\n")
    return f"{before}<!-- {name} -->\n{table}\n{END}{rest.split(END, 1)[1]}"


def written(page: str, tables: dict[str, Callable[[], str]]) -> str:
    """The page with its tables as they should be."""
    for name, table in tables.items():
        page = replaced(page, name, table())
    return page


@pytest.mark.parametrize("file", TABLES)
def test_the_tables_are_those_of_the_code(file: str) -> None:
    page = (DOCS / file).read_text()
    assert page == written(page, TABLES[file]), (
        "run: python -m tests.contract.test_gates_documentation"
    )


def test_at_least_forty_corruptions_are_played() -> None:
    played = [*test_gates_raw.CORRUPTIONS, *test_publication_gate.CORRUPTIONS, *MUTATIONS]
    assert len(played) >= 40
    assert {one.gate for one in MUTATIONS.values()} == {"2", "3"}


def test_results_are_counted_by_suite(tmp_path: Path) -> None:
    name = "tests.unit.test_publication_gate"
    parts = {
        "2026-11-24": f"""<testcase classname="{name}" name="a" time="1.5"/>
            <testcase classname="{name}" name="b" time="9"><failure/></testcase>""",
        "2026-11-25": f"""<testcase classname="{name}" name="b" time="2"/>
            <testcase classname="{name}" name="c" time="0.5"><error/></testcase>
            <testcase classname="{name}" name="d" time="0"><skipped/></testcase>
            <testcase classname="tests.unit.test_other" name="a" time="9"/>""",
    }
    files = [tmp_path / day for day in parts]
    for file, cases in zip(files, parts.values(), strict=True):
        file.write_text(
            f"""<testsuites><testsuite timestamp="{file.name}T10:00:00">{cases}
            </testsuite></testsuites>"""
        )
    (row,) = [line for line in results(files).splitlines() if "test_" in line]
    assert row.endswith("(`test_publication_gate`) | 2026-11-25 | 2 | 1 | 1 | 4 |")


if __name__ == "__main__":
    for name, declared in TABLES.items():
        page = written((DOCS / name).read_text(), declared)
        if name == "mutations.md" and sys.argv[1:]:
            page = replaced(page, RESULT, results([Path(file) for file in sys.argv[1:]]))
        (DOCS / name).write_text(page)
