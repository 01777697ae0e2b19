"""What a local Hub can play: the interface between content and the server.

What belongs here: the shape of one day's models and of a set of days. Where the days come
from (recorded files, generated worlds) and how they are served belong elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import orjson

Record = dict[str, Any]
"""One model in the shape of an `/api/models` item; a field that is not recorded is absent."""

Rows = npt.NDArray[np.int64]
Sort = Literal["createdAt", "downloads", "lastModified", "likes", "trendingScore"]
Other = Literal["datasets", "spaces"]
Kind = Literal["models", Other]
"""What the Hub lists."""

SORTS: tuple[Sort, ...] = ("createdAt", "downloads", "lastModified", "likes", "trendingScore")
NOT_RECORDED = np.iinfo(np.int64).min


class Day(ABC):
    """Every model of one day. Rows are numbered from 0 to `len(day) - 1` in any fixed order."""

    def __init__(self) -> None:
        self._keys: dict[Sort, npt.NDArray[Any]] = {}
        self._orders: dict[Sort, Rows] = {}

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def keys_by(self, sort: Sort) -> npt.NDArray[Any]:
        """One int64 or float64 a row: counts as they are, times in ms since 1970 (UTC).

        What is not recorded is the lowest value (`NOT_RECORDED`), so it comes last.
        """

    @abstractmethod
    def tie(self, row: int) -> str:
        """What orders rows of the same key: `_id` where recorded, else the id. Unique."""

    @abstractmethod
    def tie_ranks(self) -> Rows:
        """The place of each row in the order of `tie`, vectorised."""

    @abstractmethod
    def records(self, rows: Rows) -> list[Record]:
        """The models of `rows`, in that order, with every field that is recorded."""

    def encoded(self, rows: Rows, fields: Sequence[str]) -> bytes:
        """The models of `rows` as a JSON list of objects with those of `fields` they have."""
        return orjson.dumps([project(record, fields) for record in self.records(rows)])

    @abstractmethod
    def find(self, model_id: str) -> int | None:
        """The row of a model id (case-sensitive), or None."""

    @abstractmethod
    def matching(
        self, *, author: str | None, search: str | None, filters: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        """Which rows belong to `author`, contain `search` in their id, bear all `filters`."""

    def author_type(self, author: str) -> Literal["org", "user"] | None:
        """Whether `author` is an organization or a user, or None where nobody recorded it."""
        return None

    def models_of(self, author: str) -> int:
        """How many models `author` owns on this day."""
        return int(np.count_nonzero(self.matching(author=author, search=None, filters=())))

    def moved_to(self, model_id: str) -> str | None:
        """The id that a model of the past is called by now, or None."""
        return None

    def sort_keys(self, sort: Sort) -> npt.NDArray[Any]:
        """`keys_by`, computed once a day."""
        if sort not in self._keys:
            self._keys[sort] = self.keys_by(sort)
        return self._keys[sort]

    def newest_first(self, sort: Sort) -> Rows:
        """All rows by `sort` descending, ties descending too."""
        if sort not in self._orders:
            order = np.lexsort((self.tie_ranks(), self.sort_keys(sort)))[::-1]
            self._orders[sort] = np.ascontiguousarray(order, dtype=np.int64)
        return self._orders[sort]


class Content(Protocol):
    """Days that can be played, all of one universe."""

    @property
    def universe(self) -> str:
        """What `X-Hub-Universe` says: `panel NAME` or `world NAME`."""

    @property
    def dates(self) -> Sequence[date]:
        """The days that can be played, ascending."""

    def day(self, on: date) -> Day:
        """The models of one of `dates`."""

    def other_day(self, kind: Other, on: date) -> Day:
        """The datasets or Spaces of a day; an empty day where there are none."""

    def organizations_csv(self) -> str | None:
        """Who the generated organizations are; None where organizations are real."""


def project(record: Record, fields: Sequence[str]) -> Record:
    """Only `fields` of a record, and its id; those not recorded are absent."""
    found = {name: record[name] for name in ("id", *fields) if name in record}
    if "modelId" in fields:
        found["modelId"] = record["id"]
    return found


def milliseconds(text: str) -> int:
    """ISO time to ms since 1970 UTC; what is no time counts as not recorded."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return int(NOT_RECORDED)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def hub_time(moment: datetime) -> str:
    """A time as the Hub writes it: `2022-03-02T23:29:04.000Z`."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"
