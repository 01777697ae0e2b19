"""Claims: what others said, held against what we measure.

What belongs here: each claim with its two verdicts, its value beside ours, and how the verdict
changed over time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from dashboard import words
from dashboard.figures import Figure
from dashboard.publication import Answer, Row
from dashboard.site import Site

TABLE = "fct_claims"
PAYLOAD = "claims"
UNMEASURED = "not measurable yet"
VERDICTS = ("holds", "does not hold", "undecided", UNMEASURED)
COMPARISONS = {
    "at_least": "at least ",
    "at_most": "at most ",
    "greater_than": "more than ",
    "less_than": "less than ",
}
# Percent of the line on which claims are drawn.
THINNEST = 3.5
SHARES = ("share", "share of weeks")
# Shares of which one is taken from another: points, not percent.
DIFFERENCES = ("country_share_gap", "weekly_gap_change")
MEASURES = {
    "counter_ratio_median": "growth of the cumulative counter by the rolling one",
    "country_downloads": "downloads of a country",
    "country_share": "share of downloads",
    "country_share_gap": "lead in the share of downloads",
    "derivative_share": "share of downloads of derivatives",
    "downloads_total": "all downloads",
    "family_derivative_share": "share of the derivatives of 30 days",
    "family_models_count": "models of the family by its house",
    "family_share": "share of downloads",
    "launches_per_week_median": "median of 52 weeks",
    "models_below_downloads_share": "share of the models",
    "models_count": "models on the Hub",
    "organizations_in_top_k": "among the largest organizations",
    "organizations_share": "share of downloads",
    "overtakes_count": "overtakes in the claim's period",
    "share_of_weeks_with_launch": "share of the last 52 weeks with a launch",
    "top_k_share": "share of the largest models",
    "top_percent_share": "share of the largest models",
    "weekly_gap_change": "smallest change of the lead from week to week, over a year",
}


def write(site: Site) -> None:
    """Write `claims.html`."""
    publication = site.publication
    if not publication.has(TABLE) or publication.last_day is None:
        site.page("claims", "claims.html", title="Claims", total=0)
        return
    newest = publication.ask("claims", {"day": publication.last_day})
    history = publication.ask("claim_verdicts", {"first_day": site.first_day})
    strips = {
        claim_id: _strip(list(rows))
        for claim_id, rows in groupby(history, lambda row: row["claim_id"])
    }
    claims = [_claim(row, strips[row["claim_id"]]) for row in newest]
    figures = [_figure("verdicts", newest), _figure("history", history)]
    site.page(
        "claims",
        "claims.html",
        title="Claims",
        payload=site.payload(PAYLOAD, figures),
        figures=figures,
        groups=[
            (verdict, [claim for claim in claims if claim["verdict_today"] == verdict])
            for verdict in VERDICTS
        ],
        counts=Counter(claim["verdict_today"] for claim in claims),
        total=len(claims),
        span=_span(history),
    )


def _figure(key: str, answer: Answer) -> Figure:
    facts = {
        "verdicts": ["each claim in its own window and scope", "the newest day"],
        "history": ["every verdict, day by day"],
    }
    return Figure(key=key, title="", says="", spec={}, panels=[], facts=facts[key], answer=answer)


def _span(history: Answer) -> str:
    days = [row["snapshot_date"] for row in history]
    return f"{words.day(min(days))} to {words.day(max(days))}" if days else ""


def _claim(row: Row, strip: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **row,
        "verdict_today": _known(row["verdict_today"]),
        "verdict_for_period": _known(row["verdict_for_period"]),
        "claimed": _claimed(row),
        "tolerated": _tolerated(row),
        "measured": _value(row, row["measured_value"]),
        "band": _band(row),
        "for_period": _value(row, row["measured_value_for_period"]),
        "measure_in_words": MEASURES.get(row["measure"], row["measure"]),
        "slice": _slice(row),
        "scale": _scale(row),
        "strip": strip,
    }


def _known(verdict: str) -> str:
    return verdict if verdict in VERDICTS else UNMEASURED


def _value(row: Row, value: float | None) -> str:
    """A value of a claim in its unit."""
    if value is None:
        return "—"
    if row["measure"] in DIFFERENCES:
        return f"{words.points(value)} points"
    if row["unit"] in SHARES:
        return words.percent(value)
    shown = words.magnitude(value) if abs(value) >= 1e6 else words.figures(value)
    unit = words.legible(row["unit"])
    if value == 1:
        unit = re.sub(r"(?<=ch)es\b|s\b", "", unit, count=1)
    return shown if unit == "ratio" else f"{shown} {unit}"


def _claimed(row: Row) -> str:
    claimed = row["claimed_value"]
    value = "0" if row["measure"] in DIFFERENCES and claimed == 0 else _value(row, claimed)
    return COMPARISONS.get(row["comparison"], "") + value


def _tolerated(row: Row) -> str:
    """What the measured value may be off; nothing where it may not be."""
    tolerance = row["tolerance"]
    if not tolerance:
        return ""
    if row["unit"] in SHARES:
        return f"± {100 * tolerance:.3g} points"
    return f"± {words.magnitude(tolerance) if tolerance >= 1e3 else words.figures(tolerance)}"


def _band(row: Row) -> str:
    """What the measured value may be by doubtful homes; nothing where none matters."""
    low, high = row["measured_low"], row["measured_high"]
    if low is None or high - low <= 1e-9 * max(1, abs(high)):
        return ""
    if row["measure"] in DIFFERENCES:
        return f"{words.points(low)} to {words.points(high)}"
    if row["unit"] in SHARES:
        return words.between(low, high)
    return f"{words.magnitude(low)} to {words.magnitude(high)}"


def _slice(row: Row) -> list[str]:
    """Of what the measure is: entities, window, attribution, models, coverage."""
    facts: list[str] = []
    if row["window_name"]:
        facts.append(f"{words.WINDOWS.get(row['window_name'], row['window_name'])}".lower())
        facts.append(f"by {words.ATTRIBUTIONS.get(row['attribution'], row['attribution'])}".lower())
    for name, shown in (("cohort", words.COHORTS), ("scope", words.SCOPES)):
        if row[name] and row[name] != "all":
            facts.append(f"{shown.get(row[name], row[name])}".lower())
    if row["downloads_attributed_share"] is not None:
        facts.append(f"{words.percent(row['downloads_attributed_share'])} placed in a country")
    if row["is_provisional"] and row["measured_value"] is not None:
        facts.append("provisional")
    return facts


def _scale(row: Row) -> dict[str, float] | None:
    """Places in percent of a line that holds what is claimed and what is measured."""
    value, low, high = (row[f"measured_{name}"] for name in ("value", "low", "high"))
    if value is None:
        return None
    begin, end = _allowed(row)
    ends = [value, low, high, *(edge for edge in (begin, end) if edge is not None), 0.0]
    first, last = min(ends), max(ends)
    if first == last:
        return None
    room = 0.04 * (last - first)
    first, last = first - room * (first < 0), last + room

    def place(at: float) -> float:
        return round(100 * float(at - first) / float(last - first), 2)

    span = [place(first if begin is None else begin), place(last if end is None else end)]
    # What is narrower could not be seen behind the mark of what is measured.
    if span[1] - span[0] < THINNEST:
        middle = sum(span) / 2
        span = [round(middle - THINNEST / 2, 2), round(middle + THINNEST / 2, 2)]
    return {
        "begin": span[0],
        "end": span[1],
        "low": place(low),
        "high": place(high),
        "value": place(value),
    }


def _allowed(row: Row) -> tuple[float | None, float | None]:
    """From where to where the claim holds; None where that side is open."""
    least, most = row["claimed_value"] - row["tolerance"], row["claimed_value"] + row["tolerance"]
    return {
        "at_least": (least, None),
        "at_most": (None, most),
        "greater_than": (most, None),
        "less_than": (None, least),
    }.get(row["comparison"], (least, most))


def _strip(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Stretches of days with one verdict: how long, and from when to when."""
    strip = []
    for verdict, members in groupby(rows, lambda row: _known(row["verdict_today"])):
        days = [row["snapshot_date"] for row in members]
        strip.append(
            {
                "verdict": verdict,
                "days": len(days),
                "says": f"{verdict}, {words.day(days[0])} to {words.day(days[-1])}",
            }
        )
    return strip
