"""The counters of generated models: what the Hub shows, and what truly happened.

What belongs here: downloads, likes and trending as functions of (model, day). The cumulative
count is a closed form that never falls, so any day costs the same, the rolling count is an
exact difference of two of them, and flows need no history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from local_hub.world.chance import chance
from local_hub.world.disturbances import Disturbances, day_number
from local_hub.world.population import Floats, Ints, Models, Owners

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counters:
    """The counters of all models of a world; rows are places in `models`."""

    models: Models
    owners: Owners
    last_day: date
    seed: int
    disturbances: Disturbances

    def downloaded(self, rows: Ints, day: Ints | int) -> Counts:
        """True downloads of each row from its listing to the end of `day` (since 1970)."""
        at = np.broadcast_to(np.asarray(day, dtype=np.int64), len(rows))
        listed = self.models.listed[rows]
        days = (at - listed + 1).astype(np.float64)
        # A week's rhythm and daily luck, both too small to ever make the sum fall.
        weekly = 0.35 * np.sin(2 * np.pi / 7 * (at % 7))
        luck = 0.6 * chance(
            rows.astype(np.uint64) + at.astype(np.uint64) * np.uint64(10**9), self.seed, 1
        )
        lived = np.maximum(days + weekly + luck, 0.0)
        rate = self.models.rate[rows].astype(np.float64)
        growth = self.owners.growth[self.models.owner[rows]]
        age = np.maximum(day_number(self.last_day) - listed + 1, 1).astype(np.float64)
        steady = lived**growth * age ** (1 - growth) / growth
        launch = self.models.burst[rows] * -np.expm1(-lived / 8)
        total: Counts = np.where(days > 0, np.floor(rate * (steady + launch)), 0).astype(np.int64)
        return total

    def flow(self, rows: Ints, on: date) -> Counts:
        """True downloads of each row on one day."""
        day = day_number(on)
        return self.downloaded(rows, day) - self.downloaded(rows, day - 1)

    def shown(self, rows: Ints, on: date) -> tuple[Counts, Counts]:
        """What the Hub shows on `on`: all-time downloads and those of 30 days."""
        seen = self.disturbances.as_seen_on(on, rows, self.seed)
        all_time: Counts = self.downloaded(rows, seen)
        rolling = all_time - self.downloaded(rows, seen - 30)
        for fall, struck in self.disturbances.falls_on(on, rows, self.seed):
            level = self.downloaded(rows[struck], day_number(fall.on) - 1)
            all_time[struck] -= np.floor(level * fall.depth).astype(np.int64)
        return np.maximum(all_time, 0), rolling

    def likes(self, rows: Ints, on: date) -> Counts:
        """Likes; now and then one is taken back."""
        day = day_number(on)
        loved = np.floor(0.3 * self.downloaded(rows, day) ** 0.45 * chance(rows, self.seed, 2))
        regret = chance(rows.astype(np.int64) + 7_919 * day, self.seed, 3) < 0.01
        left: Counts = np.maximum(loved - regret, 0).astype(np.int64)
        return left

    def trending(self, rows: Ints, on: date) -> Counts:
        """Trending score: what is young and downloaded."""
        age = np.maximum(day_number(on) - self.models.listed[rows], 0)
        score: Floats = self.models.rate[rows] ** 0.5 * np.exp(-age / 12)
        floor: Counts = np.floor(score).astype(np.int64)
        return floor
