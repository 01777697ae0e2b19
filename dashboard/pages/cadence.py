"""Cadence: who launches how often, with base models, derivatives and quantizations apart.

What belongs here: releases and launches over the newest year. "Weekly" in the press meant
derivatives; so every figure says which kind it counts.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel, ends
from dashboard.publication import Answer, Row
from dashboard.site import Site
from dashboard.tables import Column

PAYLOAD = "cadence"
SHOWN = 40
# What the heat map can show: the kind in the query, which count, and what it is called.
KINDS = (
    ("launches", "everything", "launches_count", "Launches"),
    ("base models", "base models", "releases_count", "Base models"),
    ("derivatives", "derivatives", "releases_count", "Derivatives"),
    ("quantizations", "quantizations", "releases_count", "Quantizations and conversions"),
    ("releases", "everything", "releases_count", "Everything released"),
)
YEAR = "the newest 52 weeks"


def write(site: Site, largest: list[Row]) -> None:
    """Write `cadence.html` about the `largest` organizations."""
    publication = site.publication
    homes = {row["organization"]: row["country_key"] for row in largest[:SHOWN]}
    figures: list[Figure] = []
    context: dict[str, Any] = {"leader": None, "table": Markup(""), "tabled": 0}
    if homes and publication.has("fct_organization_cadence_daily"):
        rhythm = _rhythm(site, homes)
        if rhythm:
            context |= {
                "leader": _leader(rhythm),
                "table": _table(site, rhythm, homes),
                "tabled": len(rhythm.rows),
            }
            figures += _days(site, rhythm, homes)
    if homes and publication.has("fct_release_cadence_weekly"):
        figures[:0] = _heatmap(site, homes)
        figures += _everybody(site)
    if (
        publication.has("fct_country_cadence_weekly", "dim_dates", "dim_countries")
        and publication.last_day
    ):
        figures += _countries(site)
    site.page(
        "cadence",
        "cadence.html",
        title="Cadence",
        payload=site.payload(PAYLOAD, figures),
        figures={figure.key: figure for figure in figures},
        kinds=[(value, label) for value, _, _, label in KINDS],
        shown=len(homes),
        **context,
    )


def _rhythm(site: Site, homes: dict[str, str]) -> Answer:
    assert site.publication.last_day is not None
    return site.publication.ask(
        "organization_rhythm",
        {"organizations": list(homes), "day": site.publication.last_day},
    )


def _leader(rhythm: Answer) -> Row | None:
    launching = [row for row in rhythm if row["median_days_between_launches"] is not None]
    return max(
        launching,
        key=lambda row: (row["launches_365d"], -row["median_days_between_launches"]),
        default=None,
    )


def _heatmap(site: Site, homes: dict[str, str]) -> list[Figure]:
    assert site.publication.last_day is not None
    answer = site.publication.ask(
        "heatmap", {"organizations": list(homes), "day": site.publication.last_day}
    )
    if not answer:
        return []
    launches: dict[str, int] = {}
    for row in answer:
        if row["kind"] == "everything":
            name = row["organization"]
            launches[name] = launches.get(name, 0) + int(row["launches_count"])
    order = sorted(launches, key=lambda name: (-launches[name], name))
    rows = [
        {
            "week_start_date": row["week_start_date"],
            "name": row["organization"],
            "place": order.index(row["organization"]),
            "kind": value,
            "amount": int(row[count]),
        }
        for value, kind, count, _ in KINDS
        for row in answer
        if row["kind"] == kind and row["organization"] in launches and row[count]
    ]
    return [
        Figure(
            key="heatmap",
            title="Week by week",
            says="A heat map of organizations and weeks; the stronger the colour, the more.",
            spec=charts.launches_by_week(len(order)),
            panels=[Panel({"rows": rows}, {"kind": "launches"})],
            facts=[
                site.to_date(YEAR),
                f"the {len(order)} most downloaded organizations that released anything, "
                "most launches first",
                "the stronger the colour, the more, on a logarithmic scale",
            ],
            answer=answer,
        )
    ]


def _days(site: Site, rhythm: Answer, homes: dict[str, str]) -> list[Figure]:
    rows = sorted(
        (row for row in rhythm if row["median_days_between_launches"] is not None),
        key=lambda row: (row["median_days_between_launches"], row["organization"]),
    )
    if not rows:
        return []
    drawn = [
        {
            "name": row["organization"],
            "colour": colours.country(homes[row["organization"]]),
            "place": place,
            "median_days": row["median_days_between_launches"],
            "p90_days": row["p90_days_between_launches"],
            "launches_365d": row["launches_365d"],
        }
        for place, row in enumerate(rows)
    ]
    return [
        Figure(
            key="days",
            title="Days between launches",
            says="The median of days between launches and their 90th percentile.",
            spec=charts.days_between_launches(len(drawn)),
            panels=[Panel({"rows": drawn})],
            facts=[
                site.to_date("365 days"),
                "launches of every kind",
                "organizations with enough launches",
            ],
            answer=rhythm,
            legend="The dot is the median, the bar reaches to the 90th percentile. Coloured by "
            "country.",
        )
    ]


def _everybody(site: Site) -> list[Figure]:
    assert site.publication.last_day is not None
    answer = site.publication.ask("releases_of_all", {"day": site.publication.last_day})
    if not answer:
        return []
    return [
        Figure(
            key="everybody",
            title="Everything that appears, week by week",
            says="Releases of everybody a week, by type.",
            spec=charts.releases_by_week(),
            panels=[Panel({"rows": [release(row) for row in answer]})],
            facts=[
                site.to_date(YEAR),
                "every owner, individuals included",
                "releases, not launches",
            ],
            answer=answer,
            entries=release_key(answer),
        )
    ]


def release(row: Row) -> Row:
    """A row of releases as the chart of releases by week wants it."""
    kinds = colours.RELEASE_TYPES
    kind = row["release_type"]
    return {
        "week_start_date": row["week_start_date"],
        "release_type": kind,
        "kind": words.RELEASE_TYPES.get(kind, kind),
        "releases_count": row["releases_count"],
        "launches_count": row["launches_count"],
        "place": kinds.index(kind) if kind in kinds else len(kinds),
    }


def release_key(answer: Answer) -> list[tuple[str, str]]:
    """The colours of the release types in `answer`."""
    present = {row["release_type"] for row in answer}
    return [
        (colours.release_type(kind), words.RELEASE_TYPES[kind])
        for kind in colours.RELEASE_TYPES
        if kind in present
    ]


def _countries(site: Site) -> list[Figure]:
    publication = site.publication
    assert publication.last_day is not None
    day = publication.last_day
    countries = [
        row["country_key"] for row in publication.ask("countries_that_launch", {"day": day})
    ]
    if not countries:
        return []
    answer = publication.ask("country_launches", {"day": day, "countries": countries})
    rows = [
        {
            "snapshot_date": row["week_start_date"],
            "name": publication.country(row["country_key"]),
            "colour": colours.country(row["country_key"]),
            "dashed": False,
            "launches_mean": row["launches_mean"],
        }
        for row in answer
    ]
    top = 1.06 * max((row["launches_mean"] for row in rows), default=1.0)
    return [
        Figure(
            key="countries",
            title="Launches a week, by country",
            says="Lines of launches a week by country, the mean of four weeks.",
            spec=charts.named_lines("launches_mean", "Launches a week", axis="d", tooltip=".1f"),
            panels=[
                Panel(
                    {
                        "rows": rows,
                        "ends": ends(rows, "launches_mean", top, lambda at: f"{at:.0f}"),
                    },
                    {"top": top},
                )
            ],
            facts=[
                site.to_date(YEAR),
                "mean of four weeks",
                "launches of every kind",
                "by publisher",
            ],
            answer=answer,
        )
    ]


def _table(site: Site, rhythm: Answer, homes: dict[str, str]) -> Markup:
    rows = [
        row
        | {
            "country_key": homes[row["organization"]],
            "country": site.publication.country(homes[row["organization"]]),
        }
        for row in sorted(rhythm, key=lambda row: -row["launches_365d"])
    ]

    def organization(row: Row) -> Markup:
        name = row["organization"]
        return tables.name(name, href=f"organization/{site.slug(name)}.html")

    columns = [
        Column("Organization", organization, "organization", numeric=False),
        tables.country("Country", "country", "country_key"),
        tables.number("Launches", "launches_365d", group="In 365 days"),
        tables.number("Releases", "releases_365d", group="In 365 days"),
        tables.percent("Weeks with a launch", "share_of_weeks_with_launch", group="In 365 days"),
        tables.days("Median", "median_days_between_launches", group="Days between launches"),
        tables.days("90 % within", "p90_days_between_launches", group="Days between launches"),
        tables.number("Streak, weeks", "current_week_streak"),
        tables.number("Days since the last", "days_since_last_launch"),
    ]
    return tables.table(rows, columns, caption="Cadence of the most downloaded organizations")
