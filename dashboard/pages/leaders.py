"""Who leads: the answer in one sentence, then countries over time and the gap between the first
two.

What belongs here: what the first page says. One payload a slice; the first is in the page itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel, ends, provisional
from dashboard.publication import Answer, Row, Slice
from dashboard.site import Site
from dashboard.tables import Column
from orchestration.lead import could_be_first

FOREGROUND = 6
IN_RANGES = 8
IN_TABLE = 25
HALF_A_YEAR = dt.timedelta(weeks=26)
ATTRIBUTIONS = {"publisher": "By publisher", "base_model": "By origin of the base model"}


@dataclass(frozen=True)
class Lead:
    """How far one country is ahead of another by one attribution; shares of 0..1."""

    attribution: str
    gap: float
    low: float | None
    high: float | None
    change_7d: float | None

    @property
    def certain(self) -> bool:
        """Whether no home of a doubtful organization could turn the order of the two round."""
        return self.low is not None and self.high is not None and self.low * self.high > 0


def write(site: Site) -> None:
    """Write `index.html` and one payload for each slice of the newest day."""
    slices = site.publication.slices
    first = site.publication.first_slice or (slices[0] if slices else None)
    html = Markup("")
    for slice_ in slices:
        figures, part = _slice(site, slice_)
        site.payload(f"leaders-{slice_.key}", figures, part)
        if slice_ == first:
            html = part
    site.page(
        "index",
        "leaders.html",
        title="Who leads",
        slices=slices,
        first=first,
        html=html,
    )


def _slice(site: Site, slice_: Slice) -> tuple[list[Figure], Markup]:
    publication = site.publication
    standing = publication.ask("country_standing", site.parameters(slice_))
    by = {
        attribution: [
            row | {"name": publication.country(row["country_key"])}
            for row in standing
            if row["attribution"] == attribution
        ]
        for attribution in ATTRIBUTIONS
    }
    ranked = {
        attribution: [r for r in rows if r["country_code"] and r["share_of_all"] is not None]
        for attribution, rows in by.items()
    }
    figures: list[Figure] = []
    leads: dict[str, Lead] = {}
    overtakes: list[Row] = []
    # By origin others than those by publisher may be first.
    first = {
        attribution: [row for row in rows if row["share_of_all"]][:2]
        for attribution, rows in ranked.items()
    }
    if first["publisher"]:
        overtakes = _overtakes(site, slice_)
        figures = [
            _ranges(site, slice_, ranked, standing),
            _share(site, slice_, ranked, overtakes),
        ]
    if len(first["publisher"]) > 1:
        one, other = first["publisher"]
        gap = _ask_gap(site, slice_, one, other)
        leads = _leads(gap)
        figures += [
            _gap(site, slice_, gap, one, other, overtakes),
            *_weekly(site, slice_, gap, one),
        ]
    part = site.render(
        "leaders_slice.html",
        slice=slice_,
        provisional=site.provisional(slice_),
        payload=f"leaders-{slice_.key}",
        figures={figure.key: figure for figure in figures},
        table=_table(ranked, by),
        overtakes=overtakes,
        coverage=site.coverage(slice_),
        attributions=ATTRIBUTIONS,
        first=first,
        rivals={key: could_be_first(rows) for key, rows in ranked.items() if rows},
        leads=leads,
        measured={
            key: any(row["share_of_all"] is not None for row in rows) for key, rows in by.items()
        },
        reason=_reason(standing),
    )
    return figures, part


def _reason(standing: Answer) -> str:
    reasons = (row["null_reason"] for row in standing if row["null_reason"])
    return words.unmeasured(next(reasons, None))


def _ask_gap(site: Site, slice_: Slice, one: Row, other: Row) -> Answer:
    return site.publication.ask(
        "country_gap",
        {
            "one": one["country_key"],
            "other": other["country_key"],
            **site.parameters(slice_),
        },
    )


def _leads(gap: Answer) -> dict[str, Lead]:
    # Of an attribution by which one of them is not known today, an older lead is none.
    day = max((row["snapshot_date"] for row in gap), default=None)
    newest = {row["attribution"]: row for row in gap if row["snapshot_date"] == day}
    return {
        attribution: Lead(
            attribution, row["gap"], row["gap_low"], row["gap_high"], row["gap_change_7d"]
        )
        for attribution in ATTRIBUTIONS
        if (row := newest.get(attribution))
    }


def _overtakes(site: Site, slice_: Slice) -> list[Row]:
    if not site.publication.has("fct_overtakes"):
        return []
    answer = site.publication.ask("country_overtakes", site.parameters(slice_))
    return [overtake(row, site.publication.country) for row in answer]


def overtake(row: Row, name: Callable[[str], str]) -> Row:
    """A row of overtakes in words."""
    return row | {
        "what": f"{name(row['leader'])} passes {name(row['follower'])}",
        "certainty": _certainty(row["confirmed"], row["is_certain"]),
    }


def _certainty(confirmed: bool, is_certain: bool) -> str:
    """Whether it lasted a week, and whether a doubtful home could turn it round."""
    if not confirmed:
        return "not confirmed"
    return "confirmed" if is_certain else "confirmed, a doubtful home could turn it"


def _ranges(site: Site, slice_: Slice, ranked: dict[str, list[Row]], standing: Answer) -> Figure:
    shown = [row["country_key"] for row in ranked["publisher"][:IN_RANGES]]
    rows = [
        {
            "name": row["name"],
            "colour": colours.country(row["country_key"]),
            "attribution": attribution,
            "counted": ATTRIBUTIONS[attribution],
            "share_of_all": row["share_of_all"],
            "low": _or(row["share_of_all_low"], row["share_of_all"]),
            "high": _or(row["share_of_all_high"], row["share_of_all"]),
            "place": shown.index(row["country_key"]),
        }
        for attribution, members in ranked.items()
        for row in members
        if row["country_key"] in shown
    ]
    return Figure(
        key="ranges",
        title="Each country's share, and the range its doubtful homes leave open",
        says="Share of downloads by country: "
        + ", ".join(
            f"{row['name']} {words.percent(row['share_of_all'])}" for row in ranked["publisher"][:4]
        ),
        legend="● by publisher, ◇ by origin of the base model",
        spec=charts.country_range(len(shown)),
        panels=[Panel({"rows": rows})],
        facts=site.facts(slice_),
        answer=standing,
    )


def _share(site: Site, slice_: Slice, ranked: dict[str, list[Row]], overtakes: list[Row]) -> Figure:
    largest: dict[str, float] = {}
    for rows in ranked.values():
        for row in rows:
            key = row["country_key"]
            largest[key] = max(largest.get(key, 0.0), row["share_of_all"])
    countries = sorted(largest, key=lambda key: (-largest[key], key))[:FOREGROUND]
    answer = site.publication.ask(
        "country_share", {"countries": countries, **site.parameters(slice_)}
    )
    banded = [row for row in answer if row["country_key"] in countries[:2]]
    top = 1.06 * max(_or(row["share_of_all_high"], row["share_of_all"]) for row in answer)
    panels = []
    for attribution, title in ATTRIBUTIONS.items():
        lines = [_line(site, row) for row in answer if row["attribution"] == attribution]
        bands = [_band(site, row) for row in banded if row["attribution"] == attribution]
        marks = [
            row
            for row in overtakes
            if row["attribution"] == attribution
            and {row["leader"], row["follower"]} <= set(countries)
        ]
        panels.append(
            Panel(
                title=title,
                data={
                    "rows": lines,
                    "bands": [row for row in bands if row["high"] is not None],
                    "provisional": provisional(answer.rows),
                    "ends": ends(lines, "share_of_all", top, lambda at: words.percent(at, 0)),
                    "overtakes": marks,
                },
                parameters={"top": top},
            )
        )
    names = [site.publication.country(key) for key in countries]
    return Figure(
        key="share",
        title="Share of downloads by country, day by day",
        says=f"Lines over time for {words.listed(names)}, with the first two countries' ranges.",
        spec=charts.named_lines("share_of_all", "Share", more=(("Range", "range", ""),)),
        panels=panels,
        facts=site.facts(slice_),
        answer=answer,
        legend="Shaded: the range of the two leaders. Dotted: downloads without a country. "
        "◇ one country passes another.",
    )


def _line(site: Site, row: Row) -> Row:
    key = row["country_key"]
    nowhere = key == "no_country"
    return {
        "snapshot_date": row["snapshot_date"],
        "name": "No country" if nowhere else site.publication.country(key),
        "colour": colours.country(key),
        "dashed": nowhere,
        "share_of_all": row["share_of_all"],
        "range": words.between(row["share_of_all_low"], row["share_of_all_high"]),
    }


def _band(site: Site, row: Row) -> Row:
    return _line(site, row) | {"low": row["share_of_all_low"], "high": row["share_of_all_high"]}


def _gap(
    site: Site, slice_: Slice, gap: Answer, one: Row, other: Row, overtakes: list[Row]
) -> Figure:
    pair = {one["country_key"], other["country_key"]}
    low = min([0.0, *(_or(row["gap_low"], row["gap"]) for row in gap)])
    high = max([0.0, *(_or(row["gap_high"], row["gap"]) for row in gap)])
    margin = 0.05 * (high - low)
    panels = [
        Panel(
            title=title,
            data={
                "rows": [row for row in gap if row["attribution"] == attribution],
                "provisional": provisional(gap.rows),
                "overtakes": [
                    row
                    for row in overtakes
                    if row["attribution"] == attribution
                    and {row["leader"], row["follower"]} == pair
                ],
            },
            parameters={"top": high + margin, "bottom": low - margin},
        )
        for attribution, title in ATTRIBUTIONS.items()
    ]
    return Figure(
        key="gap",
        title=f"The lead of {words.with_article(one['country_key'], one['name'])} over "
        f"{words.with_article(other['country_key'], other['name'])}",
        says=f"Difference of the two shares over time with its range; above the line "
        f"{one['name']} is ahead, below it {other['name']}.",
        spec=charts.country_gap(),
        panels=panels,
        facts=site.facts(slice_),
        answer=gap,
        legend="In percentage points. Shaded: every lead that some home of the doubtful "
        "organizations would give. Dotted: the day one country passed the other.",
    )


def _weekly(site: Site, slice_: Slice, gap: Answer, one: Row) -> list[Figure]:
    """The change of the lead from Monday to Monday: does it grow every week?"""
    mondays = [
        row
        for row in gap
        if row["snapshot_date"].isoweekday() == 1 and row["gap_change_7d"] is not None
    ]
    since = max((row["snapshot_date"] for row in mondays), default=dt.date.max) - HALF_A_YEAR
    mondays = [row for row in mondays if row["snapshot_date"] > since]
    panels, grew = [], []
    for attribution, title in ATTRIBUTIONS.items():
        weeks = [row for row in mondays if row["attribution"] == attribution]
        up = sum(row["gap_change_7d"] > 0 for row in weeks)
        grew.append(f"{up} of {len(weeks)}")
        panels.append(Panel({"rows": weeks}, title=title, note=f"it grew in {up} of {len(weeks)}"))
    if len({row["snapshot_date"] for row in mondays}) < 2:
        return []
    return [
        Figure(
            key="weekly",
            title=f"How the lead of {words.with_article(one['country_key'], one['name'])} changed, "
            "week by week",
            says=f"Bars of the change a week; it grew in {words.listed(grew)} weeks.",
            spec=charts.weekly_change(),
            panels=panels,
            facts=site.facts(slice_),
            answer=gap,
            legend="In percentage points, from Monday to Monday.",
        )
    ]


def _table(ranked: dict[str, list[Row]], by: dict[str, list[Row]]) -> Markup:
    if not ranked["publisher"]:
        return Markup("")
    nowhere = [row for row in by["publisher"] if not row["country_code"]]
    origin = {row["country_key"]: row for row in by["base_model"]}
    rows = []
    for row in ranked["publisher"][:IN_TABLE] + nowhere:
        other = origin.get(row["country_key"], {})
        rows.append(
            row
            | {
                "origin_share": other.get("share_of_all"),
                "range": words.between(row["share_of_all_low"], row["share_of_all_high"]),
                "origin_range": words.between(
                    other.get("share_of_all_low"), other.get("share_of_all_high")
                ),
            }
        )
    one, two = "By publisher", "By base model"
    columns = [
        tables.country("Country", "name", "country_key"),
        tables.bars("Share", "share_of_all", rows, beside="origin_share", group=one),
        Column("Range", lambda row: row["range"], group=one),
        tables.change("7 days", "share_change_7d", group=one),
        tables.change("30 days", "share_change_30d", group=one),
        tables.percent(
            "Without its largest model", "share_of_all_without_largest_model", group=one
        ),
        tables.bars("Share", "origin_share", rows, beside="share_of_all", group=two),
        Column("Range", lambda row: row["origin_range"], group=two),
        tables.number("Models", "models_count"),
    ]
    return tables.table(rows, columns, caption="Countries on the newest day")


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
