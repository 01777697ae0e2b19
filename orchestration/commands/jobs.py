"""How a command runs a job, and what it tells of the publication that came of it.

What belongs here: the way from a Dagster run to words and exit codes. Only this folder reaches
for a run, and only when a command needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from orchestration.answers import (
    answer,
    out,
    problems,
    tell,
    tell_defects,
    tell_in_words,
    tell_refusals,
)
from orchestration.commands.options import DEFECT, PARTLY_REFUSED, REFUSED
from orchestration.home import Home

if TYPE_CHECKING:
    from orchestration.defs.automation.running import RunReport

# Its runs are of datasets and Spaces, those of the other jobs of models.
OTHERS = "other_repositories"


def execute(
    home: Home,
    job: str,
    day: str | None = None,
    ops: dict[str, dict[str, Any]] | None = None,
    decision: str | None = None,
) -> RunReport:
    """Run a job; how it ended is in its report, for `tell_published`."""
    from orchestration.defs.automation import running

    return running.execute(home, job, partition_key=day, ops=ops, decision=decision)


_WITHDRAWN = (
    "readers saw this day and see it no more: its newest version did not pass the first gate, or "
    "its snapshot is gone; import it again, as it was or repaired"
)


def tell_published(
    home: Home,
    report: RunReport,
    *beside: RunReport,
    refused: Mapping[str, str] | None = None,
    decision: str | None = None,
) -> int:
    """What readers see now, what was refused or broke, and the decision it follows from.

    `report` is of what was asked for, `beside` of what was done with it: other days, datasets,
    Spaces. `refused` are days that a run left out. Its answer is the exit code: what broke goes
    before what was refused, and what was asked for before the rest.
    """
    reports = (report, *beside)
    others_refused = [why for one in beside if one.job == OTHERS for why in one.refusals]
    days = [one for one in beside if one.job != OTHERS and one.refusals]
    refused_days = {str(one.day): "; ".join(one.refusals) for one in days} | dict(refused or {})
    for day in report.metadata.get("publication", {}).get("days_withdrawn", []):
        refused_days[day] = "; ".join(filter(None, [_WITHDRAWN, refused_days.get(day)]))
    refused_days = dict(sorted(refused_days.items()))
    for day, why in refused_days.items():
        tell(f"refused {day}: {why}")
    tell_in_words(others_refused)
    found, show = _shown(home) if any(one.published for one in reports) else ({}, lambda: None)
    found |= {
        "refused_days": refused_days,
        "others_refused": problems(others_refused),
        "decision": decision,
    }
    if any(one.broke for one in reports):
        tell_defects(
            [words for one in reports for words in one.defects], report.refusals, found, show
        )
        return DEFECT
    if not report.succeeded:
        tell_refusals(report.refusals, found, show)
        return REFUSED
    answer(found, show)
    return PARTLY_REFUSED if refused_days or others_refused else 0


def _shown(home: Home) -> tuple[dict[str, Any], Callable[[], None]]:
    """What readers see now: as a document has it, and what tells it to a person."""
    from orchestration import reporting

    shares = reporting.country_shares(home, reporting.Slice())
    folder = reporting.published_folder(home)
    current = home.published / "current"

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

    return {
        "generation": folder.name,
        "folder": folder,
        "current": current,
        "shares": shares.to_dict(),
    }, show
