"""Data quality: what was checked, what was set aside, what was corrected, what changed since.

What belongs here: what a reader needs to decide how far to trust a day.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel
from dashboard.publication import Answer, Row
from dashboard.site import Site
from dashboard.tables import Column

PAYLOAD = "quality"
STATUS_WORDS = {
    "passed": "passed",
    "warned": "warned",
    "failed": "failed",
    "crashed": "could not run",
}


def write(site: Site) -> None:
    """Write `quality.html`."""
    publication = site.publication
    figures: list[Figure] = []
    missing: list[tuple[str, str]] = []
    context: dict[str, Any] = {"checks": 0, "newest": "", "verdict": ""}
    if publication.has("fct_snapshot_quality_daily"):
        checks = publication.ask("checks", {"first_day": site.first_day})
        if checks:
            figures.append(_checks(checks))
            context |= _newest(site, checks)
            figures += _set_aside(site)
    else:
        missing.append(("Every check of every day", "fct_snapshot_quality_daily"))
    if publication.has("fct_mapping_coverage_daily") and publication.first_slice:
        figures.append(_coverage(site))
    else:
        missing.append(("Coverage of the mapping", "fct_mapping_coverage_daily"))
    if publication.has("fct_flow_adjustments"):
        figures += _adjusted(site)
    placed = _placed(site)
    site.page(
        "quality",
        "quality.html",
        title="Data quality",
        payload=site.payload(PAYLOAD, figures),
        figures=figures,
        missing=missing,
        span_text=_span(site),
        coverage=placed.get("downloads_attributed_share"),
        coverage_note=_coverage_note(placed),
        adjustments=_log(site, "fct_flow_adjustments", "adjustments", "Corrected counters"),
        revisions=_revisions(site),
        **context,
    )


def _checks(checks: Answer) -> Figure:
    rows = _recent(checks.rows)
    names = {row["check_name"] for row in rows}
    return Figure(
        key="checks",
        title="Every check of every day",
        says="Checks by day; cells that did not pass are marked.",
        spec=charts.checks_by_day(len(names), len({row["snapshot_date"] for row in rows})),
        panels=[Panel({"rows": rows})],
        facts=[_to(checks), "the newest 90 days"],
        answer=checks,
        entries=[(f"var(--status-{status})", STATUS_WORDS[status]) for status in colours.STATUSES],
    )


def _to(checks: Answer) -> str:
    """The day to which the checks reach: a refused day is checked, though not published."""
    return f"to {words.day(max(row['snapshot_date'] for row in checks))}"


def _recent(rows: list[Row]) -> list[Row]:
    since = max(row["snapshot_date"] for row in rows) - dt.timedelta(days=90)
    return [
        row | {"check_name": _spaced(row["check_name"])}
        for row in rows
        if row["snapshot_date"] > since
    ]


def _spaced(name: str) -> str:
    return words.legible(name).replace("_", " ")


def _newest(site: Site, checks: Answer) -> dict[str, Any]:
    """What the checks of the newest published day said, and whether later days were refused."""
    last = site.publication.last_day
    refused = _refused([row for row in checks if row["snapshot_date"] > last])
    rows = [
        row | {"check_name": _spaced(row["check_name"])}
        for row in checks
        if row["snapshot_date"] == last
    ]
    if not rows:
        return {"verdict": refused}
    rows.sort(key=lambda row: (_status_of(row) == "passed", row["check_name"]))
    statuses = Counter(row["status"] for row in rows)
    passed, warned = statuses["passed"], statuses["warned"]
    failed = len(rows) - passed - warned
    if failed:
        verdict = f"{failed} of {len(rows)} checks did not pass on {words.day(last)}."
    elif warned:
        verdict = f"{words.day(last)} was published with {warned} of {len(rows)} checks warning."
    else:
        verdict = f"All {len(rows)} checks of {words.day(last)} passed."
    columns = [
        tables.text("Check", "check_name"),
        Column("Result", _status, "status", numeric=False),
        tables.measure("Observed", "observed_value"),
        tables.text("Allowed", "threshold"),
    ]
    return {
        "checks": len(rows),
        "passed": passed,
        "warned": warned,
        "failed": failed,
        # Every row of a day says how many of the day's rows were set aside.
        "set_aside": max(row["rows_quarantined"] or 0 for row in rows),
        "newest": tables.table(rows, columns, caption="Checks of the newest day"),
        "verdict": f"{verdict} {refused}".strip(),
    }


def _refused(rows: list[Row]) -> str:
    """Days that were checked and, later than the newest published one, were not published."""
    if not rows:
        return ""
    days = {row["snapshot_date"] for row in rows}
    last = max(days)
    statuses = [_status_of(row) for row in rows if row["snapshot_date"] == last]
    failed = sum(status not in ("passed", "warned") for status in statuses)
    told = f"{words.day(last)} was refused: {failed} of {len(statuses)} checks failed."
    return told if len(days) == 1 else f"{len(days)} later days were refused. {told}"


def _status_of(row: Row) -> str:
    status: str = row["status"]
    return status if status in STATUS_WORDS else "failed"


def _status(row: Row) -> Markup:
    status = _status_of(row)
    return Markup('<span class="status {}">{}</span>').format(status, STATUS_WORDS[status])


def _coverage(site: Site) -> Figure:
    first = site.publication.first_slice
    assert first is not None
    answer = site.publication.ask("coverage_over_time", site.parameters(first))
    placed, lineage = "downloads_attributed_share", "downloads_with_known_lineage_share"
    lines = (
        ("publisher", placed, "placed in a country, by publisher", "var(--accent)"),
        ("base_model", placed, "placed in a country, by base model", "var(--second)"),
        ("publisher", lineage, "of known lineage", "var(--ink-quiet)"),
    )
    rows = [
        {
            "snapshot_date": row["snapshot_date"],
            "name": name,
            "share": row[column],
            "colour": colour,
        }
        for attribution, column, name, colour in lines
        for row in answer
        if row["attribution"] == attribution and row[column] is not None
    ]
    return Figure(
        key="coverage",
        title="How much of the downloads we can place",
        says="Share of downloads that is placed in a country or has a known lineage.",
        spec=charts.coverage_by_day(),
        panels=[Panel({"rows": rows})],
        facts=site.facts(first),
        answer=answer,
        entries=[(colour, words.capital(name)) for _, _, name, colour in lines],
    )


def _set_aside(site: Site) -> list[Figure]:
    answer = site.publication.ask("set_aside", {"first_day": site.first_day})
    rows = [
        {
            "snapshot_date": row["snapshot_date"],
            "kind": "rows set aside",
            "colour": "var(--status-warned)",
            "amount": row["rows_quarantined"],
        }
        for row in answer
    ]
    if not any(row["amount"] for row in rows):
        return []
    return [
        Figure(
            key="set-aside",
            title="Rows set aside, day by day",
            says="Bars of the rows of each day that were set aside.",
            spec=charts.counts_by_day(),
            panels=[Panel({"rows": rows})],
            facts=[_to(answer), "kept with their reason"],
            answer=answer,
        )
    ]


def _adjusted(site: Site) -> list[Figure]:
    answer = site.publication.ask("adjustments_by_day", {"first_day": site.first_day})
    if not answer:
        return []
    kinds = sorted({row["kind"] for row in answer})
    colour = {kind: colours.entry(place) for place, kind in enumerate(kinds)}
    rows = [
        {
            "snapshot_date": row["snapshot_date"],
            "kind": _spaced(row["kind"]),
            "colour": colour[row["kind"]],
            "amount": row["models_count"],
        }
        for row in answer
    ]
    return [
        Figure(
            key="adjusted",
            title="Models whose counter was corrected, day by day",
            says="Bars of the models whose counter was corrected, by kind of correction.",
            spec=charts.counts_by_day(),
            panels=[Panel({"rows": rows})],
            facts=[f"to {words.day(site.publication.last_day)}", "by kind of correction"],
            answer=answer,
            entries=[(colour[kind], _spaced(kind)) for kind in kinds],
        )
    ]


def _placed(site: Site) -> Row:
    first = site.publication.first_slice
    return site.coverage(first).get("publisher", {}) if first else {}


def _coverage_note(placed: Row) -> str:
    top = placed.get("unattributed_top_organization")
    mapped = words.count(placed.get("organizations_mapped_count"))
    return f"{mapped} organizations mapped" + (
        f"; largest without a home: {words.legible(top)}" if top else ""
    )


def _span(site: Site) -> str:
    if site.publication.last_day is None:
        return "no day is published"
    days = [row["snapshot_date"] for row in site.publication.ask("days")]
    gaps = (days[-1] - days[0]).days + 1 - len(days)
    text = f"{len(days)} days since {words.day(days[0])}"
    return f"{text}, {gaps} missing" if gaps else f"{text}, none missing"


def _revisions(site: Site) -> list[Markup]:
    """What publications changed of days published before: in sum, and the largest changes."""
    if not site.publication.has("fct_revisions"):
        return []
    publications = site.publication.ask("revisions")
    if not publications:
        return []
    since = Column("Since", lambda row: words.day(row["recorded_at"]), "recorded_at", numeric=False)
    why = tables.text("Why", "reason")
    found = [
        tables.table(
            publications.rows,
            [
                since,
                why,
                tables.text("Table", "table_name"),
                tables.day("First day", "first_day"),
                tables.day("Last day", "last_day"),
                tables.number("Days", "days_count"),
                tables.number("Figures", "changes_count"),
            ],
            caption="What each publication changed of the days before",
        )
    ]
    figures = site.publication.ask("revised_figures")
    if figures:
        columns = [
            since,
            tables.day("Day", "snapshot_date"),
            Column("Figure", lambda row: _revised(site, row), "key", numeric=False),
            Column("Was", lambda row: _said(row, "old"), "old_value"),
            Column("Is", lambda row: _said(row, "new"), "new_value"),
            why,
        ]
        caption = "The largest changes of the newest publications"
        found.append(tables.table(figures.rows, columns, caption=caption))
    return found


def _revised(site: Site, row: Row) -> Markup:
    """A figure's name: of what, in which slice."""
    parts = str(row["key"]).split("|")
    if len(parts) < 4:
        note = row["column_name"].replace("_", " ")
        return Markup('{} <span class="note">{}</span>').format(tables.name(", ".join(parts)), note)
    window, attribution, cohort, scope, *of = parts
    subject = "coverage"
    if of:
        is_country = row["table_name"] == "fct_country_share_daily"
        subject = site.publication.country(of[0]) if is_country else of[0]
    slice_ = [
        words.WINDOWS.get(window, window).lower(),
        f"by {words.ATTRIBUTIONS.get(attribution, attribution)}".lower(),
        *(words.COHORTS.get(name, name).lower() for name in [cohort] if name != "all"),
        *(words.SCOPES.get(name, name).lower() for name in [scope] if name != "all"),
    ]
    return Markup('{} <span class="note">{}</span>').format(
        tables.name(subject), words.legible(", ".join(slice_))
    )


def _said(row: Row, which: str) -> str:
    if row[f"{which}_text"] is not None:
        return words.legible(row[f"{which}_text"])
    value = row[f"{which}_value"]
    return words.percent(value) if "share" in row["column_name"] else words.figures(value)


def _log(site: Site, table: str, query: str, caption: str) -> Markup:
    """A log as it is, whatever its columns are, newest first."""
    if not site.publication.has(table):
        return Markup("")
    answer = site.publication.ask(query)
    if not answer:
        return Markup("")
    columns = [
        Column(
            name.replace("_", " ").capitalize(),
            lambda row, name=name: _cell(name, row[name]),  # type: ignore[misc]
            name,
            numeric=isinstance(answer.rows[0][name], int | float),
        )
        for name in answer.columns
    ]
    return tables.table(answer.rows, columns, caption=caption)


def _cell(column: str, value: Any) -> str | Markup:
    if isinstance(value, dt.date):
        return words.day(value).replace(" ", words.NO_BREAK)
    if column == "kind":
        return _spaced(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return words.figures(value)
    return "—" if value is None else tables.name(value)
