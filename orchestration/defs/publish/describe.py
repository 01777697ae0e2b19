"""What is told of a publication in the Dagster UI: who leads, how sure, what changed, what it cost.

What belongs here: metadata. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import dagster as dg

from orchestration import profile
from orchestration.home import Home
from orchestration.printable import markdown_table
from orchestration.profile import Step
from orchestration.publication.diff import Diff
from orchestration.publication.swap import Publication
from orchestration.reporting import (
    Slice,
    bar,
    country_shares,
    percent,
    points,
    spark_line,
)

# Characters that the UI shows of a value on a screen of 1,440 pixels; what is longer is cut.
NARROW = 36

COVERAGE = ("downloads_attributed_share", "downloads_with_known_lineage_share")


def describe(home: Home, published: Publication) -> dict[str, Any]:
    """What one wants to see first of a publication: who leads, how sure, what changed."""
    shares = country_shares(home, Slice())
    countries = [row for row in shares.rows if row["share_of_all_low"] is not None][:10]
    # Narrow enough for the cell that the UI gives it.
    drawn = min(14, max((len(row["history"]) for row in countries), default=0))
    table = markdown_table(
        ["country", "share:", " ", "band:", "7 days, points:", f"{drawn} days"],
        [
            (
                row["country_name"],
                percent(row["share_of_all"]),
                bar(row["share_of_all"], countries[0]["share_of_all"], 8),
                f"{row['share_of_all_low'] * 100:.1f}\u2013{percent(row['share_of_all_high'])}",
                points(row["share_change_7d"]),
                # Markdown makes one space of several.
                spark_line(row["history"][-drawn:], gap="·"),
            )
            for row in countries
        ],
    )
    label = "GENERATED WORLD: " if shares.universe.is_generated else ""
    leading = [row["share_of_all"] for row in shares.leaders]
    told = f"{label}{shares.who_leads}, of 30 days' downloads by publisher"
    # Numbers become plots over the publications in the UI.
    numbers = {
        "leader_share": leading[0] if leading else None,
        # Shares end at the tenth decimal; behind it a difference shows a float's noise.
        "gap_to_second": round(leading[0] - leading[1], 10) if len(leading) > 1 else None,
        **{name: shares.coverage[name] for name in COVERAGE},
    }
    return {
        "who_leads": dg.MetadataValue.md("  \n".join(wrap(told, NARROW))),
        "top_countries": dg.MetadataValue.md(table),
        "universe": str(shares.universe),
        "generation": published.generation,
        "is_new": published.is_new,
        "newest_snapshot": shares.snapshot_date.isoformat(),
        "path": dg.MetadataValue.path(str(published.folder)),
        "dashboard": dg.MetadataValue.path(str(published.folder / "dashboard" / "index.html")),
        "days_withdrawn": published.diff.days_removed if published.diff else [],
        "changes": dg.MetadataValue.md(_changes(published.diff)),
    } | {name: float(value) for name, value in numbers.items() if value is not None}


def _changes(diff: Diff | None) -> str:
    """What is other than in the publication before: rows by table, and the shares that moved."""
    if diff is None:
        return "the same content as before"
    rows = [
        (name, f"{one.added:,}", f"{one.changed:,}", f"{one.removed:,}")
        for name, one in diff.tables.items()
        if one.added or one.changed or one.removed
    ]
    moves = [
        (
            *(move["kind"], move["entity"], move["snapshot_date"]),
            *(f"{move['was']:.2%}", f"{move['now']:.2%}", f"{move['change']:+.2%}"),
        )
        for move in [*diff.moves, *diff.restatements]
    ]
    return (
        f"against {diff.old or 'nothing'}; days added: {_days(diff.days_added)}"
        + "\n\n"
        + markdown_table(["table", "added:", "changed:", "removed:"], rows)
        + "\n\n"
        + markdown_table(["kind", "who", "day", "was:", "is:", "change:"], moves)
    )


def _days(days: Sequence[str]) -> str:
    newest = ", ".join(days[-5:]) or "none"
    return newest if len(days) <= 5 else f"{len(days)}, the newest of them {newest}"


def describe_profile(steps: Sequence[Step]) -> dict[str, Any]:
    """A run's steps as a table, and its sums as numbers, which the UI plots over the days."""
    whole = [step for step in steps if step.cpu_seconds is not None]
    return {
        "profile": dg.MetadataValue.md(profile.as_markdown(steps)),
        "seconds": round(sum(step.seconds for step in whole), 1),
        "cpu_seconds": round(sum(step.cpu_seconds or 0 for step in whole), 1),
        "peak_memory_mib": max((step.peak_memory_mib or 0 for step in whole), default=0),
        "bytes_read": sum(step.bytes_read or 0 for step in whole),
    }
