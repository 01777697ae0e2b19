"""Changes while a Hub is being read: counters move, models come, go and are renamed.

What belongs here: one day of any content with changes laid over it. What triggers a change
belongs to `faults`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from local_hub.content import Day, Record, Rows, Sort, hub_time

NEWCOMER = "newcomer-labs"
_COUNTERS = ("downloads", "downloadsAllTime", "likes", "trendingScore")


@dataclass(frozen=True)
class Change:
    """How much changes at once: a share of all counters, and numbers of models."""

    counters: float = 0.0
    create: int = 0
    delete: int = 0
    rename: int = 0


@dataclass
class Changed:
    """Everything that changed on a day so far, by ids (those of before a renaming)."""

    created: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


class ChangingDay(Day):
    """A day with changes. Rows of the day below keep their numbers; newcomers follow them."""

    def __init__(self, below: Day, *, seed: int = 0) -> None:
        super().__init__()
        self.changed = Changed()
        self._below = below
        self._random = np.random.default_rng(seed)
        self._alive = np.ones(len(below), dtype=bool)
        self._added = np.zeros(len(below), dtype=np.int64)
        self._names: dict[int, str] = {}
        self._born: list[Record] = []

    def change(self, change: Change, now: datetime) -> None:
        """Let `change` happen at `now`. Which models it strikes depends on the seed alone."""
        if change.counters:
            struck = self._random.random(len(self._below)) < change.counters
            self._added[struck] += self._random.integers(1, 1000, int(struck.sum()))
        for row in self._some(change.delete):
            self.changed.deleted.append(self._name(row))
            self._alive[row] = False
        for row in self._some(change.rename):
            before = self._name(row)
            self._names[row] = f"{before}-renamed"
            self.changed.renamed[before] = self._names[row]
        for _ in range(change.create):
            self._born.append(self._newcomer(len(self._born), now))
            self.changed.created.append(self._born[-1]["id"])
        self._keys.clear()
        self._orders.clear()

    def __len__(self) -> int:
        return len(self._below) + len(self._born)

    def keys_by(self, sort: Sort) -> npt.NDArray[Any]:
        keys = self._below.sort_keys(sort)
        if sort in _COUNTERS:
            keys = keys + self._added
        of_born: list[Any] = [0] * len(self._born)
        if sort in ("createdAt", "lastModified"):
            times = (record["createdAt"] for record in self._born)
            of_born = [round(datetime.fromisoformat(time).timestamp() * 1000) for time in times]
        return np.concatenate([keys, np.array(of_born, dtype=keys.dtype)])

    def newest_first(self, sort: Sort) -> Rows:
        order = super().newest_first(sort)
        alive = np.concatenate([self._alive, np.ones(len(self._born), dtype=bool)])
        there: Rows = order[alive[order]]
        return there

    def tie(self, row: int) -> str:
        below = len(self._below)
        return self._below.tie(row) if row < below else str(self._born[row - below]["_id"])

    def tie_ranks(self) -> Rows:
        below = self._below.tie_ranks()
        return np.concatenate([below, len(below) + np.arange(len(self._born))])

    def records(self, rows: Rows) -> list[Record]:
        below = len(self._below)
        old = iter(self._below.records(rows[rows < below]))
        return [
            self._touched(next(old), int(row)) if row < below else self._born[int(row) - below]
            for row in rows
        ]

    def find(self, model_id: str) -> int | None:
        for row, name in self._names.items():
            if name == model_id:
                return row
        for place, record in enumerate(self._born):
            if record["id"] == model_id:
                return len(self._below) + place
        found = self._below.find(model_id)
        return None if found is None or found in self._names or not self._alive[found] else found

    def matching(
        self, *, author: str | None, search: str | None, filters: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        below = self._below.matching(author=author, search=search, filters=filters)
        named = author in (None, NEWCOMER) and (search or "").lower() in NEWCOMER
        return np.concatenate([below, np.full(len(self._born), named and not filters)])

    def author_type(self, author: str) -> Literal["org", "user"] | None:
        return "org" if author == NEWCOMER else self._below.author_type(author)

    def moved_to(self, model_id: str) -> str | None:
        return self.changed.renamed.get(model_id) or self._below.moved_to(model_id)

    def _some(self, count: int) -> list[int]:
        choices = np.flatnonzero(self._alive)
        chosen = self._random.choice(choices, min(count, len(choices)), replace=False)
        return [int(row) for row in chosen if int(row) not in self._names]

    def _name(self, row: int) -> str:
        return self._names.get(row) or str(self._below.records(np.array([row]))[0]["id"])

    def _touched(self, record: Record, row: int) -> Record:
        added = int(self._added[row])
        counted = {name: record[name] + added for name in _COUNTERS if added and name in record}
        renamed = {"id": self._names[row]} if row in self._names else {}
        return {**record, **counted, **renamed}

    def _newcomer(self, number: int, now: datetime) -> Record:
        return {
            "_id": f"{int(now.timestamp()):08x}{number:016x}",
            "id": f"{NEWCOMER}/Newborn-1.{number}-7B",
            "author": NEWCOMER,
            "createdAt": hub_time(now.replace(microsecond=0)),
            "lastModified": hub_time(now.replace(microsecond=0)),
            "downloads": 0,
            "downloadsAllTime": 0,
            "likes": 0,
            "trendingScore": 0,
            "gated": False,
            "private": False,
            "disabled": False,
            "tags": ["region:us"],
        }
