"""Flows by the rules of the field, a second time: plain Python, a model and a day at a time.

What belongs here: what the counters of a history mean, computed the long way round. It shares
neither code nor method with the dbt models; nothing here asserts.
"""

from __future__ import annotations

import bisect
import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

WINDOWS = {"1d": 1, "7d": 7, "28d": 28, "365d": 365}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """A model in one snapshot: its cumulative counter, its rolling one, its creation."""

    counter: int | None
    rolling: int | None = None
    created: date | None = None


History = Mapping[date, Mapping[str, Seen]]


@dataclass
class Life:
    """The observed levels of a model, oldest first; before them nothing, or nobody knows."""

    days: list[date]
    levels: list[int]
    maximum: int
    epoch: int

    def tells_of(self, begin: date, end: date, until: date) -> bool:
        """Whether any part of the time lies between its sights, when `until` has been seen."""
        known = self.days[: bisect.bisect_right(self.days, until)]
        return bool(known) and max(begin, known[0]) < min(end, known[-1])

    def at(self, day: date, until: date) -> Fraction | int | None:
        """The level on `day`, as it is known when `until` has been seen."""
        known = bisect.bisect_right(self.days, until)
        if known == 0:
            return None
        later = bisect.bisect_left(self.days, day, 0, known)
        if later < known and self.days[later] == day:
            return self.levels[later]
        if later in (0, known):
            return self.levels[min(later, known - 1)]
        before = self.days[later - 1]
        part = Fraction((day - before).days, (self.days[later] - before).days)
        return self.levels[later - 1] + (self.levels[later] - self.levels[later - 1]) * part


@dataclass
class Flows:
    """Statuses of days, and downloads of models in windows."""

    history: History
    statuses: dict[date, str] = field(default_factory=dict)
    lives: dict[str, dict[str, Life]] = field(default_factory=dict)
    usable: dict[str, list[date]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.statuses = statuses(self.history)
        counted = [day for day, status in self.statuses.items() if status != "uncounted"]
        good = [day for day in counted if self.statuses[day] in ("ok", "corrected")]
        self.usable = {"corrected": good, "uncorrected": counted}
        corrections = {day for day in good if self.statuses[day] == "corrected"}
        self.lives = {
            "corrected": lives(self.history, good, corrections),
            "uncorrected": lives(self.history, counted, None),
        }

    def until(self, series: str, day: date) -> date | None:
        """The snapshot with which the figures of `day` are known."""
        return next((usable for usable in self.usable[series] if usable >= day), None)

    def is_known(self, series: str, day: date, window: str) -> bool:
        start = day - WINDOWS[window] * DAY
        return (
            self.statuses[day] != "uncounted"
            and self.until(series, day) is not None
            and any(usable <= start for usable in self.usable[series])
        )

    def downloads(self, series: str, day: date, window: str) -> dict[str, Fraction | int]:
        """Downloads of every model that was seen in a part of the window, gone ones too.

        Asks only what is known.
        """
        until = self.until(series, day)
        assert until is not None
        begin = day - WINDOWS[window] * DAY
        found = {}
        for model, life in self.lives[series].items():
            if not life.tells_of(begin, day, until):
                continue
            end, start = life.at(day, until), life.at(begin, until)
            assert end is not None and start is not None
            found[model] = end - start
        return found


def statuses(history: History) -> dict[date, str]:
    """ok, stalled, held, corrected or uncounted, for each snapshot of the history."""
    counters = {
        day: {m: seen.counter for m, seen in history[day].items() if seen.counter is not None}
        for day in sorted(history)
    }
    # A snapshot without counters says nothing: the others are each other's neighbours.
    days = [day for day in counters if counters[day]]
    rises: dict[date, tuple[float, int]] = {}
    usual: dict[date, float] = {}
    falls: set[date] = set()
    frozen: set[date] = set()
    for before, day in itertools.pairwise(days):
        changes = {
            model: counters[day][model] - counters[before][model]
            for model in counters[day].keys() & counters[before].keys()
        }
        earlier = [rise for on, (rise, _) in rises.items() if day - 15 * DAY <= on < day]
        if len(earlier) >= 3:
            usual[day] = statistics.median(earlier)
        if not changes:
            continue
        days_between = (day - before).days
        rise = sum(change for change in changes.values() if change > 0)
        rises[day] = rise / days_between, days_between
        if sum(change < 0 for change in changes.values()) > 0.05 * len(changes):
            falls.add(day)
        large = [m for m in changes if (history[day][m].rolling or 0) > 60_000]
        still = sum(changes[model] == 0 for model in large)
        if still >= 2 and still >= 0.25 * len(large):
            frozen.add(day)

    def ratio(day: date) -> float:
        if day not in rises or not usual.get(day):
            return 1.0
        return rises[day][0] / usual[day]

    def surplus(day: date) -> float:
        if day not in rises or day not in usual:
            return 0.0
        return (rises[day][0] - usual[day]) * rises[day][1]

    dead = {day for day in days if ratio(day) < 0.3} | frozen
    stalled = set(dead)
    for day, after in itertools.pairwise(days):
        if ratio(day) < 0.7 and surplus(after) >= -0.5 * surplus(day):
            stalled.add(day)
        if (
            ratio(day) >= 1.3
            and ratio(after) < 0.7
            and after not in dead
            and surplus(day) >= -0.5 * surplus(after)
        ):
            stalled.add(day)

    found = {day: "uncounted" for day in history if not counters[day]}
    good: date | None = None  # the snapshot before the fall that is being held
    start = held = 0

    def missing(day: date) -> int:
        assert good is not None
        return sum(
            max(counter - counters[day].get(model, counter), 0)
            for model, counter in counters[good].items()
        )

    for number, day in enumerate(days):
        if good is not None and missing(day) > 0.1 * start:
            if held < 8:
                found[day], held = "held", held + 1
            else:
                found[day], good, held = "corrected", None, 0
        elif good is not None:
            found[day], good, held = "ok", None, 0
        elif day in falls:
            good = days[number - 1]
            start, held = missing(day), 1
            found[day] = "held"
        elif day in stalled and held < 8:
            found[day], held = "stalled", held + 1
        else:
            found[day], held = "ok", 0
    return found


def lives(history: History, days: Sequence[date], corrections: set[date] | None) -> dict[str, Life]:
    """Each model's levels on `days`; the counters themselves where `corrections` is None."""
    found: dict[str, Life] = {}
    epoch = 0
    before: date | None = None
    for day in days:
        epoch += corrections is not None and day in corrections
        for model, seen in history[day].items():
            counter = seen.counter
            if counter is None:
                continue
            life = found.get(model)
            if life is None:
                life = found[model] = Life([], [], counter, epoch)
                if before is not None and seen.created is not None and seen.created >= before:
                    life.days.append(before)
                    life.levels.append(0)
                level = counter
            elif corrections is None:
                level = counter
            else:
                level = life.levels[-1] + max(counter - life.maximum, 0)
                life.maximum = counter if life.epoch < epoch else max(counter, life.maximum)
                life.epoch = epoch
            life.days.append(day)
            life.levels.append(level)
        before = day
    return found
