"""The figures of a day, ready to be judged: shares, ranges, comparisons.

What belongs here: pure functions from metrics of days to one row of the frame that gate 1
judges. Measuring belongs to `raw_metrics.py`, judging to `raw.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestration.gates import bounds, raw_checks
from orchestration.gates.bounds import Rule
from orchestration.gates.outcome import bounds_in_words
from orchestration.gates.raw_metrics import Day, Metrics
from orchestration.snapshots.contract import COLUMN_NAMES

# Numbers by name, None where not measurable; and rows to show, under `<check>__sample`.
Figures = dict[str, Any]


def figures(
    day: Day,
    metrics: Metrics,
    reference: Metrics,
    before: Sequence[Metrics],
    days_with_same_content: int,
) -> Figures:
    """One row of the frame that is judged.

    `reference` are the metrics of the day's reference (empty at the beginning), `before` those
    of the days before, oldest first.
    """
    sealed = day.sealed
    rows = metrics["rows"]
    found: Figures = {
        name: value
        for name, value in metrics.items()
        if value is None or isinstance(value, int | float)
    }
    found |= {
        "file_as_sealed": 1,
        "columns_as_declared": 1,
        "counts_off": abs(rows - sealed.rows)
        + abs(int(metrics["downloads"] or 0) - sealed.downloads),
        "largest_total": max(metrics["downloads"] or 0, metrics["downloads_all_time"] or 0),
        "likes_per_download": _ratio(metrics["likes"], metrics["downloads"]),
        "exceeding_share": _ratio(metrics["exceeding_counts"], rows),
        "other_authors_share": _ratio(metrics["other_authors"], rows),
        "unordered_share": _ratio(metrics["unordered_dates"], rows),
        "rows_quarantined_share": _ratio(sealed.rows_quarantined, rows + sealed.rows_quarantined),
        "downloads_quarantined_share": _ratio(
            sealed.downloads_quarantined,
            (metrics["downloads"] or 0) + sealed.downloads_quarantined,
        )
        or 0,
        "days_with_same_content": days_with_same_content,
        "unasked_lost_share": None
        if sealed.source.get("kind") == "live"
        else metrics["lost_downloads_share"],
        "recased_share": _ratio(metrics["recased_ids"], metrics["reference_models"]),
        "unmoved_share": _ratio(metrics["unmoved_models"], metrics["reference_models"]),
    }
    found |= _ranges(day, metrics, reference, before)
    return found | _against(day, metrics, reference)


def _ranges(day: Day, metrics: Metrics, reference: Metrics, before: Sequence[Metrics]) -> Figures:
    """The learned ranges of the day, and the columns whose share of nulls lies outside."""
    rules = dict(raw_checks.RULES_WHOLE if day.sealed.whole else raw_checks.RULES_PANEL)
    if lost := rules.get("models_lost_usual"):
        least = max(lost.least, raw_checks.FEW_MODELS / max(metrics["rows"], 1))
        rules["models_lost_usual"] = replace(lost, least=least)

    def usual(metric: str, rule: Rule) -> bounds.Bounds | None:
        history = [earlier.get(metric) for earlier in before]
        return bounds.learned(history, reference.get(metric), rule, questions=raw_checks.QUESTIONS)

    found: Figures = dict.fromkeys(raw_checks.BOUNDS)
    for name, rule in rules.items():
        range_ = usual(raw_checks.METRIC_OF[name], rule)
        if range_:
            found |= {f"{name}__least": range_.least, f"{name}__most": range_.most}
    unusual = []
    nulls = raw_checks.NULLS_WHOLE if day.sealed.whole else raw_checks.NULLS_PANEL
    for column in COLUMN_NAMES:
        metric = f"nulls_{column}"
        range_ = usual(metric, nulls)
        value = metrics[metric]
        if range_ and value is not None and not range_.least <= value <= range_.most:
            words = bounds_in_words(max(range_.least, 0), min(range_.most, 1))
            unusual.append({"column": column, "null_share": value, "usual": words})
    return found | {"unusual_null_shares": len(unusual), "null_shares_usual__sample": unusual}


def _against(day: Day, metrics: Metrics, reference: Metrics) -> Figures:
    """What is compared with the last day that passed; None where there is nothing to compare."""
    found: Figures = dict.fromkeys(
        ("newest_age_days", "newest_went_back", "most_nulls_gained", "largest_owner_there")
    )
    newest = metrics["newest_created_at"]
    if day.sealed.whole and newest and metrics["rows"] >= raw_checks.LEAST_ROWS_FOR_FRESHNESS:
        age = day.not_after - datetime.fromisoformat(newest)
        found["newest_age_days"] = age.total_seconds() / 86_400
        if reference.get("newest_created_at"):
            found["newest_went_back"] = int(newest < reference["newest_created_at"])
    if reference.get("largest_owner") and reference.get("downloads"):
        owner = reference["largest_owner"]
        found["largest_owner_there"] = int(owner in metrics["owners_present"])
        share = reference["largest_owner_share"]
        found["largest_owner_there__sample"] = [
            {"owner": owner, "share_of_downloads_before": share, "before": metrics["reference"]}
        ]
    if day.whole_reference and reference.get("rows"):
        before = reference["rows"]
        may_go = max(raw_checks.MOST_ROWS_LOST * before, raw_checks.FEW_MODELS)
        found["rows_complete__least"] = before - may_go
    # A live crawl and an archive record other fields: only the same kind can lose one.
    if day.whole_reference and reference.get("rows") and _same_kind(day):
        gained = {
            column: metrics[f"nulls_{column}"] - reference[f"nulls_{column}"]
            for column in COLUMN_NAMES
            if metrics[f"nulls_{column}"] is not None
        }
        found["most_nulls_gained"] = max(gained.values(), default=None)
        found["recorded_as_before__sample"] = [
            {"column": column, "null_share_gained": gain}
            for column, gain in gained.items()
            if gain > raw_checks.MOST_NULLS_GAINED
        ]
    return found


def _same_kind(day: Day) -> bool:
    reference = day.reference
    return reference is not None and reference.source.get("kind") == day.sealed.source.get("kind")


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
