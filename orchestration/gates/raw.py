"""Gate 1: what a sealed raw snapshot must be like before anything is built from it.

What belongs here: the questions, their bounds, and how a verdict is kept beside the snapshot.
How the figures are measured is `raw_metrics.py`'s, how bounds are learned `bounds.py`'s.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration.errors import Refusal
from orchestration.gates import bounds, raw_metrics
from orchestration.gates.bounds import Rule
from orchestration.gates.outcome import Check, CheckOutcome, bounds_in_words
from orchestration.gates.raw_metrics import Day, Metrics
from orchestration.gates.validation import Answer, validate
from orchestration.home import Home, write_text_durably
from orchestration.snapshots import store
from orchestration.snapshots.contract import (
    COLUMN_NAMES,
    MAX_BAD_DOWNLOADS_SHARE,
    MAX_BAD_ROWS_SHARE,
)
from orchestration.snapshots.store import Sealed

# Raise it when a check or a bound changes: stored verdicts are then given anew.
SUITE_VERSION = 2
GATE = "gate.json"
ACCEPTED = "accepted.json"

# A whole snapshot may lose this share of the rows (2026: the Hub gains 2.7k rows a day).
MOST_ROWS_LOST = 0.005
# So many may go from a world of any size: in a toy they are more than any share.
FEW_MODELS = 5
# A refused day is no reference. After a week of refusals the new state is taken as the state.
PATIENCE_DAYS = 7
# Below this many models a world is a toy, in which a day without a new model is nothing.
LEAST_ROWS_FOR_FRESHNESS = 10_000

_REPEAT = "fetch or import the day again; the source served it wrong"
_REPAIR = "repair the rows at the source and import the day again"
_LOOK = (
    "look at the source for that day; if the change is real, the bounds follow within two weeks; "
    "if not, fetch or import the day again"
)


def _share(name: str, description: str, metric: str, most: float) -> Check:
    return Check(name, description, _REPAIR, metric, most=most)


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
        "release or drop the rows in quarantine, or " + _REPAIR,
        "rows_quarantined_share",
        most=MAX_BAD_ROWS_SHARE,
        required=True,
    ),
    Check(
        "quarantined_downloads_few",
        "The rows set aside hold few of the downloads.",
        "release or drop the rows in quarantine, or " + _REPAIR,
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
    ),
    Check(
        "newest_model_recent",
        "Whole snapshots: the newest model is at most a week old.",
        _REPEAT,
        "newest_age_days",
        most=7,
    ),
    Check(
        "newest_model_moves_on",
        "Whole snapshots: the newest model is not older than the one of the day before.",
        _REPEAT,
        "newest_went_back",
        most=0,
    ),
    Check(
        "rows_complete",
        "Whole snapshots: no fewer than 99.5 % of the rows of the last day that passed.",
        "crawl or import the day again: models are missing",
        "rows",
        learned=True,
    ),
    Check(
        "models_lost_usual",
        "Whole snapshots: the share of models lost since the last day that passed, for each day "
        "between, lies in the range learned from the 28 days before.",
        "crawl or import the day again: models are missing",
        "lost_models_share",
        learned=True,
    ),
    Check(
        "heavy_models_there",
        "Whole archives: models that are gone held at most 2 % of the downloads; a live crawl "
        "asks the Hub for each of them before it is sealed.",
        "import the day again: heavily used models are missing",
        "unasked_lost_share",
        most=0.02,
    ),
    Check(
        "ids_keep_their_case",
        "Whole snapshots: at most 0.1 % of the ids changed between capitals and small letters.",
        _REPEAT,
        "recased_share",
        most=0.001,
    ),
    Check(
        "no_impossible_jump",
        f"Whole snapshots: no model with {raw_metrics.JUMP_FROM:,} downloads has "
        f"{raw_metrics.JUMP_FACTOR} times as many a day later.",
        "look at the model's counter on the Hub; " + _REPEAT,
        "jumps",
        most=0,
    ),
    Check(
        "recorded_as_before",
        "Whole snapshots: no column lost the values of more than 5 % of the rows.",
        "fetch the day again with all fields; a field may have left the Hub's answer",
        "most_nulls_gained",
        most=0.05,
    ),
    Check(
        "largest_owner_there",
        "The owner with the most downloads on the last day that passed still has a model.",
        _LOOK,
        "largest_owner_there",
        least=1,
    ),
    Check(
        "rows_usual",
        "The number of rows lies in the range learned from the 28 days before.",
        _LOOK,
        "rows",
        learned=True,
    ),
    Check(
        "downloads_usual",
        "The sum of 30-day downloads lies in the range learned from the 28 days before.",
        _LOOK,
        "downloads",
        learned=True,
    ),
    Check(
        "downloads_all_time_usual",
        "The sum of cumulative downloads lies in the range learned from the 28 days before.",
        _LOOK,
        "downloads_all_time",
        learned=True,
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
_RULES_WHOLE = {
    "rows_usual": Rule(least=math.log(1.05), floor=0.002),
    "downloads_usual": Rule(least=math.log(1.15), floor=0.01),
    "downloads_all_time_usual": Rule(least=math.log(1.1), floor=0.005),
    "zero_share_usual": Rule(least=0.1, floor=0.01, logarithmic=False),
    "models_lost_usual": Rule(least=0.003, floor=0.0005, logarithmic=False),
}
_RULES_PANEL = {
    "rows_usual": Rule(least=math.log(2), floor=0.02),
    "downloads_usual": Rule(least=math.log(2), floor=0.05),
    "downloads_all_time_usual": Rule(least=math.log(2), floor=0.05),
    "zero_share_usual": Rule(least=0.3, floor=0.05, logarithmic=False),
}
_NULLS_WHOLE = Rule(least=0.02, floor=0.002, logarithmic=False)
_NULLS_PANEL = Rule(least=0.2, floor=0.02, logarithmic=False)
_QUESTIONS = len(_RULES_WHOLE) + len(COLUMN_NAMES)
_BOUNDS = [f"{c.name}__{side}" for c in CHECKS if c.learned for side in ("least", "most")]
_METRIC_OF = {check.name: check.metric for check in CHECKS}


@dataclass(frozen=True)
class Verdict:
    """Gate 1's answer for one version of one day, as `gate.json` keeps it."""

    snapshot_date: date
    content_sha256: str
    suite_version: int
    metrics_version: int
    judged_at: str
    passed: bool
    rows_quarantined: int
    outcomes: list[CheckOutcome]
    metrics: Metrics = field(default_factory=dict)

    def quality_rows(self) -> list[dict[str, Any]]:
        """Rows of `raw.quality_checks`, one a check."""
        return [
            {
                "snapshot_date": self.snapshot_date,
                "check_name": outcome.name,
                "status": outcome.status,
                "observed_value": _number(outcome.observed),
                "threshold": outcome.threshold,
                "rows_quarantined": self.rows_quarantined,
            }
            for outcome in self.outcomes
        ]


