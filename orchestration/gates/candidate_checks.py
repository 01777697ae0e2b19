"""The questions of gate 3, by what they are asked of: tables, slices, days, keys, history.

What belongs here: declarations. What is measured for them is `candidate_frames.py`'s and
`completeness.py`'s.
"""

from __future__ import annotations

from orchestration.gates.outcome import Check

SHARE_TOLERANCE = 1e-9
# Shares are published to 10 digits (dbt's `share_digits`): so much each may add to a sum of them.
SHARE_ROUNDING = 0.5e-10
# Credits split among several base models are decimals; their sum may miss by this share.
SUM_TOLERANCE = 1e-6
A_POINT = 0.01

_REBUILD = "rebuild the warehouse from the raw snapshots; it is only a cache"


def _none(name: str, description: str, metric: str, cure: str = _REBUILD) -> Check:
    return Check(name, description, cure, metric, most=0, required=True)


def _within(name: str, description: str, metric: str, most: float) -> Check:
    return Check(name, description, _REBUILD, metric, most=most)


TABLE_CHECKS = (
    _none("tables_there", "Every required table is published.", "is_missing"),
    _none(
        "columns_published",
        "Each table has the declared columns and types, in their order.",
        "columns_differ",
        "bring the mart and its declaration together: orchestration/gates/tables.py",
    ),
    _none("grain_unique", "No two rows of a table share their grain.", "repeated_rows"),
    _none("nulls_declared", "Null stands only where it is declared.", "undeclared_nulls"),
    # A run that had nothing new to build once published a table of 301 rows with none.
    Check(
        "tables_not_emptied",
        "No table that has rows for readers now is without any.",
        f"{_REBUILD}; where it is meant, `observatory accept tables_not_emptied`",
        "is_emptied",
        most=0,
        required=True,
        acceptable=True,
    ),
)
SLICE_CHECKS = (
    _within(
        "shares_sum_to_one",
        "The shares of a slice sum to 1, but for their rounding.",
        "sum_error",
        SHARE_TOLERANCE,
    ),
    _within(
        "shares_are_ratios",
        "Each share is its downloads divided by all downloads of the slice.",
        "ratio_error",
        SHARE_TOLERANCE,
    ),
    _none("shares_within_band", "0 <= low <= share <= high <= 1.", "rows_outside_band"),
    _none("nulls_have_reasons", "A share is null exactly where a reason is given.", "unexplained"),
    _within(
        "organizations_add_up_to_countries",
        "Downloads by organization sum to those by country.",
        "country_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "families_add_up_to_countries",
        "Downloads by family sum to those by country.",
        "family_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "derivatives_sum_to_one",
        "The families' shares of new derivatives of a slice sum to 1, but for their rounding.",
        "derivatives_error",
        SHARE_TOLERANCE,
    ),
    _within(
        "coverage_adds_up",
        "The attributed share of the coverage mart is the sum of the countries' shares, but for "
        "their rounding.",
        "coverage_gap",
        SHARE_TOLERANCE,
    ),
)
DAY_CHECKS = (
    _none(
        "days_published",
        "The days are those sealed days that passed gate 1, all of them and no other.",
        "day_differs",
        "build the missing days, or take the refused ones out: `observatory run` does both",
    ),
    _within(
        "downloads_reconcile",
        "30-day downloads sum to those of the raw snapshot, in both attributions.",
        "downloads_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "downloads_all_time_reconcile",
        "Cumulative downloads sum to those of the raw snapshot, in both attributions.",
        "downloads_all_time_gap",
        SUM_TOLERANCE,
    ),
    _within(
        "adjustments_reconcile",
        "The adjustments of a day add up to its downloads less those by the uncorrected counters.",
        "adjustments_gap",
        SUM_TOLERANCE,
    ),
    _none(
        "models_reconcile",
        "Every model of the raw snapshot is counted, once, and dim_models holds those of the "
        "newest day.",
        "models_gap",
    ),
)
COMPLETENESS_CHECKS = (
    _none(
        "days_complete",
        "Organizations, families, coverage, concentration, claims, the checks of gate 1 and, once "
        "somebody launches, rhythms are told of every day of the countries; but for these checks, "
        "of no other.",
        "days_differ",
    ),
    _none(
        "slices_complete",
        "Each slice of the countries has its organizations, its families, its coverage, its "
        "concentration, and its gaps where two countries have downloads.",
        "slices_missing",
    ),
)
MART_CHECKS = (
    _within(
        "marts_agree",
        "What two marts tell in two ways is the same: releases by organization, type, country "
        "and model; rhythms, gaps, top shares, overtakes, relative adoption, claims.",
        "mart_gap",
        SHARE_TOLERANCE,
    ),
)
KEY_CHECKS = (_none("keys_resolve", "Every key of a fact is found in its dimension.", "orphans"),)
GENERATION_CHECKS = (
    _none(
        "one_generation",
        "The file and its Parquet twins bear one and the same generation.",
        "other_generations",
        "publish again",
    ),
)
HISTORY_CHECKS = (
    Check(
        "history_as_published",
        "No country's share of a day published before moves by a point, unless the day was "
        "sealed anew; a country without a row has none.",
        "review the change of the seed or of the rule; if it is meant: "
        "`observatory accept history_as_published --reason WHY`",
        "restatement",
        most=A_POINT,
        acceptable=True,
    ),
)
REVISION_CHECKS = (
    Check(
        "revisions_explained",
        "Every change of a published figure has a cause: other records, seeds, rules, or "
        "counters that settled.",
        "look at the rows of fct_revisions; delete the warehouse and build it again from the raw "
        "snapshots",
        "unexplained",
        most=0,
        blocking=False,
    ),
)
MOVE_CHECKS = (
    Check(
        "share_moves_usual",
        "On the new days, shares of the largest countries and organizations and the coverage "
        "lie in their learned ranges; moves of less than a point never count.",
        "look at the models behind the move before you quote it",
        "share",
        learned=True,
        blocking=False,
    ),
)
CHECKS: tuple[Check, ...] = (
    *TABLE_CHECKS,
    *SLICE_CHECKS,
    *DAY_CHECKS,
    *COMPLETENESS_CHECKS,
    *MART_CHECKS,
    *KEY_CHECKS,
    *GENERATION_CHECKS,
    *HISTORY_CHECKS,
    *REVISION_CHECKS,
    *MOVE_CHECKS,
)
