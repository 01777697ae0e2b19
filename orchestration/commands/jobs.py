"""How a command runs a job, and what it tells of the publication that came of it.

What belongs here: the way from a Dagster run to words and exit codes. Only this folder reaches
for a run, and only when a command needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from orchestration.answers import (
    answer,
    err,
    out,
    tell_defects,
    tell_refusals,
    told_in_words,
)
from orchestration.commands.options import DEFECT, PARTLY_REFUSED, REFUSED
from orchestration.home import Home

if TYPE_CHECKING:
    from orchestration.defs.automation.running import RunReport


def execute(
    home: Home,
    job: str,
    partition_key: str | None = None,
    ops: dict[str, dict[str, Any]] | None = None,
    decision: str | None = None,
    *,
    may_be_refused: bool = False,
) -> RunReport:
    """Run a job; where it fails before anything is published, its words and exit code.

    A refusal ends the command too, unless it `may_be_refused`: then it is in the report, as is
    what fails after the publication, for `tell_published`.
    """
    from orchestration.defs.automation import running

    report = running.execute(home, job, partition_key=partition_key, ops=ops, decision=decision)
    is_bearable = report.succeeded or (may_be_refused and not report.broke)
    if not is_bearable and not report.published:
        raise typer.Exit(_tell_failure(report))
    return report


def _tell_failure(
    report: RunReport,
    done: Mapping[str, Any] | None = None,
    show: Callable[[], None] = lambda: None,
) -> int:
    """Tell what was `done`, and what failed; give the exit code."""
    if report.broke:
        told_in_words(report.refusals)
        tell_defects(report.defects, done, show)
        return DEFECT
    tell_refusals(report.refusals, done, show)
    return REFUSED


def tell_published(
    home: Home,
    report: RunReport,
    refused: dict[str, str] | None = None,
    decision: str | None = None,
    others_refused: Sequence[str] = (),
) -> int:
    """What readers see now, what was refused, and the decision it follows from.

    `refused` are days of models; `others_refused` is why datasets or Spaces were. Then what
    failed after the publication. Its answer is the exit code.
    """
    from orchestration import reporting

    shares = reporting.country_shares(home, reporting.Slice())
    folder = reporting.published_folder(home)
    current = home.published / "current"
    refused = dict(sorted((refused or {}).items()))

    def show() -> None:
        out.print(reporting.shares_table(shares, out.width))
        out.print(f"published: {escape(str(current))} -> {folder.name}", soft_wrap=True)
        for name, what in (
            ("observatory.duckdb", "all marts, for DuckDB and BI tools"),
            ("*.parquet", "the same, one a table"),
            ("manifest.json", "generation, snapshot dates, sources, hashes"),
            ("dashboard/index.html", "open it in a browser"),
        ):
            path = escape(str(current / name))
            out.print(f"  {path}   [dim]{what}[/dim]", highlight=False, soft_wrap=True)

    for day, why in refused.items():
        err.print(f"refused {day}: {why}", highlight=False, markup=False)
    found = {
        "generation": folder.name,
        "folder": folder,
        "current": current,
        "refused_days": refused,
        "others_refused": told_in_words(others_refused),
        "decision": decision,
        "shares": shares.to_dict(),
    }
    if not report.succeeded:
        return _tell_failure(report, found, show)
    answer(found, show)
    return PARTLY_REFUSED if refused or others_refused else 0
