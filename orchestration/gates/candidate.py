"""Gate 3: what a candidate publication must be like before anybody sees it.

What belongs here: how the questions are asked of the finished DuckDB file. They are declared
in `candidate_checks.py`, measured in `candidate_frames.py` and `completeness.py`. The publisher
asks them itself, whatever was checked or skipped before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.database import connect, literal
from orchestration.gates import candidate_checks as checks
from orchestration.gates import candidate_frames as frames
from orchestration.gates import completeness, raw
from orchestration.gates.outcome import Check, CheckOutcome, Status
from orchestration.gates.validation import Answer, validate
from orchestration.home import Home
from orchestration.snapshots import store

if TYPE_CHECKING:
    import pandas

CHECKS: tuple[Check, ...] = checks.CHECKS
ACCEPTABLE = tuple(check.name for check in CHECKS if check.acceptable)
SAMPLE_ROWS = 5


Measure = Callable[[duckdb.DuckDBPyConnection], "pandas.DataFrame"]


def judge(
    candidate: Path,
    home: Home,
    *,
    published: Path | None = None,
    since: date | None = None,
    sealed_later: Collection[date] = (),
    sealed_anew: Collection[date] = (),
) -> list[CheckOutcome]:
    """One outcome for each of `CHECKS` on the DuckDB file `candidate`.

    `published` is the DuckDB file that readers see now, if there is one, and `since` the first
    day of which it may differ: older rows are those that were judged before, and of them it is
    asked only whether all days are there, in every mart, and where a dimension has lost a key
    whether they have theirs; what looks at the way up to the newest day sees some of them.
    Days that were `sealed_later` than the candidate was built are not asked of it; those that
    were `sealed_anew` since `published` was may differ from it. A check that could not be
    asked, as of a table that is not readable, crashed.
    """
    sealed = [day.snapshot_date for day in store.list_sealed(home)]
    verdicts = raw.verdicts(home, sealed) if sealed else {}
    passed = {day: given.metrics for day, given in verdicts.items() if given.passed}
    # With how many of the newest days each needs, whatever has been judged before.
    asked: tuple[tuple[tuple[Check, ...], Measure, int], ...] = (
        (checks.TABLE_CHECKS, lambda c: frames.tables(c, published), 1),
        (checks.SLICE_CHECKS, frames.slices, 1),
        (checks.DAY_CHECKS, lambda c: frames.days(c, passed, sealed_later), 1),
        (checks.COMPLETENESS_CHECKS, completeness.missing, 1),
        (checks.MART_CHECKS, frames.marts, 1),
        (checks.KEY_CHECKS, frames.foreign_keys, 1),
        (checks.GENERATION_CHECKS, lambda c: frames.generation(c, candidate), 1),
        (checks.HISTORY_CHECKS, lambda c: frames.history(c, published, sealed_anew), 1),
        (checks.REVISION_CHECKS, lambda c: frames.revisions(c, published), 1),
        (checks.MOVE_CHECKS, lambda c: frames.moves(c, published), frames.LOOKED_BACK),
    )
    folders = [candidate.parent, *([published.parent] if published else [])]
    outcomes: list[CheckOutcome] = []
    with connect(folders=folders, temporary=home.temporary / "gates") as connection:
        try:
            connection.execute(f"attach {literal(candidate)} as candidate (read_only)")
            connection.execute("use candidate")
            if published is not None:
                connection.execute(f"attach {literal(published)} as published (read_only)")
        except duckdb.Error as error:
            return [check.crashed(f"the file cannot be opened: {error}") for check in CHECKS]
        for questions, measure, newest in asked:
            outcomes += _ask(connection, questions, measure, since, newest)
    return outcomes


def _ask(
    connection: duckdb.DuckDBPyConnection,
    questions: Sequence[Check],
    measure: Measure,
    since: date | None,
    newest: int,
) -> list[CheckOutcome]:
    try:
        if since is not None:
            frames.show_from(connection, since, newest)
        frame = measure(connection)
    except Exception as error:
        return [check.crashed(f"{type(error).__name__}: {error}") for check in questions]
    measured = {check.metric for check in questions} | {
        f"{check.name}__{side}" for check in questions for side in ("least", "most")
    }
    numbers = frame[[name for name in frame.columns if name in measured]].astype("float64")
    answers = validate(numbers, questions)
    keys = frame.drop(columns=numbers.columns)
    return [_outcome(check, keys, numbers, answers[check.name]) for check in questions]


def _outcome(
    check: Check, keys: pandas.DataFrame, numbers: pandas.DataFrame, answer: Answer
) -> CheckOutcome:
    """The worst value, and the rows that fail with what names them."""
    if answer.crash is not None:
        return check.crashed(answer.crash)
    worst = numbers[check.metric].max()
    observed: float | None = None if worst != worst else float(worst)
    threshold = check.threshold
    if check.learned:
        observed, threshold = len(answer.failing), "none outside its learned range"
    if not answer.failing:
        return check.outcome("passed", observed, threshold=threshold)
    status: Status = "failed" if check.blocking else "warned"
    failing = keys.assign(**{check.metric: numbers[check.metric]}).iloc[sorted(answer.failing)]
    if not check.learned:
        failing = failing.sort_values(check.metric, ascending=False, kind="stable")
    sample = [
        {str(name): _plain(value) for name, value in row.items() if value is not None}
        for row in failing.head(SAMPLE_ROWS).to_dict("records")
    ]
    return check.outcome(status, observed, threshold=threshold, sample=sample)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value
