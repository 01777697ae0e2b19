"""Generated models as rows of text: ids, dates and the other columns of a raw snapshot.

What belongs here: turning codes into Arrow arrays, for any rows and any day, without a loop
over models. The column names and types are those of raw Parquet snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from local_hub.world import names
from local_hub.world.chance import chance, mixed
from local_hub.world.counters import Counters
from local_hub.world.disturbances import day_number
from local_hub.world.events import EVER, Events
from local_hub.world.population import DAY, Ints, Models
from local_hub.world.tags import tags_of

_SIZE_OF = np.array([billions for _, billions in names.SIZES]) * 1e9
_COUNTED = np.array(["GGUF" not in ending for ending, *_ in names.SUFFIXES])
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def drawn_names(models: Models, rows: Ints) -> pa.Array:
    """The names (after the slash) that the models of `rows` were born with."""
    version, twin = models.version[rows], models.twin[rows]
    again = pc.binary_join_element_wise("-v", pc.cast(pa.array(twin + 1), pa.string()), "")
    return pc.binary_join_element_wise(
        _taken(names.STEMS, models.stem[rows]),
        _taken([f"-{v // 10}.{v % 10}" for v in range(int(version.max(initial=0)) + 1)], version),
        _taken([ending for ending, _ in names.SIZES], models.size[rows]),
        _taken([*(f"-{stem.lower()}" for stem in names.STEMS), ""], models.nickname[rows]),
        _taken([ending for ending, *_ in names.SUFFIXES], models.suffix[rows]),
        pc.if_else(pa.array(twin > 0), again, ""),
        "",
    )


def keys(models: Models, rows: Ints, seed: int) -> pa.Array:
    """`_id`: 24 hex digits whose order is that of the rows, as an ObjectId's is."""
    luck = mixed(rows, seed, 4) >> np.uint64(32)
    digits = np.concatenate(
        [_hex(part) for part in (models.created[rows], rows, luck)], axis=1
    ).tobytes()
    ends = np.arange(len(rows) + 1, dtype=np.int32) * 24
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(ends), pa.py_buffer(digits))


@dataclass(frozen=True)
class DayTexts:
    """The texts of one day, names as they are on it. `rows` are places in the world's models."""

    counters: Counters
    events: Events
    on: date

    @property
    def models(self) -> Models:
        return self.counters.models

    @cached_property
    def owner_names(self) -> pa.Array:
        return pa.array(self.events.names_on(self.on, self.counters.owners), pa.string())

    def ids(self, rows: Ints) -> pa.Array:
        """What the models are called on this day: `namespace/name`, a few without namespace."""
        born = pc.binary_join_element_wise(self._owners(rows), drawn_names(self.models, rows), "/")
        return self._changed(rows, born, lambda owner, name: f"{owner}/{name}" if owner else name)

    def authors(self, rows: Ints) -> pa.Array:
        """The namespace of each model, null for those without."""
        return self._changed(rows, self._owners(rows), lambda owner, _: owner)

    def tags(self, rows: Ints) -> pa.Array:
        """The tags of each model. Parents are cited by the ids they were born with."""
        return tags_of(self.models, rows, self.counters.seed, replace(self, on=EVER).ids)

    def table(self, rows: Ints) -> pa.Table:
        """The raw Parquet columns of `rows`, in that order."""
        models, on = self.models, self.on
        all_time, rolling = self.counters.shown(rows, on)
        parameters = _SIZE_OF[models.size[rows]].astype(np.int64)
        counted = (parameters > 0) & _COUNTED[models.suffix[rows]]
        no = pa.repeat(pa.scalar(False), len(rows))
        return pa.table(
            {
                "_id": keys(models, rows, self.counters.seed),
                "id": self.ids(rows),
                "author": self.authors(rows),
                "author_type": self.author_types(rows),
                "createdAt": _moments(models.created[rows]),
                "lastModified": _moments(self.modified(rows)),
                "downloads": rolling,
                "downloadsAllTime": all_time,
                "likes": self.counters.likes(rows, on),
                "gated": _taken(names.GATES, models.gate[rows]),
                "private": no,
                "disabled": no,
                "tags": self.tags(rows),
                "pipeline_tag": _taken([task for task, *_ in names.TASKS], models.task[rows]),
                "library_name": _taken(names.LIBRARIES, models.library[rows]),
                "trendingScore": self.counters.trending(rows, on).astype(np.float64),
                "safetensors_total": pa.array(parameters, mask=~counted),
            }
        )

    def author_types(self, rows: Ints) -> pa.Array:
        """org or user; null for the models without a namespace."""
        is_user = self.models.owner[rows] >= self.counters.owners.organizations
        born = _taken(["org", "user"], is_user.astype(np.int8))
        return self._changed(rows, born, lambda owner, _: self._type_of(owner))

    def _type_of(self, owner: str | None) -> str | None:
        if owner is None:
            return None
        place = self.owner_names.index(owner).as_py()
        return "org" if place < self.counters.owners.organizations else "user"

    def _owners(self, rows: Ints) -> pa.Array:
        return self.owner_names.take(pa.array(self.models.owner[rows]))

    def _changed(
        self, rows: Ints, born: pa.Array, text: Callable[[str | None, str], str | None]
    ) -> pa.Array:
        """`born`, but for the models that bear another name on this day."""
        renamed = self.events.ids_on(self.on)
        struck = np.isin(rows, np.fromiter(renamed, dtype=np.int64, count=len(renamed)))
        if not struck.any():
            return born
        changed = []
        for event in (renamed[int(row)] for row in rows[struck]):
            owner = self.owner_names[event.owner].as_py() if event.owner >= 0 else None
            changed.append(text(owner, event.name))
        return pc.replace_with_mask(born, pa.array(struck), pa.array(changed, pa.string()))

    def modified(self, rows: Ints) -> npt.NDArray[np.int64]:
        """Seconds of the last commit until this day. As on the Hub, a few predate the creation."""
        created = self.models.created[rows]
        luck = chance(rows, self.counters.seed, 5)
        found = np.where(luck < 0.005, created - DAY, created + (luck * 3600).astype(np.int64))
        for salt in (6, 7):
            wait = chance(rows, self.counters.seed, salt) ** 3 * 900
            later = created + (wait * DAY).astype(np.int64)
            past = (later // DAY < day_number(self.on)) & (luck > 0.4)
            found = np.where(past, np.maximum(found, later), found)
        return found


def _taken(words: Sequence[str | None], codes: Ints) -> pa.Array:
    """The word of each code; -1 means the last word."""
    places = np.where(codes < 0, len(words) - 1, codes)
    return pa.array(words, pa.string()).take(pa.array(places))


def _moments(seconds: Ints) -> pa.Array:
    return pa.array(seconds.astype(np.int64) * 1_000_000, pa.timestamp("us"))


def _hex(numbers: Ints) -> npt.NDArray[np.uint8]:
    """Eight hex digits of each number, one digit a column."""
    shifts = np.arange(28, -1, -4, dtype=np.uint64)
    digits: npt.NDArray[np.uint8] = _HEX[
        (numbers.astype(np.uint64)[:, None] >> shifts) & np.uint64(15)
    ]
    return digits
