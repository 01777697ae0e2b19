"""A generated world as content of a local Hub.

What belongs here: the world as a whole and its days as the server sees them. Drawing it,
counting in it, naming in it and writing it to files each have a module of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from local_hub.content import Day, Other, Record, Rows, Sort
from local_hub.recorded import RecordedDay
from local_hub.world import others
from local_hub.world.counters import Counters
from local_hub.world.disturbances import Disturbances, day_number
from local_hub.world.encoding import SOURCES, json_objects
from local_hub.world.events import EVER, Events, OwnerNames, happen
from local_hub.world.organizations import known
from local_hub.world.population import Size, populate
from local_hub.world.texts import DayTexts, drawn_names, keys
from orchestration.errors import Refusal

CHUNK = 250_000


class World:
    """Models that never were, from a seed: the same arguments give the same world.

    `models` counts every model that ever lived in it, of which nearly all are there on the
    last of its `days` days (at least 1), which end with `last_day`.
    """

    def __init__(
        self,
        name: str,
        *,
        models: int,
        days: int,
        last_day: date,
        seed: int = 1,
        disturbances: Disturbances | None = None,
    ) -> None:
        first_day = last_day - timedelta(days=days - 1)
        self.name = name
        self.universe = f"world {name}"
        self.size = Size(models, first_day, last_day, seed)
        self.disturbances = disturbances or Disturbances()
        self.owners, self.models = populate(self.size)
        self.events: Events = happen(self.size, self.owners, self.models, self._drawn_name)
        self._owner_names = OwnerNames(self.owners, self.events)
        self.counters = Counters(self.models, self.owners, last_day, seed, self.disturbances)

    @cached_property
    def dates(self) -> Sequence[date]:
        """The days that can be seen: all but the missing ones."""
        span = (self.size.last_day - self.size.first_day).days + 1
        every = (self.size.first_day + timedelta(days=n) for n in range(span))
        return [day for day in every if day not in self.disturbances.missing]

    def day(self, on: date) -> WorldDay:
        """The models of `on`; refuses a day that nobody can see."""
        if on not in self.dates:
            raise Refusal(
                f"the world '{self.name}' has no {on}",
                cure=f"play a day from {self.dates[0]} to {self.dates[-1]}"
                + (" that is not missing" if self.disturbances.missing else ""),
            )
        return WorldDay(self, on)

    def other_day(self, kind: Other, on: date) -> Day:
        """The datasets or Spaces of `on`."""
        found = others.records(
            kind,
            models=self.size.models,
            seed=self.size.seed,
            owners=self._owner_names.on(on).to_pylist(),
            last_day=self.size.last_day,
            on=on,
        )
        return RecordedDay.of([orjson.dumps(record) for record in found])

    def rows(self, on: date) -> Rows:
        """The places in `models` of those that can be seen on `on`, by creation."""
        return np.flatnonzero(self.is_there(slice(None), on))

    def is_there(self, rows: Any, on: date) -> npt.NDArray[np.bool_]:
        """Which of `rows` can be seen on `on`."""
        day = day_number(on)
        there: npt.NDArray[np.bool_] = self.models.listed[rows] <= day
        there &= day < self.models.deleted[rows]
        return there

    def texts(self, on: date) -> DayTexts:
        return DayTexts(self.counters, self.events, self._owner_names, on)

    def organizations(self) -> pd.DataFrame:
        """Who the generated organizations are, as far as a diligent curator could know.

        Columns: organization, canonical_organization, country_code, alternative_country_code,
        organization_type, parent, confidence, evidence, valid_from, valid_to, is_international.
        """
        return known(self.owners, self.events, self.size)

    def organizations_csv(self) -> str:
        return self.organizations().to_csv(index=False)

    def _drawn_name(self, row: int) -> str:
        return str(drawn_names(self.models, np.array([row]))[0])


class WorldDay(Day):
    """One day of a world. Rows are numbered by creation; texts are made when asked for."""

    def __init__(self, world: World, on: date) -> None:
        super().__init__()
        self._world = world
        self._texts = world.texts(on)
        self._on = on
        self._rows = world.rows(on)

    def __len__(self) -> int:
        return len(self._rows)

    def newest_first(self, sort: Sort) -> Rows:
        if sort == "createdAt":
            return np.arange(len(self) - 1, -1, -1)
        return super().newest_first(sort)

    def keys_by(self, sort: Sort) -> npt.NDArray[Any]:
        counters, rows = self._world.counters, self._rows
        match sort:
            case "createdAt":
                return self._world.models.created[rows] * 1000
            case "lastModified":
                return self._texts.modified(rows) * 1000
            case "downloads":
                return counters.shown(rows, self._on)[1]
            case "likes":
                return counters.likes(rows, self._on)
            case "trendingScore":
                return counters.trending(rows, self._on)

    def tie(self, row: int) -> str:
        return str(keys(self._world.models, self._rows[row : row + 1], self._world.size.seed)[0])

    def tie_ranks(self) -> Rows:
        return np.arange(len(self))

    def records(self, rows: Rows) -> list[Record]:
        found: list[Record] = orjson.loads(self.encoded(rows, tuple(SOURCES)))
        return found

    def encoded(self, rows: Rows, fields: Sequence[str]) -> bytes:
        columns = {"id", *(SOURCES[name] for name in fields if name in SOURCES)}
        objects = json_objects(self._texts.table(self._rows[rows], columns), fields)
        return b"[" + ",".join(objects.to_pylist()).encode() + b"]"

    @cached_property
    def _ids(self) -> pa.ChunkedArray:
        return pa.chunked_array([self._texts.ids(part) for part in self._parts()], pa.string())

    def _parts(self) -> list[Rows]:
        return np.array_split(self._rows, max(1, -(-len(self) // CHUNK)))

    def find(self, model_id: str) -> int | None:
        row = pc.index(self._ids, model_id).as_py()
        return None if row < 0 else row

    def matching(
        self, *, author: str | None, search: str | None, filters: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        found = np.ones(len(self), dtype=bool)
        if author is not None:
            found &= _flags(pc.starts_with(self._ids, f"{author}/"))
        if search is not None:
            found &= _flags(pc.match_substring(self._ids, search, ignore_case=True))
        if filters:
            found &= np.concatenate([self._labelled(part, filters) for part in self._parts()])
        return found

    def _labelled(self, rows: Rows, filters: Sequence[str]) -> npt.NDArray[np.bool_]:
        tags = self._texts.tags(rows)
        labels, owner = tags.flatten(), pc.list_parent_indices(tags).to_numpy()
        found = np.ones(len(rows), dtype=bool)
        for wanted in filters:
            bearers = owner[_flags(pc.equal(labels, wanted))]
            found &= np.isin(np.arange(len(rows)), bearers)
        return found

    def author_type(self, author: str) -> Literal["org", "user"] | None:
        place = self._texts.owner_names.index(author).as_py()
        if place < 0:
            return None
        return "org" if place < self._world.owners.organizations else "user"

    def moved_to(self, model_id: str) -> str | None:
        """Follows renamed models and organizations, as the Hub does."""
        namespace, _, name = model_id.partition("/")
        for moved in self._world.events.organizations:
            if moved.on <= self._on and self._world.owners.names[moved.owner] == namespace:
                current = f"{moved.name}/{name}"
                return current if self.find(current) is not None else self.moved_to(current)
        return self._moved_models.get(model_id)

    @cached_property
    def _moved_models(self) -> dict[str, str]:
        renamed = {
            row: event
            for row, event in self._world.events.ids_on(self._on).items()
            if event.on > EVER
        }
        rows = np.intersect1d(np.fromiter(renamed, np.int64, len(renamed)), self._rows)
        before = replace(self._texts, events=Events((), self._world.events.organizations))
        return dict(
            zip(before.ids(rows).to_pylist(), self._texts.ids(rows).to_pylist(), strict=True)
        )


def _flags(array: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(array, dtype=bool)