def judge(home: Home, dates: Sequence[date]) -> list[CheckOutcome]:
    """Judge the sealed `dates` anew, in one pass, and write their `gate.json`.

    Every check gives one outcome a date, in the order of `dates` and `CHECKS`. Earlier sealed
    days that have no verdict yet are judged along, as the bounds are learned from them. A
    Refusal where a date is not sealed.
    """
    judged = _judge(home, dates)
    return [outcome for day in sorted(set(dates)) for outcome in judged[day].outcomes]


def verdict(home: Home, snapshot_date: date) -> Verdict:
    """The verdict on a sealed day: the stored one where it fits the content, else a new one."""
    return verdicts(home, [snapshot_date])[snapshot_date]


def verdicts(home: Home, dates: Iterable[date]) -> dict[date, Verdict]:
    """The verdict on each of `dates`; those without a fitting one are judged in one pass."""
    asked = sorted(set(dates))
    sealed = {day.snapshot_date: day for day in store.list_sealed(home)}
    found = {day: _stored(home, sealed[day]) for day in asked if day in sealed}
    missing = [day for day in asked if found.get(day) is None]
    judged = _judge(home, missing) if missing else {}
    return {day: found.get(day) or judged[day] for day in asked}


def accept(home: Home, snapshot_date: date, check: str, reason: str) -> Verdict:
    """Let a day pass although `check` fails, because an operator looked and knows why.

    It holds for this content of the day only; the outcome stays to be seen, as a warning with
    the `reason`. Gives the new verdict. A Refusal where the check is unknown or gives no reason
    to accept anything.
    """
    with home.lock(f"accepting {check} of {snapshot_date}"):
        found = {one.name: one for one in verdict(home, snapshot_date).outcomes}
        if check not in found or found[check].status != "failed" or not reason.strip():
            failing = [name for name, one in found.items() if one.status == "failed"]
            raise Refusal(
                f"there is nothing to accept: {check} does not fail on {snapshot_date}"
                if reason.strip()
                else "an acceptance needs a reason",
                file=_gate_file(home, snapshot_date),
                cure=f"give a reason, and one of the checks that fail: {', '.join(failing)}",
            )
        sealed = store.find(home, snapshot_date)
        assert sealed is not None
        accepted = _accepted(home, sealed) | {check: reason.strip()}
        record = {"content_sha256": sealed.content_sha256, "checks": accepted}
        file = store.folder_of(home, snapshot_date) / ACCEPTED
        write_text_durably(file, json.dumps(record, indent=2) + "\n")
        return _judge(home, [snapshot_date])[snapshot_date]


