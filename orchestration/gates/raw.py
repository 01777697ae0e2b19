"""Gate 1: what a sealed raw snapshot must be like before anything is built from it.

What belongs here: how days are judged, together and in the right order. The questions are in
`raw_checks.py`, the figures come from `raw_metrics.py` and `raw_figures.py`, and the verdicts
lie where `verdicts.py` puts them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import islice

from orchestration.errors import Refusal
from orchestration.gates import raw_checks, raw_metrics
from orchestration.gates.bounds import TRAILING_DAYS
from orchestration.gates.outcome import Check, CheckOutcome, Status, bounds_in_words
from orchestration.gates.raw_figures import Figures, figures
from orchestration.gates.raw_metrics import Day, Metrics
from orchestration.gates.validation import Answer, validate
from orchestration.gates.verdicts import Verdict, acceptances, keep, keep_acceptance, kept
from orchestration.home import Home
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed

CHECKS: tuple[Check, ...] = raw_checks.CHECKS
ACCEPTABLE = tuple(check.name for check in CHECKS if check.acceptable)

# A refused day is no reference. After a week of refusals the new state is taken as the state.
PATIENCE_DAYS = 7


def judge(home: Home, dates: Sequence[date]) -> list[CheckOutcome]:
    """Judge the sealed `dates` anew, in one pass, and write their `gate.json`.

    Every check gives one outcome a date, in the order of `dates` and `CHECKS`. Earlier sealed
    days that have no verdict yet are judged along, as the bounds are learned from them. A
    Refusal where a date is not sealed.
    """
    judged = _judge(home, dates, anew=True)
    return [outcome for day in sorted(set(dates)) for outcome in judged[day].outcomes]


def verdict(home: Home, snapshot_date: date) -> Verdict:
    """The verdict on a sealed day: the stored one where it fits the content, else a new one."""
    return verdicts(home, [snapshot_date])[snapshot_date]


def verdicts(home: Home, dates: Iterable[date]) -> dict[date, Verdict]:
    """The verdict on each of `dates`; those without a fitting one are judged in one pass.

    A stored one no longer fits where the day would be compared with another today: one that
    was sealed, corrected, or judged otherwise since.
    """
    return _judge(home, dates, anew=False)


def accept(home: Home, snapshot_date: date, check: str, reason: str) -> Verdict:
    """Let a day pass although `check` fails, because an operator looked and knows why.

    It holds for this content of the day only; the outcome stays to be seen, as a warning with
    the `reason`. Gives the new verdict. A Refusal where the check does not fail, is no matter
    of judgement, or without a reason.
    """
    if check not in ACCEPTABLE:
        raise Refusal(
            f"{check} is no check that can be accepted: "
            + ("it tells facts" if check in {one.name for one in CHECKS} else "there is none"),
            cure=f"repair what it tells; these can be accepted: {', '.join(ACCEPTABLE)}",
        )
    with home.lock(f"accepting {check} of {snapshot_date}"):
        failing = {
            one.name for one in verdict(home, snapshot_date).outcomes if one.status == "failed"
        }
        if check not in failing or not reason.strip():
            raise Refusal(
                "an acceptance needs a reason"
                if check in failing
                else f"there is nothing to accept: {check} does not fail on {snapshot_date}",
                file=store.folder_of(home, snapshot_date),
                cure=f"give a reason, and one of the checks that fail: {', '.join(sorted(failing))}"
                if failing
                else "nothing: the day passed",
            )
        sealed = store.find(home, snapshot_date)
        assert sealed is not None
        keep_acceptance(home, sealed, check, reason.strip())
        return _judge(home, [snapshot_date], anew=True)[snapshot_date]


def _judge(home: Home, dates: Iterable[date], *, anew: bool) -> dict[date, Verdict]:
    asked = set(dates)
    days = {sealed.snapshot_date: sealed for sealed in store.list_sealed(home)}
    for day in sorted(asked - days.keys()):
        raise Refusal(
            f"there is no sealed snapshot of {day}",
            file=store.folder_of(home, day),
            cure="fetch or import the day first",
        )
    known = {
        day: given
        for day, sealed in days.items()
        if not (anew and day in asked) and (given := kept(home, sealed)) is not None
    }
    judgement = _Judgement(home, days, known)
    judgement.run(max(asked, default=date.min))
    found = {day: judgement.verdict(days[day]) for day in judgement.outcomes}
    for given in found.values():
        keep(home, given)
    return {day: given for day, given in (known | found).items() if day in asked}


class _Judgement:
    """One pass of judging: metrics, references and answers of the days asked."""

    def __init__(self, home: Home, days: dict[date, Sealed], known: dict[date, Verdict]) -> None:
        self.home = home
        self.days = days
        self.dates = list(days)
        self.passed = {day: given.passed for day, given in known.items()}
        self.metrics: dict[date, Metrics] = {day: given.metrics for day, given in known.items()}
        self.outcomes: dict[date, list[CheckOutcome]] = {}

    def run(self, last: date) -> None:
        """Judge the days up to `last` without a verdict; again what was compared with another.

        A day's verdict rests on earlier days only, so each round settles at least one more.
        """
        measurable: list[Sealed] = []
        asked = [
            sealed for day, sealed in self.days.items() if day <= last and day not in self.passed
        ]
        while asked := asked or self._outdated(last):
            faults = raw_metrics.file_faults(self.home, asked)
            for day, (check, why) in faults.items():
                self.passed[day] = False
                self.outcomes[day] = _fault_outcomes(day, check, why)
            new = [sealed for sealed in asked if sealed.snapshot_date not in faults]
            for sealed in new:
                self.passed[sealed.snapshot_date] = True
            measurable += new
            todo = [Day(sealed, self._reference(sealed)) for sealed in new]
            while todo:
                self._round(todo)
                todo = [
                    day
                    for day in (Day(sealed, self._reference(sealed)) for sealed in measurable)
                    if self.metrics.get(day.date, {}).get("reference") != day.reference_name
                ]
            asked = []

    def _outdated(self, last: date) -> list[Sealed]:
        """The days up to `last` whose stored verdict was compared with another day, or content."""
        found = []
        for day, sealed in self.days.items():
            metrics = self.metrics.get(day, {})
            if day > last or day in self.outcomes or "reference" not in metrics:
                continue
            now = Day(sealed, self._reference(sealed))
            content = metrics.get("reference_content", now.reference_content)
            if (metrics["reference"], content) != (now.reference_name, now.reference_content):
                found.append(sealed)
        return found

    def _round(self, todo: Sequence[Day]) -> None:
        owners = {m["largest_owner"] for m in self.metrics.values() if m.get("largest_owner")}
        try:
            self.metrics |= raw_metrics.measure(self.home, todo, owners)
        except Exception as error:
            why = f"the metrics could not be measured: {type(error).__name__}: {error}"
            for day in todo:
                self.metrics[day.date] = day.compared_with
                self.passed[day.date] = False
                self.outcomes[day.date] = [check.crashed(why, day.date) for check in CHECKS]
            return
        found = [self._figures(day) for day in todo]
        answers = _answers(found)
        for position, day in enumerate(todo):
            outcomes = [
                self._outcome(check, day, found[position], answers[check.name], position)
                for check in CHECKS
            ]
            self.outcomes[day.date] = outcomes
            self.passed[day.date] = not any(outcome.blocks for outcome in outcomes)

    def _reference(self, sealed: Sealed) -> Sealed | None:
        """The last day before that passed, or after a week of refusals simply the last one."""
        before = self.dates[: bisect_left(self.dates, sealed.snapshot_date)]
        judged = (day for day in reversed(before) if day in self.passed)
        recent = list(islice(judged, PATIENCE_DAYS))
        usable = [day for day in recent if self.passed[day]] or recent
        return self.days[usable[0]] if usable else None

    def _figures(self, day: Day) -> Figures:
        earlier = [other for other in self.days if other < day.date]
        return figures(
            day,
            self.metrics[day.date],
            self.metrics.get(day.reference.snapshot_date, {}) if day.reference else {},
            [self.metrics[other] for other in earlier if other in self.metrics][-TRAILING_DAYS:],
            sum(self.days[one].content_sha256 == day.sealed.content_sha256 for one in earlier),
        )

    def _outcome(
        self, check: Check, day: Day, found: Figures, answer: Answer, position: int
    ) -> CheckOutcome:
        if answer.crash is not None:
            return check.crashed(answer.crash, day.date)
        observed = found[check.metric]
        threshold = check.threshold
        if check.learned:
            least, most = found[f"{check.name}__least"], found[f"{check.name}__most"]
            known = least is not None or most is not None
            threshold = bounds_in_words(least, most) if known else "nothing to compare with yet"
        if observed is None:
            threshold += " (not recorded, or nothing to compare with)"
        if position not in answer.failing:
            return check.outcome("passed", observed, day.date, threshold=threshold)
        status: Status = "failed" if check.blocking else "warned"
        sample = found.get(f"{check.name}__sample") or raw_metrics.sample(
            self.home, day, check.metric
        )
        outcome = check.outcome(status, observed, day.date, threshold=threshold, sample=sample)
        reason = acceptances(self.home, day.sealed).get(check.name)
        return outcome.accepted(reason) if reason else outcome

    def verdict(self, sealed: Sealed) -> Verdict:
        day = sealed.snapshot_date
        return Verdict(
            snapshot_date=day,
            content_sha256=sealed.content_sha256,
            suite_version=raw_checks.SUITE_VERSION,
            metrics_version=raw_metrics.METRICS_VERSION,
            judged_at=datetime.now(UTC).isoformat(timespec="seconds"),
            passed=self.passed[day],
            rows_quarantined=sealed.rows_quarantined,
            outcomes=self.outcomes[day],
            metrics=self.metrics.get(day, {}),
        )


def _answers(found: Sequence[Figures]) -> dict[str, Answer]:
    import pandas

    columns = sorted({check.metric for check in CHECKS} | set(raw_checks.BOUNDS))
    frame = pandas.DataFrame({name: [one[name] for one in found] for name in columns})
    return validate(frame.astype("float64"), CHECKS)


def _fault_outcomes(day: date, faulty: str, why: str) -> list[CheckOutcome]:
    """The file itself is wrong: one check fails, those after it could not be asked."""
    outcomes = []
    for check in CHECKS:
        if check.name == faulty:
            outcomes.append(check.outcome("failed", why, day, threshold="as its manifest says"))
        elif faulty == "columns_as_declared" and check.name == "file_as_sealed":
            outcomes.append(check.outcome("passed", 1, day))
        else:
            outcomes.append(check.crashed(f"not asked, since {why}", day))
    return outcomes
