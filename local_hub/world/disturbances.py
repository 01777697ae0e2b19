"""What goes wrong with the Hub's counters in a generated world, declared.

What belongs here: the declarations and which models each one strikes. What the counters are
without them belongs to `counters`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from local_hub.world.chance import Integers, chance


@dataclass(frozen=True)
class Stall:
    """Counters of a `share` of the models stand still for `days`, then catch up at once."""

    on: date
    days: int = 1
    share: float = 1.0


@dataclass(frozen=True)
class Rollback:
    """Counters of a `share` of the models fall by `depth` of their level for `days`.

    With `days=None` they never come back: a recount.
    """

    on: date
    days: int | None
    share: float
    depth: float


@dataclass(frozen=True)
class Disturbances:
    """All that goes wrong in one world. `missing` days exist in truth, but nobody saw them."""

    stalls: tuple[Stall, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()
    missing: tuple[date, ...] = ()

    def as_seen_on(self, on: date, models: Integers, seed: int) -> npt.NDArray[np.int64]:
        """The day (since 1970) whose counters the Hub shows for each of `models` on `on`."""
        shown = np.full(len(models), day_number(on), dtype=np.int64)
        for number, stall in enumerate(self.stalls):
            if stall.on <= on < stall.on + timedelta(days=stall.days):
                struck = chance(models, seed, 100 + number) < stall.share
                shown[struck] = np.minimum(shown[struck], day_number(stall.on) - 1)
        return shown

    def falls_on(
        self, on: date, models: Integers, seed: int
    ) -> list[tuple[Rollback, npt.NDArray[np.bool_]]]:
        """The rollbacks in force on `on`, each with which of `models` it strikes."""
        return [
            (rollback, chance(models, seed, 200 + number) < rollback.share)
            for number, rollback in enumerate(self.rollbacks)
            if rollback.on <= on
            and (rollback.days is None or on < rollback.on + timedelta(days=rollback.days))
        ]

    def declared(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "stalls": [{**asdict(stall), "on": str(stall.on)} for stall in self.stalls],
            "rollbacks": [{**asdict(back), "on": str(back.on)} for back in self.rollbacks],
            "missing": [str(day) for day in self.missing],
        }


def day_number(on: date) -> int:
    """Days since 1970-01-01."""
    return on.toordinal() - 719_163
