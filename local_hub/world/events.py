"""Changes of name in a generated world: models renamed or moved, organizations renamed.

What belongs here: which id a model bears on which day, where that is not the one drawn for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from local_hub.world import names
from local_hub.world.disturbances import day_number
from local_hub.world.population import DEFAULT_SECONDS, NEVER, Models, Owners, Size

EVER = date(2019, 1, 1)


@dataclass(frozen=True)
class Renamed:
    """From `on` the model of `row` is called `name`. `owner` is a number, or -1 for none."""

    row: int
    on: date
    name: str
    owner: int


@dataclass(frozen=True)
class OrganizationRenamed:
    """From `on` the organization `owner` is called `name`, with all its models."""

    owner: int
    on: date
    name: str


@dataclass(frozen=True)
class Events:
    """All changes of name of a world, by day."""

    models: tuple[Renamed, ...]
    organizations: tuple[OrganizationRenamed, ...]

    def ids_on(self, on: date) -> dict[int, Renamed]:
        """The latest renaming of each model that has one by `on`."""
        return {event.row: event for event in self.models if event.on <= on}


class OwnerNames:
    """The owners' names as an Arrow array, by day; days without a change share theirs."""

    def __init__(self, owners: Owners, events: Events) -> None:
        self._owners = owners
        self._events = events
        self._known: dict[int, pa.Array] = {}

    def on(self, day: date) -> pa.Array:
        """The names as they are on `day`, one an owner."""
        happened = [event for event in self._events.organizations if event.on <= day]
        if len(happened) not in self._known:
            current = list(self._owners.names)
            for event in happened:
                current[event.owner] = event.name
            self._known[len(happened)] = pa.array(current, pa.string())
        return self._known[len(happened)]


def happen(size: Size, owners: Owners, models: Models, drawn_name: Callable[[int], str]) -> Events:
    """The changes of name of a world; the same world gives the same ones.

    `drawn_name` tells the name that a row was born with.
    """
    random = np.random.default_rng([size.seed, 77])
    first, days = size.first_day, (size.last_day - size.first_day).days

    def some_day() -> date:
        return first + timedelta(days=int(random.integers(1, max(days, 2))))

    steady = np.flatnonzero(
        (models.listed < day_number(first)) & (models.deleted == NEVER) & (models.owner >= 0)
    )
    count = max(6, round(len(models) * days * 1e-5)) if days > 1 else 0
    renamed: list[Renamed] = []
    taken: set[tuple[int, str]] = set()
    chosen = random.choice(steady, min(2 * count, len(steady)), replace=False)
    has_name = _names_by_owner(models)
    for number, row in enumerate(int(r) for r in chosen):
        owner, name = int(models.owner[row]), drawn_name(row)
        moves = number % 4 == 3
        if moves:
            owner = int(random.integers(0, owners.organizations))
        if not moves or has_name(owner, row) or (owner, name) in taken:
            name = f"{name}-renamed-{row}"
        taken.add((owner, name))
        renamed.append(Renamed(row, some_day(), name, owner))
    renamed += _reborn(renamed, models, drawn_name)

    # Legacy models without an owner, as the Hub's oldest are.
    legacy = np.flatnonzero(np.isin(models.created, DEFAULT_SECONDS))
    for row in (int(r) for r in random.choice(legacy, min(8, len(legacy)), replace=False)):
        if row not in chosen:
            stem = names.STEMS[row % len(names.STEMS)].lower()
            renamed.append(Renamed(row, EVER, f"{stem}-base-{row}", -1))

    moved = [
        OrganizationRenamed(int(owner), some_day(), f"{owners.names[int(owner)]}-next")
        for owner in random.choice(min(40, owners.organizations), 2, replace=False)
    ]
    return Events(
        tuple(sorted(renamed, key=lambda event: (event.on, event.row))),
        tuple(sorted(moved if days > 1 else [], key=lambda event: event.on)),
    )


def _names_by_owner(models: Models) -> Callable[[int, int], bool]:
    """Whether a model of an owner was born with the name of a row."""
    by_owner = np.argsort(models.owner, kind="stable")
    owners = models.owner[by_owner]
    told = (models.stem, models.version, models.size, models.suffix, models.nickname, models.twin)

    def has_name(owner: int, row: int) -> bool:
        theirs = by_owner[slice(*np.searchsorted(owners, [owner, owner + 1]))]
        return bool(np.all([column[theirs] == column[row] for column in told], axis=0).any())

    return has_name


def _reborn(
    renamed: list[Renamed], models: Models, drawn_name: Callable[[int], str]
) -> list[Renamed]:
    """For one renaming: a new model that takes the old name later, its counters at 0."""
    for event in renamed:
        old_owner = int(models.owner[event.row])
        younger = np.flatnonzero(models.listed > day_number(event.on) + 1)
        if len(younger):
            return [Renamed(int(younger[0]), EVER, drawn_name(event.row), old_owner)]
    return []
