"""Bounds that are learned from the days before.

What belongs here: how wide the usual range of a daily figure is. Which figures are asked, and
whether their answer blocks or warns, belongs to the gates.

A figure is unusual where it lies beyond the range in which the trailing days lie (median and
MAD, both indifferent to a few wild days) AND has moved since the last day that passed: a step
is told once, a return to normal never. A least size keeps out what is significant but does
not matter: on one recorded panel a naive z > 3.5 over 50 owners fired on 46 of 46 days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

TRAILING_DAYS = 28
LEAST_DAYS = 7
# One false alarm in 100 days, over all the questions of a day together.
FALSE_ALARMS_PER_DAY = 0.01
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Rule:
    """How one figure is looked at.

    `least` is the smallest move that matters, `floor` the least spread that is believed; both
    in log units where the figure is a size (`logarithmic`), else in its own units.
    """

    least: float
    floor: float
    logarithmic: bool = True


@dataclass(frozen=True)
class Bounds:
    """The usual range of a figure, inclusive, in its own units."""

    least: float
    most: float


def learned(
    history: Sequence[float | None], reference: float | None, rule: Rule, *, questions: int
) -> Bounds | None:
    """The usual range after `history` (oldest first) and the last good value `reference`.

    None with fewer than `LEAST_DAYS` of history, as a range cannot be told from so few.
    `questions` is how many are asked of the day: the range widens so that together they
    raise a false alarm on `FALSE_ALARMS_PER_DAY` of the days (Bonferroni).
    """
    scale = math.log1p if rule.logarithmic else float
    back = math.expm1 if rule.logarithmic else float
    known = [scale(value) for value in history[-TRAILING_DAYS:] if value is not None]
    if len(known) < LEAST_DAYS:
        return None
    centre = median(known)
    spread = max(MAD_TO_SIGMA * median(abs(value - centre) for value in known), rule.floor)
    sigmas = NormalDist().inv_cdf(1 - FALSE_ALARMS_PER_DAY / (2 * questions))
    width = max(sigmas * spread, rule.least)
    last = centre if reference is None else scale(reference)
    least, most = min(centre - width, last - rule.least), max(centre + width, last + rule.least)
    return Bounds(back(least), back(most))
