"""docs/faults.md and docs/crawl.md speak of tests that exist, and leave out no fault."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def collected() -> set[str]:
    """`file.py::test[parameter]` of every test of the crawl."""
    names = ("test_crawl_*.py", "test_hub_*.py", "test_schedules.py")
    files = [file for name in names for file in ROOT.glob(f"tests/*/{name}")]
    here = [str(file) for file in files if file != Path(__file__)]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *here],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = (line.partition("::") for line in told.splitlines() if "::" in line)
    return {f"{Path(file).name}::{test}" for file, _, test in lines}


# Tests of the tests, and of a Hub that is well.
NO_FAULTS = {
    "test_crawl_declared.py::test_every_way_to_misbehave_is_tried_here",
    "test_crawl_outages.py::test_a_hub_that_names_no_universe_is_the_hub_itself",
}


def proofs(document: str) -> set[str]:
    """Every proof that the tables name; `[x]` alone means the test named before it."""
    found, before = set(), ""
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|") or "proof" in line:
            continue
        for proof in re.findall(r"`([^`]*::[^`]*|\[[^`]*\])`", line.rpartition(" | ")[2]):
            before = proof.partition("[")[0] or before
            found.add(before + proof[proof.index("[") :] if "[" in proof else proof)
    return found


def test_every_proof_is_a_test_and_every_fault_is_in_the_table() -> None:
    tests, named = collected(), proofs("faults.md")
    whole = {test.partition("[")[0] for test in tests}
    assert len(named) > 60
    assert not (named | proofs("crawl.md")) - tests - whole
    files = {path.name for path in ROOT.glob("tests/faults/test_crawl_*.py")}
    faults = {test for test in whole if test.partition("::")[0] in files} - NO_FAULTS
    assert not faults - {proof.partition("[")[0] for proof in named}
    played = {test for test in tests if test.startswith("test_crawl_declared.py::test_nonsense")}
    played |= {test for test in tests if test.startswith("test_crawl_declared.py::test_outage")}
    assert not played - named
