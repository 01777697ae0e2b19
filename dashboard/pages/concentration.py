"""Concentration: how much of all downloads goes to how few.

What belongs here: top shares, HHI and Gini, of models and of organizations; one payload a slice.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from dashboard import charts, tables, words
from dashboard.figures import Figure, Panel, ends
from dashboard.publication import Answer, Row, Slice
from dashboard.site import Site
from dashboard.tables import Column

TABLE = "fct_concentration_daily"
LEVELS = {"model": "Models", "organization": "Organizations"}
TOPS = (
    ("top_1_percent_share", "Top 1 %", "var(--ink-quiet)"),
    ("top_1000_share", "Top 1,000", "var(--step-1)"),
    ("top_100_share", "Top 100", "var(--step-2)"),
    ("top_10_share", "Top 10", "var(--step-3)"),
    ("top_1_share", "The largest", "var(--step-4)"),
)


def write(site: Site) -> None:
    """Write `concentration.html` and one payload a slice."""
    publication = site.publication
    first = publication.first_slice if publication.has(TABLE) else None
    html = Markup("")
    for slice_ in publication.slices if first else ():
        figures, part = _slice(site, slice_)
        site.payload(f"concentration-{slice_.key}", figures, part)
        if slice_ == first:
            html = part
    site.page(
        "concentration",
        "slices.html",
        title="Concentration",
        stem="concentration",
        slices=publication.slices,
        first=first,
        html=html,
        what="How much of all downloads goes to how few models and organizations",
        table=TABLE,
    )


def _slice(site: Site, slice_: Slice) -> tuple[list[Figure], Markup]:
    answer = site.publication.ask("concentration", site.parameters(slice_))
    newest = [row for row in answer if row["snapshot_date"] == site.publication.last_day]
    at = {(row["attribution"], row["level"]): row for row in newest}
    models = at.get(("publisher", "model"))
    context: dict[str, Any] = {
        "models": models,
        "organizations": at.get(("publisher", "organization")),
    }
    figures = []
    if models and models["top_10_share"] is not None:
        figures = [_tops(site, slice_, answer), _indexes(site, slice_, answer)]
        context["table"] = _table(newest)
    part = site.render(
        "concentration_slice.html",
        payload=f"concentration-{slice_.key}",
        provisional=site.provisional(slice_),
        figures=figures,
        **context,
    )
    return figures, part


def _tops(site: Site, slice_: Slice, answer: Answer) -> Figure:
    panels = []
    for level, title in LEVELS.items():
        rows = [
            {
                "snapshot_date": row["snapshot_date"],
                "name": name,
                "colour": colour,
                "dashed": column == "top_1_percent_share",
                "share": row[column],
            }
            for column, name, colour in TOPS
            for row in answer
            if row["attribution"] == "publisher"
            and row["level"] == level
            and row[column] is not None
        ]
        panels.append(
            Panel(
                title=title,
                data={"rows": rows, "ends": ends(rows, "share", 1.0, words.percent)},
                parameters={"top": 1.0},
            )
        )
    return Figure(
        key="tops",
        title="The share of the few, day by day",
        says="Share of downloads of the largest, the ten, hundred and thousand largest, and the "
        "largest percent.",
        spec=charts.named_lines("share", "Share of downloads"),
        panels=panels,
        facts=site.facts(slice_, "publisher"),
        answer=answer,
    )


def _indexes(site: Site, slice_: Slice, answer: Answer) -> Figure:
    chosen = (
        ("model", "Models", "var(--accent)"),
        ("organization", "Organizations", "var(--second)"),
    )
    rows = [
        {
            "snapshot_date": row["snapshot_date"],
            "name": name,
            "colour": colour,
            "dashed": False,
            "hhi": row["hhi"],
        }
        for level, name, colour in chosen
        for row in answer
        if row["attribution"] == "publisher" and row["level"] == level and row["hhi"] is not None
    ]
    top = 1.1 * max((row["hhi"] for row in rows), default=1.0)
    return Figure(
        key="hhi",
        title="Herfindahl-Hirschman index",
        says="The index over time, of models and of organizations.",
        spec=charts.named_lines("hhi", "HHI", axis=",d", tooltip=",.0f"),
        panels=[Panel({"rows": rows, "ends": ends(rows, "hhi", top, words.count)}, {"top": top})],
        facts=site.facts(slice_, "publisher"),
        answer=answer,
        legend="The sum of squared shares in percent: 0 where everybody is small, 10,000 where "
        "one has all. Competition authorities speak of a highly concentrated market from 1,800.",
    )


def _table(rows: list[Row]) -> Markup:
    named = [
        row
        | {
            "who": LEVELS.get(row["level"], row["level"]),
            "by": words.ATTRIBUTIONS.get(row["attribution"], row["attribution"]),
        }
        for row in sorted(rows, key=lambda row: (row["attribution"], row["level"]), reverse=True)
    ]
    columns = [
        tables.text("Of", "who"),
        tables.text("By", "by"),
        *[tables.percent(name, column) for column, name, _ in reversed(TOPS)],
        tables.number("HHI", "hhi"),
        Column("Gini", lambda row: words.ratio(row["gini"]), "gini"),
    ]
    return tables.table(named, columns, caption="Concentration on the newest day")