def _accepted(home: Home, sealed: Sealed) -> dict[str, str]:
    """The checks that an operator accepted for this content, with the reasons."""
    file = store.folder_of(home, sealed.snapshot_date) / ACCEPTED
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        fits = found["content_sha256"] == sealed.content_sha256
        return {str(k): str(v) for k, v in found["checks"].items()} if fits else {}
    except (ValueError, KeyError, AttributeError) as error:
        raise Refusal(
            f"the acceptances of a day cannot be read ({error})",
            file=file,
            cure="remove the file, and accept again what is to be accepted",
        ) from error


def _judge(home: Home, dates: Sequence[date]) -> dict[date, Verdict]:
    days = {sealed.snapshot_date: sealed for sealed in store.list_sealed(home)}
    for day in dates:
        if day not in days:
            raise Refusal(
                f"there is no sealed snapshot of {day}",
                file=store.folder_of(home, day),
                cure="fetch or import the day first",
            )
    known = {
        day: stored
        for day, sealed in days.items()
        if day not in set(dates) and (stored := _stored(home, sealed)) is not None
    }
    last = max(dates)
    asked = [sealed for day, sealed in days.items() if day not in known and day <= last]
    judgement = _Judgement(home, days, known)
    judgement.run(asked)
    found = {sealed.snapshot_date: judgement.verdict(sealed) for sealed in asked}
    for given in found.values():
        _store(home, given)
    return found


