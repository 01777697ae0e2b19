"""Great Expectations over a small frame of metrics.

What belongs here: how a list of checks becomes a suite, and how its result is read, down to the
rows that fail. Great Expectations takes 4 s to import and 27 s over 5 M rows: so it is
imported inside the function, and SQL condenses the rows to metrics before.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.gates.outcome import Check

if TYPE_CHECKING:
    import pandas

ROW = "row_number_in_frame"


@dataclass
class Answer:
    """Which rows of the frame (by position) fail a check, or why it could not be asked."""

    failing: set[int] = field(default_factory=set)
    crash: str | None = None


def validate(frame: pandas.DataFrame, checks: Sequence[Check]) -> dict[str, Answer]:
    """Ask every check of every row of `frame`; a crash is an answer, never an exception."""
    answers = {check.name: Answer() for check in checks}
    if frame.empty:
        return answers
    try:
        results = _run(frame.assign(**{ROW: range(len(frame))}), checks)
    except Exception as error:
        for answer in answers.values():
            answer.crash = f"Great Expectations could not run: {type(error).__name__}: {error}"
        return answers
    for result in results:
        answer = answers[result.expectation_config.meta["check"]]
        crash = _crash(result.exception_info)
        if crash is not None:
            answer.crash = crash
        elif not result.success:
            failing = result.result.get("unexpected_index_list")
            if failing is None:
                answer.crash = "Great Expectations named no row for its failure"
            else:
                answer.failing |= {int(row[ROW]) for row in failing}
    for name in answers.keys() - {r.expectation_config.meta["check"] for r in results}:
        answers[name].crash = "Great Expectations gave no result"
    return answers


def _run(frame: pandas.DataFrame, checks: Sequence[Check]) -> list[Any]:
    # Every copy of Great Expectations before 1.24 sends analytics unless told not to.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = (
        context.data_sources.add_pandas("metrics")
        .add_dataframe_asset("metrics")
        .add_batch_definition_whole_dataframe("metrics")
    )
    # Given whole: each expectation added to a stored suite would store the suite again.
    expectations = [expectation for check in checks for expectation in _expectations(check)]
    suite = context.suites.add(gx.ExpectationSuite(name="metrics", expectations=expectations))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name="metrics", data=batch, suite=suite)
    )
    result = definition.run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [ROW],
            "return_unexpected_index_query": False,
        },
    )
    return list(result.results)


def _expectations(check: Check) -> list[Any]:
    from great_expectations.expectations.core import (
        expect_column_pair_values_a_to_be_greater_than_b as pairs,
    )
    from great_expectations.expectations.core import (
        expect_column_values_to_be_between as between,
    )
    from great_expectations.expectations.core import (
        expect_column_values_to_not_be_null as not_null,
    )

    meta = {"check": check.name}
    found: list[Any] = []
    if check.required:
        found.append(not_null.ExpectColumnValuesToNotBeNull(column=check.metric, meta=meta))
    if check.learned:
        for high, low in (
            (check.metric, f"{check.name}__least"),
            (f"{check.name}__most", check.metric),
        ):
            found.append(
                pairs.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A=high,
                    column_B=low,
                    or_equal=True,
                    ignore_row_if="either_value_is_missing",
                    meta=meta,
                )
            )
    else:
        found.append(
            between.ExpectColumnValuesToBeBetween(
                column=check.metric, min_value=check.least, max_value=check.most, meta=meta
            )
        )
    return found


def _crash(info: dict[str, Any] | None) -> str | None:
    """What was raised inside an expectation: flat, or one entry for each metric."""
    entries = [info or {}, *(value for value in (info or {}).values() if isinstance(value, dict))]
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "an expectation raised")
    return None
