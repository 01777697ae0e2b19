"""Claims: what others said, held against what we measure.

What belongs here: each claim with its two verdicts and how today's changed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import groupby
from typing import Any

from dashboard import words
from dashboard.figures import Figure
from dashboard.publication import Answer, Row
from dashboard.site import Site

TABLE = "fct_claims"
PAYLOAD = "claims"
VERDICTS = ("holds", "does not hold", "undecided", "not measurable yet")


def write(site: Site) -> None:
    """Write `claims.html`."""
    if not site.publication.has(TABLE):
        site.page("claims", "claims.html", title="Claims", claims=[], figure=None, payload="")
        return
    answer = site.publication.ask("claims")
    claims = [_claim(list(rows)) for _, rows in groupby(answer, lambda row: row["claim_id"])]
    claims = [claim for claim in claims if claim["last_day"] == _last_day(answer)]
    claims.sort(key=lambda claim: (VERDICTS.index(claim["verdict_today"]), claim["claim"]))
    figure = Figure(
        key="verdicts",
        title="",
        says="",
        spec={},
        panels=[],
        facts=[f"verdicts of {words.day(_last_day(answer))}", "each claim's own window and scope"],
        answer=answer,
    )
    site.page(
        "claims",
        "claims.html",
        title="Claims",
        payload=site.payload(PAYLOAD, [figure]),
        figure=figure,
        claims=claims,
        counts=Counter(claim["verdict_today"] for claim in claims),
        verdicts=VERDICTS,
    )


def _last_day(answer: Answer) -> dt.date | None:
    return max((row["snapshot_date"] for row in answer), default=None)


def _claim(rows: list[Row]) -> dict[str, Any]:
    newest = rows[-1]
    return {
        **newest,
        "verdict_today": _known(newest["verdict_today"]),
        "verdict_for_period": _known(newest["verdict_for_period"]),
        "last_day": newest["snapshot_date"],
        "claimed": _value(newest, "claimed_value"),
        "measured": _value(newest, "measured_value"),
        "strip": _strip(rows),
    }


def _known(verdict: str | None) -> str:
    return verdict if verdict in VERDICTS else "not measurable yet"


def _value(row: Row, column: str) -> str:
    """A claimed or measured value in its unit; without one, a fraction is read as a share."""
    value, unit = row[column], row.get("unit")
    if value is None:
        return "—"
    if unit == "share" or (unit is None and abs(value) < 1 and value != int(value)):
        return words.percent(value)
    shown = words.magnitude(value) if abs(value) >= 1000 else words.figures(value)
    return shown if unit is None else f"{shown} {words.legible(unit)}"


def _strip(rows: list[Row]) -> list[dict[str, Any]]:
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
