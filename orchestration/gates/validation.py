"""Great Expectations over a small frame of metrics.

What belongs here: how a list of checks becomes a suite, and how its result is read, down to the
rows that fail. Great Expectations takes 4 s to import and 27 s over 5 M rows: so it is
imported inside the function, and SQL condenses the rows to metrics before.
"""

from __future__ import annotations

import functools
import importlib
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.gates import ahead
from orchestration.gates.outcome import Check

if TYPE_CHECKING:
    import pandas
    from great_expectations.core.batch_definition import BatchDefinition

ROW = "row_number_in_frame"


@dataclass
class Answer:
    """Which rows of the frame (by position) fail a check, or why it could not be asked."""

    failing: set[int] = field(default_factory=set)
    crash: str | None = None


def validate(frame: pandas.DataFrame, checks: Sequence[Check]) -> dict[str, Answer]:
    """Ask every check of every row of `frame`; a crash is an answer, never an exception."""
    answers = {check.name: Answer() for check in checks}
    # Not `frame.empty`: rows without any column are no answer, but questions that crash.
    if not len(frame):
        return answers
    asked = ahead.ask(frame, checks)
    if asked is not None:
        return {
            name: Answer(set(answer["failing"]), answer["crash"]) for name, answer in asked.items()
        }
    try:
        results = _run(_prepared(frame, checks), checks)
    except Exception as error:
        for answer in answers.values():
            answer.crash = f"Great Expectations could not run: {type(error).__name__}: {error}"
        return answers
    for name in answers.keys() - results.keys():
        answers[name].crash = "Great Expectations gave no result"
    for name, result in results.items():
        crash = _crash(result.exception_info)
        if crash is not None:
            answers[name].crash = crash
        elif not result.success:
            failing = result.result.get("unexpected_index_list")
            if not failing:
                answers[name].crash = "Great Expectations named no row for its failure"
            else:
                answers[name].failing = {int(row[ROW]) for row in failing}
    return answers


def _prepared(frame: pandas.DataFrame, checks: Sequence[Check]) -> pandas.DataFrame:
    """The frame with one column a check, so that each is one expectation (8 ms apiece).

    A required figure that is missing becomes infinite, on the side that its bound forbids; a
    learned one becomes the distance by which it lies outside its row's range. What misses a
    column of `frame` is left out, and crashes when it is asked.
    """
    prepared: dict[str, Any] = {ROW: range(len(frame))}
    for check in checks:
        if check.metric not in frame:
            continue
        value = frame[check.metric]
        if check.required:
            value = value.fillna(-math.inf if check.most is None else math.inf)
        if check.learned:
            least, most = frame[f"{check.name}__least"], frame[f"{check.name}__most"]
            value = (least - value).clip(lower=0).fillna(0) + (value - most).clip(lower=0).fillna(0)
        prepared[check.name] = value
    return type(frame)(prepared)


def load() -> None:
    """Import Great Expectations, so that the first question need not wait for it."""
    # Every copy of Great Expectations before 1.24 sends analytics unless told not to.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    importlib.import_module("great_expectations.expectations")


def _run(frame: pandas.DataFrame, checks: Sequence[Check]) -> dict[str, Any]:
    """The result of each check, by its name."""
    load()
    import great_expectations as gx
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )

    batch = _frames().get_batch(batch_parameters={"dataframe": frame})

    def asked(of: Sequence[Check], result_format: dict[str, Any]) -> dict[str, Any]:
        expectations = [
            ExpectColumnValuesToBeBetween(
                column=check.name,
                min_value=None if check.learned else check.least,
                max_value=0 if check.learned else check.most,
                meta={"check": check.name},
            )
            for check in of
        ]
        # Not stored: the context would write each suite and its definition as YAML, to no reader.
        suite = gx.ExpectationSuite(name="metrics", expectations=expectations)
        results = batch.validate(suite, result_format=result_format).results
        metas = [one.expectation_config and one.expectation_config.meta for one in results]
        return {meta["check"]: one for meta, one in zip(metas, results, strict=True) if meta}

    results = asked(checks, {"result_format": "BOOLEAN_ONLY"})
    # Which rows it is costs as much again: most often none.
    failed = [
        check for check in checks if check.name in results and not results[check.name].success
    ]
    if failed:
        results |= asked(
            failed,
            {
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [ROW],
                "return_unexpected_index_query": False,
            },
        )
    return results


@functools.cache
def _frames() -> BatchDefinition[Any]:
    """The context in which frames are asked, once a process: it takes longer than the questions."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("metrics")
        .add_dataframe_asset("metrics")
        .add_batch_definition_whole_dataframe("metrics")
    )


def _crash(info: dict[str, Any] | None) -> str | None:
    """What was raised inside an expectation: flat, or one entry for each metric."""
    entries = [info or {}, *(value for value in (info or {}).values() if isinstance(value, dict))]
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "an expectation raised")
    return None
