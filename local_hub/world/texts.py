"""Generated models as rows of text: ids, dates and the other columns of a raw snapshot.

What belongs here: turning codes into Arrow arrays, for any rows and any day, without a loop
over models. The column names and types are those of raw Parquet snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from local_hub.world import names
from local_hub.world.chance import chance, mixed
from local_hub.world.counters import Counters, Counts
from local_hub.world.disturbances import day_number
from local_hub.world.events import EVER, Events, OwnerNames, Renamed
from local_hub.world.population import DAY, Ints, Models
from local_hub.world.tags import tags_of

SCHEMA = pa.schema(
    [
        ("_id", pa.string()), ("id", pa.string()), ("author", pa.string()),
        ("author_type", pa.string()), ("createdAt", pa.timestamp("us")),
        ("lastModified", pa.timestamp("us")), ("downloads", pa.int64()),
        ("downloadsAllTime", pa.int64()), ("likes", pa.int64()), ("gated", pa.string()),
        ("private", pa.bool_()), ("disabled", pa.bool_()), ("tags", pa.list_(pa.string())),
        ("pipeline_tag", pa.string()), ("library_name", pa.string()),
        ("trendingScore", pa.float64()), ("safetensors_total", pa.int64()),
    ]
)  # fmt: skip
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
FIXED_COLUMNS = ("_id", "createdAt", "gated", "private", "disabled", "tags", "pipeline_tag",
                 "library_name", "safetensors_total")  # fmt: skip
_SIZE_OF = np.array([billions for _, billions in names.SIZES]) * 1e9
_SAFETENSORS = np.array(["GGUF" not in ending for ending, *_ in names.SUFFIXES])
_COUNTED = {"downloads", "downloadsAllTime"}
_STEMS = pa.array(names.STEMS)
_NICKNAMES = pa.array([*(f"-{stem.lower()}" for stem in names.STEMS), ""])
_SIZES = pa.array([ending for ending, _ in names.SIZES])
_SUFFIXES = pa.array([ending for ending, *_ in names.SUFFIXES])
_GATES = pa.array(names.GATES)
_TASKS = pa.array([task for task, *_ in names.TASKS])
_LIBRARIES = pa.array(names.LIBRARIES)
_AUTHOR_TYPES = pa.array(["org", "user"])
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def drawn_names(models: Models, rows: Ints) -> pa.Array:
    """The names (after the slash) that the models of `rows` were born with."""
    version, twin = models.version[rows], models.twin[rows]
    again = pc.binary_join_element_wise("-v", pc.cast(pa.array(twin + 1), pa.string()), "")
    return pc.binary_join_element_wise(
        _taken(_STEMS, models.stem[rows]),
        "-",
        pc.cast(pa.array(version // 10), pa.string()),
        ".",
        pc.cast(pa.array(version % 10), pa.string()),
        _taken(_SIZES, models.size[rows]),
        _taken(_NICKNAMES, models.nickname[rows]),
        _taken(_SUFFIXES, models.suffix[rows]),
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
    owners: OwnerNames
    on: date

    @property
    def models(self) -> Models:
        return self.counters.models

    @property
    def owner_names(self) -> pa.Array:
        return self.owners.on(self.on)

    def ids(self, rows: Ints) -> pa.Array:
        """What the models are called on this day: `namespace/name`, a few without namespace."""
        born = pc.binary_join_element_wise(self._owners(rows), drawn_names(self.models, rows), "/")
        return self._changed(rows, born, lambda owner, name: f"{owner}/{name}" if owner else name)

    def authors(self, rows: Ints) -> pa.Array:
        """The namespace of each model, null for those without."""
        return self._changed(rows, self._owners(rows), lambda owner, _: owner)

    def tags(self, rows: Ints) -> pa.Array:
        """The tags of each model. Parents are cited by the ids they were born with."""
        return tags_of(self.models, rows, self.counters.seed, self._as_born.ids)

    @cached_property
    def _as_born(self) -> DayTexts:
        return replace(self, on=EVER)

    @cached_property
    def _renamed(self) -> dict[int, Renamed]:
        return self.events.ids_on(self.on)

    @cached_property
    def _renamed_rows(self) -> Ints:
        return np.fromiter(self._renamed, dtype=np.int64, count=len(self._renamed))

    def table(self, rows: Ints, columns: Iterable[str] = COLUMNS) -> pa.Table:
        """The raw Parquet columns of `rows`, in that order."""
        counted = self.counters.shown(rows, self.on) if _COUNTED & set(columns) else None
        return pa.table({name: self._column(name, rows, counted) for name in columns})

    def _column(self, name: str, rows: Ints, counted: tuple[Counts, Counts] | None) -> pa.Array:
        models = self.models
        match name:
            case "_id":
                return keys(models, rows, self.counters.seed)
            case "id":
                return self.ids(rows)
            case "author":
                return self.authors(rows)
            case "author_type":
                return self.author_types(rows)
            case "createdAt":
                return _moments(models.created[rows])
            case "lastModified":
                return _moments(self.modified(rows))
            case "downloads" | "downloadsAllTime" if counted is not None:
                return pa.array(counted[name == "downloads"])
            case "likes":
                return pa.array(self.counters.likes(rows, self.on))
            case "gated":
                return _taken(_GATES, models.gate[rows])
            case "private" | "disabled":
                return pa.repeat(pa.scalar(False), len(rows))
            case "tags":
                return self.tags(rows)
            case "pipeline_tag":
                return _taken(_TASKS, models.task[rows])
            case "library_name":
                return _taken(_LIBRARIES, models.library[rows])
            case "trendingScore":
                return pa.array(self.counters.trending(rows, self.on).astype(np.float64))
            case "safetensors_total":
                return self._parameters(rows)
        raise KeyError(name)

    def _parameters(self, rows: Ints) -> pa.Array:
        parameters = _SIZE_OF[self.models.size[rows]].astype(np.int64)
        told = (parameters > 0) & _SAFETENSORS[self.models.suffix[rows]]
        return pa.array(parameters, mask=~told)

    def author_types(self, rows: Ints) -> pa.Array:
        """org or user; null for the models without a namespace."""
        is_user = self.models.owner[rows] >= self.counters.owners.organizations
        born = _taken(_AUTHOR_TYPES, is_user.astype(np.int8))
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
        struck = np.isin(rows, self._renamed_rows)
        if not struck.any():
            return born
        changed = []
        for event in (self._renamed[int(row)] for row in rows[struck]):
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


def _taken(words: pa.Array, codes: Ints) -> pa.Array:
    """The word of each code; -1 means the last word."""
    return words.take(pa.array(np.where(codes < 0, len(words) - 1, codes)))


def _moments(seconds: Ints) -> pa.Array:
    return pa.array(seconds.astype(np.int64) * 1_000_000, pa.timestamp("us"))


def _hex(numbers: Ints) -> npt.NDArray[np.uint8]:
    """Eight hex digits of each number, one digit a column."""
    shifts = np.arange(28, -1, -4, dtype=np.uint64)
    digits: npt.NDArray[np.uint8] = _HEX[
        (numbers.astype(np.uint64)[:, None] >> shifts) & np.uint64(15)
    ]
    return digits
