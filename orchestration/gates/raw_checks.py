"""The questions of gate 1, and the bounds of their answers.

What belongs here: declarations. How the figures are measured is `raw_metrics.py`'s, how they
are compared `raw_figures.py`'s.
"""

from __future__ import annotations

import math

from orchestration.gates import raw_metrics
from orchestration.gates.bounds import Rule
from orchestration.gates.outcome import Check
from orchestration.snapshots.contract import (
    COLUMN_NAMES,
    MAX_BAD_DOWNLOADS_SHARE,
    MAX_BAD_ROWS_SHARE,
)

# Raise it when a check or a bound changes: stored verdicts are then given anew.
SUITE_VERSION = 3

# A whole snapshot may lose this share of the rows (2026: the Hub gains 2.7k rows a day).
MOST_ROWS_LOST = 0.005
# So many may go from a world of any size: in a toy they are more than any share.
FEW_MODELS = 5
MOST_NULLS_GAINED = 0.05
# Below this many models a world is a toy, in which a day without a new model is nothing.
LEAST_ROWS_FOR_FRESHNESS = 10_000

_REPEAT = "fetch or import the day again; the source served it wrong"
_REPAIR = "repair the rows at the source and import the day again"
_LOOK = (
    "look at the source for that day; if the change is real, the bounds follow within two weeks, "
    "or sooner by `observatory accept`; if not, fetch or import the day again"
)


def _share(name: str, description: str, metric: str, most: float) -> Check:
    return Check(name, description, _REPAIR, metric, most=most, acceptable=True)


def _none(name: str, description: str, metric: str, cure: str = _REPAIR) -> Check:
    return Check(name, description, cure, metric, most=0, required=True)


