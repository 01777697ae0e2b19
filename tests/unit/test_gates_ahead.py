"""Great Expectations in a process of its own answers as it does in ours, or not at all."""

from __future__ import annotations

import math
import os
import signal

import pandas as pd
import pytest

from orchestration.gates import ahead
from orchestration.gates.outcome import Check
from orchestration.gates.validation import Answer, validate

CHECKS = [
    Check("bounded", "Between 0 and 1.", "look", "share", least=0, most=1),
    Check("there", "Never missing.", "look", "share", least=-1e300, required=True),
    Check("usual", "In the row's own range.", "look", "rows", learned=True),
    Check("unasked", "Of a column that is not there.", "look", "nowhere", most=1),
]
FRAME = pd.DataFrame(
    {
        "share": [0.5, math.nan, 1.5, -math.inf],
        "rows": [10.0, 11.0, 99.0, math.nan],
        "usual__least": [9.0, 9.0, 9.0, 9.0],
        "usual__most": [12.0, 12.0, 12.0, 12.0],
    }
)


@pytest.fixture(scope="module")
def here() -> dict[str, Answer]:
    return validate(FRAME, CHECKS)


def test_the_answers_are_those_of_this_process(here: dict[str, Answer]) -> None:
    assert here["bounded"].failing == {2, 3}
    assert here["there"].failing == {1, 3} and here["usual"].failing == {2}
    assert here["unasked"].crash
    with ahead.validating_ahead():
        assert ahead.ask(FRAME, CHECKS) is not None
        assert [validate(FRAME, CHECKS) for _ in range(2)] == [here, here]
    assert ahead.ask(FRAME, CHECKS) is None


def test_rows_without_the_column_that_is_asked_about_do_not_pass() -> None:
    frame = pd.DataFrame(index=range(3))
    (check,) = CHECKS[-1:]
    assert validate(frame, [check])["unasked"].crash
    with ahead.validating_ahead():
        assert ahead.ask(frame, [check]) is not None
        assert validate(frame, [check])["unasked"].crash


def test_a_process_that_dies_leaves_no_question_unanswered(here: dict[str, Answer]) -> None:
    with ahead.validating_ahead() as process:
        os.kill(process.pid, signal.SIGKILL)
        assert validate(FRAME, CHECKS) == here


def test_the_process_ends_with_its_use() -> None:
    with ahead.validating_ahead() as process:
        assert process.poll() is None
    assert process.returncode == 0
