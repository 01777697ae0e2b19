"""What is told of a sealed day in the Dagster UI: numbers, which it plots over the days.

What belongs here: metadata. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from orchestration.database import connect
from orchestration.home import Home
from orchestration.hub.crawl import Landed
from orchestration.hub.pages import LISTINGS
from orchestration.printable import markdown_table
from orchestration.reporting import bar
from orchestration.snapshots import reading, store
from orchestration.snapshots.contract import Kind
from orchestration.snapshots.store import Sealed

PLOTTED_DAYS = 30


def schema_of(kind: Kind) -> dg.TableSchema:
    """The columns of raw snapshots of `kind`."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, description=column.description)
            for column in kind.columns
        ]
    )


def describe_day(home: Home, kind: Kind, day: Sealed) -> dict[str, Any]:
    """What one wants to see first of a sealed day."""
    weight = LISTINGS[kind.table].weight
    with connect(folders=[home.raw]) as connection:
        largest = connection.execute(
            "select coalesce(author, split_part(id, '/', 1)) as author, count(*) as rows, "
            f"coalesce(sum({weight}), 0)::bigint as held "
            f"from {reading.records(home, [day], ['id', 'author', weight])} "
            "group by all order by held desc, author limit 10"
        ).fetchall()
    table = markdown_table(
        ["author", f"{kind.name}:", f"{weight}:", " "],
        [
            (author, f"{rows:,}", f"{held:,}", bar(held, largest[0][2]))
            for author, rows, held in largest
        ],
    )
    return {
        "snapshot_date": day.snapshot_date.isoformat(),
        "dagster/row_count": day.rows,
        "downloads_30d": day.downloads,
        "rows_quarantined": day.rows_quarantined,
        "quarantined": day.quarantined,
        "version": day.version,
        "universe": f"{day.universe['kind']} {day.universe['name']}".strip(),
        "source": day.source,
        "largest_authors": dg.MetadataValue.md(table),
        "sha256": day.sha256,
    }


def describe_crawl(home: Home, kind: Kind, landed: Landed) -> dict[str, Any]:
    """What the crawl cost, and how rows and duration went over the last days."""
    newest = landed.newest_created_at
    return {
        "rows": landed.rows,
        "requests": landed.requests,
        "retries": landed.retries,
        "waited_seconds": round(landed.waited_seconds, 1),
        "received_bytes": landed.bytes,
        "crawl_seconds": round(_seconds(landed.observed_from, landed.observed_to), 1),
        "resumed": landed.resumed,
        "passed_midnight": landed.passed_midnight,
        "newest_created_at": dg.MetadataValue.timestamp(newest) if newest else "none",
        "crawls": dg.MetadataValue.md(_plot(store.list_readable(home, kind.table))),
    }


def _plot(days: Sequence[Sealed]) -> str:
    """Rows and duration of the last crawled days, drawn; the UI plots all days."""
    shown = [
        (day, _seconds(datetime.fromisoformat(begin), datetime.fromisoformat(end)))
        for day in days[-PLOTTED_DAYS:]
        if (begin := day.observed_from) and (end := day.observed_to)
    ]
    most_rows = max((day.rows for day, _ in shown), default=0)
    longest = max((seconds for _, seconds in shown), default=0.0)
    return markdown_table(
        ["day", "rows:", " ", "seconds:", " "],
        [
            (
                str(day.snapshot_date),
                f"{day.rows:,}",
                bar(day.rows, most_rows),
                f"{seconds:,.0f}",
                bar(seconds, longest),
            )
            for day, seconds in shown
        ],
    )


def _seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