CHECKS: tuple[Check, ...] = (
    Check(
        "file_as_sealed",
        "The Parquet file is there and bears the SHA-256 that its manifest names.",
        "restore the file from a backup, or remove the day's folder and import it again",
        "file_as_sealed",
        least=1,
        required=True,
    ),
    Check(
        "columns_as_declared",
        "The file has the columns and types of the raw contract, no more and no fewer.",
        "import the day again with this version of the program",
        "columns_as_declared",
        least=1,
        required=True,
    ),
    _none(
        "counts_as_sealed",
        "Rows and downloads are those of the manifest.",
        "counts_off",
        "remove the day's folder and import it again",
    ),
    Check("rows_exist", "There is at least one model.", _REPEAT, "rows", least=1, required=True),
    _none("ids_present", "Every model has an id.", "null_ids"),
    _none("ids_readable", "Every id is namespace/name, or an old name alone.", "unreadable_ids"),
    _none("ids_unique", "No id comes twice.", "duplicate_ids"),
    _none("keys_unique", "No key (_id) of the Hub comes twice.", "duplicate_keys"),
    _none("counts_possible", "No count is negative or beyond reason.", "impossible_counts"),
    _none("dates_possible", "No model was created after the snapshot.", "future_dates"),
    Check(
        "downloads_exist",
        "The downloads, or the cumulative downloads where only these are recorded, are not all 0.",
        _REPEAT,
        "largest_total",
        least=1,
        required=True,
    ),
    _share("zeros_possible", "Some models were downloaded.", "zero_share", 0.98),
    Check(
        "counters_in_their_columns",
        "Downloads outnumber likes, as they do on every recorded day.",
        _REPEAT,
        "likes_per_download",
        most=1,
        acceptable=True,
    ),
    _share(
        "all_time_not_below_month",
        "Cumulative downloads are not below those of 30 days (5 % are excused: recounts).",
        "exceeding_share",
        0.05,
    ),
    _share(
        "authors_match_ids", "The author is the namespace of the id.", "other_authors_share", 0.01
    ),
    _share(
        "dates_ordered",
        "A model is not changed before it is created (1 % are excused: transfers).",
        "unordered_share",
        0.01,
    ),
    Check(
        "quarantined_rows_few",
        "Few rows were set aside.",
        "release or drop the rows with `observatory quarantine`, or " + _REPAIR,
        "rows_quarantined_share",
        most=MAX_BAD_ROWS_SHARE,
        required=True,
    ),
    Check(
        "quarantined_downloads_few",
        "The rows set aside hold few of the downloads.",
        "release or drop the rows with `observatory quarantine`, or " + _REPAIR,
        "downloads_quarantined_share",
        most=MAX_BAD_DOWNLOADS_SHARE,
        required=True,
    ),
    _none(
        "not_served_again",
        "The content differs from that of every earlier day in at least one value.",
        "days_with_same_content",
        "the source served an old day: fetch or import it again when the source has moved on",
    ),
    Check(
        "models_move",
        "Whole snapshots: counters, likes and changes stand still for at most 99.9 % of the "
        "models (a stall freezes downloads, not likes).",
        "the source served an old day: fetch or import it again when the source has moved on",
        "unmoved_share",
        most=0.999,
        acceptable=True,
    ),
    Check(
        "newest_model_recent",
        "Whole snapshots: the newest model is at most a week old.",
        _REPEAT,
        "newest_age_days",
        most=7,
        acceptable=True,
    ),
    Check(
        "newest_model_moves_on",
        "Whole snapshots: the newest model is not older than the one of the day before.",
        _REPEAT,
        "newest_went_back",
        most=0,
        acceptable=True,
    ),
    Check(
        "rows_complete",
        "Whole snapshots: no fewer than 99.5 % of the rows of the last day that passed.",
        "crawl or import the day again: models are missing",
        "rows",
        learned=True,
        acceptable=True,
    ),
    Check(
        "models_lost_usual",
        "Whole snapshots: the share of models lost since the last day that passed, for each day "
        "between, lies in the range learned from the 28 days before.",
        "crawl or import the day again: models are missing",
        "lost_models_share",
        learned=True,
        acceptable=True,
    ),
    Check(
        "heavy_models_there",
        "Whole archives: models that are gone held at most 2 % of the downloads; a live crawl "
        "asks the Hub for each of them before it is sealed.",
        "import the day again: heavily used models are missing",
        "unasked_lost_share",
        most=0.02,
        acceptable=True,
    ),
    Check(
        "ids_keep_their_case",
        "Whole snapshots: at most 0.1 % of the ids changed between capitals and small letters.",
        _REPEAT,
        "recased_share",
        most=0.001,
        acceptable=True,
    ),
    Check(
        "no_impossible_jump",
        f"Whole snapshots: no model with {raw_metrics.JUMP_FROM:,} downloads has "
        f"{raw_metrics.JUMP_FACTOR} times as many a day later.",
        "look at the model's counter on the Hub; " + _REPEAT,
        "jumps",
        most=0,
        acceptable=True,
    ),
    Check(
        "recorded_as_before",
        "Whole snapshots of one kind of source: no column lost the values of more than 5 % of "
        "the rows.",
        "fetch the day again with all fields; a field may have left the Hub's answer",
        "most_nulls_gained",
        most=MOST_NULLS_GAINED,
        acceptable=True,
    ),
    Check(
        "largest_owner_there",
        "The owner with the most downloads on the last day that passed still has a model.",
        _LOOK,
        "largest_owner_there",
        least=1,
        acceptable=True,
    ),
    Check(
        "rows_usual",
        "The number of rows lies in the range learned from the 28 days before.",
        _LOOK,
        "rows",
        learned=True,
        acceptable=True,
    ),
    Check(
        "downloads_usual",
        "The sum of 30-day downloads lies in the range learned from the 28 days before.",
        _LOOK,
        "downloads",
        learned=True,
        acceptable=True,
    ),
    Check(
        "downloads_all_time_usual",
        "The sum of cumulative downloads lies in the range learned from the 28 days before.",
        _LOOK,
        "downloads_all_time",
        learned=True,
        acceptable=True,
    ),
    Check(
        "zero_share_usual",
        "The share of models without downloads lies in its learned range.",
        _LOOK,
        "zero_share",
        learned=True,
        blocking=False,
    ),
    Check(
        "null_shares_usual",
        "The share of nulls of each column lies in its learned range.",
        _LOOK,
        "unusual_null_shares",
        most=0,
        blocking=False,
    ),
)

# Learned ranges. Whole snapshots hold millions of models and move by less than 2 % a day;
# recorded panels are lists of some hundred that halve and double between ordinary days.
RULES_WHOLE = {
    "rows_usual": Rule(least=math.log(1.05), floor=0.002),
    "downloads_usual": Rule(least=math.log(1.15), floor=0.01),
    "downloads_all_time_usual": Rule(least=math.log(1.1), floor=0.005),
    "zero_share_usual": Rule(least=0.1, floor=0.01, logarithmic=False),
    "models_lost_usual": Rule(least=0.003, floor=0.0005, logarithmic=False),
}
RULES_PANEL = {
    "rows_usual": Rule(least=math.log(2), floor=0.02),
    "downloads_usual": Rule(least=math.log(2), floor=0.05),
    "downloads_all_time_usual": Rule(least=math.log(2), floor=0.05),
    "zero_share_usual": Rule(least=0.3, floor=0.05, logarithmic=False),
}
NULLS_WHOLE = Rule(least=0.02, floor=0.002, logarithmic=False)
NULLS_PANEL = Rule(least=0.2, floor=0.02, logarithmic=False)
QUESTIONS = len(RULES_WHOLE) + len(COLUMN_NAMES)
BOUNDS = [f"{c.name}__{side}" for c in CHECKS if c.learned for side in ("least", "most")]
METRIC_OF = {check.name: check.metric for check in CHECKS}