class _Judgement:
    """One pass of judging: metrics, references and answers of the days asked."""

    def __init__(self, home: Home, days: dict[date, Sealed], known: dict[date, Verdict]) -> None:
        self.home = home
        self.days = days
        self.passed = {day: stored.passed for day, stored in known.items()}
        self.metrics: dict[date, Metrics] = {day: stored.metrics for day, stored in known.items()}
        self.outcomes: dict[date, list[CheckOutcome]] = {}

    def run(self, asked: Sequence[Sealed]) -> None:
        """Judge `asked`, oldest first; again what was compared with a day since refused.

        A day's verdict rests on earlier days only, so each round settles at least one more.
        """
        faults = raw_metrics.file_faults(self.home, asked)
        for day, (check, why) in faults.items():
            self.passed[day] = False
            self.outcomes[day] = _fault_outcomes(day, check, why)
        measurable = [sealed for sealed in asked if sealed.snapshot_date not in faults]
        for sealed in measurable:
            self.passed[sealed.snapshot_date] = True
        todo = [Day(sealed, self._reference(sealed)) for sealed in measurable]
        while todo:
            self._round(todo)
            todo = [
                day
                for day in (Day(sealed, self._reference(sealed)) for sealed in measurable)
                if self.metrics.get(day.date, {}).get("reference") != _iso(day.reference)
            ]

    def _round(self, todo: Sequence[Day]) -> None:
        owners = {m["largest_owner"] for m in self.metrics.values() if m.get("largest_owner")}
        try:
            measured = raw_metrics.measure(self.home, todo, owners)
        except Exception as error:
            why = f"the metrics could not be measured: {type(error).__name__}: {error}"
            for day in todo:
                self.metrics[day.date] = {"reference": _iso(day.reference)}
                self.passed[day.date] = False
                self.outcomes[day.date] = [_crashed(check, day.date, why) for check in CHECKS]
            return
        self.metrics.update(measured)
        records = [self._record(day) for day in todo]
        answers = _validated(records)
        for position, (day, record) in enumerate(zip(todo, records, strict=True)):
            outcomes = [
                self._outcome(check, day, record, answers[check.name], position) for check in CHECKS
            ]
            self.outcomes[day.date] = outcomes
            self.passed[day.date] = not any(outcome.blocks for outcome in outcomes)

    def _reference(self, sealed: Sealed) -> Sealed | None:
        """The last day before that passed, or after a week of refusals simply the last one."""
        before = [day for day in self.days if day < sealed.snapshot_date and day in self.passed]
        recent = before[-PATIENCE_DAYS:]
        usable = [day for day in recent if self.passed[day]] or recent
        return self.days[usable[-1]] if usable else None

    def _record(self, day: Day) -> dict[str, Any]:
        """The row of the frame: measured, taken from the manifest, and compared."""
        sealed, metrics = day.sealed, self.metrics[day.date]
        rows = metrics["rows"]
        record: dict[str, Any] = {
            name: value
            for name, value in metrics.items()
            if value is None or isinstance(value, int | float)
        }
        record |= {
            "file_as_sealed": 1,
            "columns_as_declared": 1,
            "counts_off": abs(rows - sealed.rows)
            + abs(int(metrics["downloads"] or 0) - sealed.downloads),
            "largest_total": max(metrics["downloads"] or 0, metrics["downloads_all_time"] or 0),
            "likes_per_download": _ratio(metrics["likes"], metrics["downloads"]),
            "exceeding_share": _ratio(metrics["exceeding_counts"], rows),
            "other_authors_share": _ratio(metrics["other_authors"], rows),
            "unordered_share": _ratio(metrics["unordered_dates"], rows),
            "rows_quarantined_share": _ratio(
                sealed.rows_quarantined, rows + sealed.rows_quarantined
            ),
            "downloads_quarantined_share": _ratio(
                sealed.downloads_quarantined,
                (metrics["downloads"] or 0) + sealed.downloads_quarantined,
            )
            or 0,
            "days_with_same_content": sum(
                other.content_sha256 == sealed.content_sha256
                for earlier, other in self.days.items()
                if earlier < day.date
            ),
            "unasked_lost_share": None
            if sealed.source.get("kind") == "live"
            else metrics["lost_downloads_share"],
            "recased_share": _ratio(metrics["recased_ids"], metrics["reference_models"]),
            "unmoved_share": _ratio(metrics["unmoved_models"], metrics["reference_models"]),
        }
        reference = self.metrics[day.reference.snapshot_date] if day.reference else {}
        record |= self._learned(day, metrics, reference)
        return record | _against(day, metrics, reference)

    def _learned(self, day: Day, metrics: Metrics, reference: Metrics) -> dict[str, Any]:
        before = [self.metrics[other] for other in sorted(self.metrics) if other < day.date]
        before = before[-bounds.TRAILING_DAYS :]
        rules = dict(_RULES_WHOLE if day.sealed.whole else _RULES_PANEL)
        if lost := rules.get("models_lost_usual"):
            least = max(lost.least, FEW_MODELS / max(metrics["rows"], 1))
            rules["models_lost_usual"] = replace(lost, least=least)

        def usual(metric: str, rule: Rule) -> bounds.Bounds | None:
            history = [earlier.get(metric) for earlier in before]
            return bounds.learned(history, reference.get(metric), rule, questions=_QUESTIONS)

        record: dict[str, Any] = dict.fromkeys(_BOUNDS)
        for name, rule in rules.items():
            range_ = usual(_METRIC_OF[name], rule)
            if range_:
                record |= {f"{name}__least": range_.least, f"{name}__most": range_.most}
        unusual = []
        for column in COLUMN_NAMES:
            metric = f"nulls_{column}"
            range_ = usual(metric, _NULLS_WHOLE if day.sealed.whole else _NULLS_PANEL)
            value = metrics[metric]
            if range_ and value is not None and not range_.least <= value <= range_.most:
                words = bounds_in_words(max(range_.least, 0), min(range_.most, 1))
                unusual.append({"column": column, "null_share": value, "usual": words})
        return record | {"unusual_null_shares": len(unusual), "null_shares": unusual}

    def _outcome(
        self, check: Check, day: Day, record: dict[str, Any], answer: Answer, position: int
    ) -> CheckOutcome:
        if answer.crash is not None:
            return _crashed(check, day.date, answer.crash)
        observed = record.get(check.metric)
        threshold = check.threshold
        if check.learned:
            least, most = record[f"{check.name}__least"], record[f"{check.name}__most"]
            known = least is not None or most is not None
            threshold = bounds_in_words(least, most) if known else "nothing to compare with yet"
        if observed is None:
            threshold += " (not recorded, or nothing to compare with)"
        if position not in answer.failing:
            return _outcome(check, day.date, "passed", observed, threshold)
        status = "failed" if check.blocking else "warned"
        if reason := _accepted(self.home, day.sealed).get(check.name):
            status, threshold = "warned", f"{threshold}; accepted: {reason}"
        sample = raw_metrics.sample(self.home, day, _SAMPLED.get(check.metric, check.metric))
        if check.name == "null_shares_usual":
            sample = record["null_shares"]
        elif check.name == "recorded_as_before":
            sample = record["nulls_gained"]
        elif check.name == "largest_owner_there":
            reference = self.metrics[day.reference.snapshot_date] if day.reference else {}
            sample = [
                {
                    "owner": reference.get("largest_owner"),
                    "share_of_downloads_before": reference.get("largest_owner_share"),
                    "before": _iso(day.reference),
                }
            ]
        return _outcome(check, day.date, status, observed, threshold, sample)

    def verdict(self, sealed: Sealed) -> Verdict:
        day = sealed.snapshot_date
        return Verdict(
            snapshot_date=day,
            content_sha256=sealed.content_sha256,
            suite_version=SUITE_VERSION,
            metrics_version=raw_metrics.METRICS_VERSION,
            judged_at=datetime.now(UTC).isoformat(timespec="seconds"),
            passed=self.passed[day],
            rows_quarantined=sealed.rows_quarantined,
            outcomes=self.outcomes[day],
            metrics=self.metrics.get(day, {}),
        )


