"""How a command runs a job, and what it tells of the publication that came of it.

What belongs here: the way from a Dagster run to words and exit codes. Only this folder reaches
for a run, and only when a command needs one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from orchestration.answers import answer, err, out, tell, tell_defects, tell_refusals
from orchestration.commands.options import DEFECT, REFUSED
from orchestration.home import Home

if TYPE_CHECKING:
    from orchestration.defs.automation.running import RunReport


def attempt(
    home: Home,
    job: str,
    partition_key: str | None = None,
    ops: dict[str, dict[str, Any]] | None = None,
    decision: str | None = None,
) -> RunReport:
    """Run a job and report how it ended, also where it was refused; exit 70 where it broke."""
    from orchestration.defs.automation import running

    report = running.execute(home, job, partition_key=partition_key, ops=ops, decision=decision)
    if not report.succeeded and (report.defects or not report.refusals):
        for words in report.refusals:
            tell(f"refused: {words}")
        tell_defects(report.defects)
        raise typer.Exit(DEFECT)
    return report


def execute(
    home: Home,
    job: str,
    partition_key: str | None = None,
    ops: dict[str, dict[str, Any]] | None = None,
    decision: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Run a job and return its assets' metadata; a Refusal's words and exit 1 otherwise."""
    report = attempt(home, job, partition_key, ops, decision)
    if not report.succeeded:
        tell_refusals(report.refusals)
        raise typer.Exit(REFUSED)
    return report.metadata


def tell_published(
    home: Home, refused: dict[str, str] | None = None, decision: str | None = None
) -> None:
    """What readers see now, the days that were refused, and the decision it follows from."""
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
    answer(
        {
            "generation": folder.name,
            "folder": folder,
            "current": current,
            "refused_days": refused,
            "decision": decision,
            "shares": shares.to_dict(),
        },
        show,
    )