_SAMPLED = {
    "exceeding_share": "exceeding_counts",
    "other_authors_share": "other_authors",
    "unordered_share": "unordered_dates",
    "lost_models_share": "lost_downloads_share",
    "unasked_lost_share": "lost_downloads_share",
}


def _against(day: Day, metrics: Metrics, reference: Metrics) -> dict[str, Any]:
    """What is compared with the last day that passed; None where there is nothing to compare."""
    found: dict[str, Any] = dict.fromkeys(
        ("newest_age_days", "newest_went_back", "most_nulls_gained")
    )
    found |= {"largest_owner_there": None, "nulls_gained": []}
    newest = metrics["newest_created_at"]
    if day.sealed.whole and newest and metrics["rows"] >= LEAST_ROWS_FOR_FRESHNESS:
        age = day.not_after - datetime.fromisoformat(newest)
        found["newest_age_days"] = age.total_seconds() / 86_400
        if reference.get("newest_created_at"):
            found["newest_went_back"] = int(newest < reference["newest_created_at"])
    if reference.get("largest_owner") and reference.get("downloads"):
        found["largest_owner_there"] = int(reference["largest_owner"] in metrics["owners_present"])
    if day.whole_reference and reference.get("rows"):
        before = reference["rows"]
        found["rows_complete__least"] = before - max(MOST_ROWS_LOST * before, FEW_MODELS)
        gained = {
            column: metrics[f"nulls_{column}"] - reference[f"nulls_{column}"]
            for column in COLUMN_NAMES
            if metrics[f"nulls_{column}"] is not None
        }
        found["most_nulls_gained"] = max(gained.values(), default=None)
        found["nulls_gained"] = [
            {"column": column, "null_share_gained": gain}
            for column, gain in gained.items()
            if gain > 0.05
        ]
    return found


def _validated(records: list[dict[str, Any]]) -> dict[str, Answer]:
    import pandas

    frame = pandas.DataFrame.from_records(records)
    columns = {check.metric for check in CHECKS} | set(_BOUNDS)
    return validate(frame[sorted(columns)].astype("float64"), CHECKS)


def _fault_outcomes(day: date, faulty: str, why: str) -> list[CheckOutcome]:
    """The file itself is wrong: one check fails, those after it could not be asked."""
    outcomes = []
    for check in CHECKS:
        if check.name == faulty:
            outcomes.append(_outcome(check, day, "failed", why, "as its manifest says"))
        elif faulty == "columns_as_declared" and check.name == "file_as_sealed":
            outcomes.append(_outcome(check, day, "passed", 1, check.threshold))
        else:
            outcomes.append(_crashed(check, day, f"not asked, since {why}"))
    return outcomes


def _crashed(check: Check, day: date, why: str) -> CheckOutcome:
    return _outcome(check, day, "crashed", why[:500], check.threshold)


def _outcome(
    check: Check,
    day: date,
    status: Any,
    observed: Any,
    threshold: str,
    sample: list[dict[str, Any]] | None = None,
) -> CheckOutcome:
    return CheckOutcome(
        name=check.name,
        description=check.description,
        status=status,
        snapshot_date=day,
        observed=observed,
        threshold=threshold,
        cure=check.cure,
        blocking=check.blocking,
        sample=sample or [],
    )


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _iso(sealed: Sealed | None) -> str | None:
    return sealed.snapshot_date.isoformat() if sealed else None


def _gate_file(home: Home, day: date) -> Path:
    return store.folder_of(home, day) / GATE


def _store(home: Home, given: Verdict) -> None:
    """Keep a verdict. It can be given again, so a crash may lose it: no fsync for 721 files."""
    path = _gate_file(home, given.snapshot_date)
    found = {name: value for name, value in vars(given).items() if name != "outcomes"}
    found["snapshot_date"] = given.snapshot_date.isoformat()
    found["outcomes"] = [outcome.to_dict() for outcome in given.outcomes]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(found, ensure_ascii=True) + "\n", encoding="utf-8")
    draft.replace(path)


def _stored(home: Home, sealed: Sealed) -> Verdict | None:
    """The verdict beside a snapshot, if it is of this content and suite and no check crashed."""
    try:
        text = _gate_file(home, sealed.snapshot_date).read_text(encoding="utf-8")
        found = json.loads(text)
        given = Verdict(
            **(
                found
                | {
                    "snapshot_date": date.fromisoformat(found["snapshot_date"]),
                    "outcomes": [CheckOutcome.from_dict(one) for one in found["outcomes"]],
                }
            )
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    fits = (
        given.snapshot_date == sealed.snapshot_date
        and given.content_sha256 == sealed.content_sha256
        and given.suite_version == SUITE_VERSION
        and given.metrics_version == raw_metrics.METRICS_VERSION
        and not any(outcome.status == "crashed" for outcome in given.outcomes)
    )
    return given if fits else None
