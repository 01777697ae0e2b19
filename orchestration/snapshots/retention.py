"""What is kept, how long and in which form: declared here, and enforced here.

What belongs here: the declaration and the order of its steps. Nothing that is the only copy is
ever removed: a whole day goes when its compacted form was proven (`compaction.py`), and no
sealed day goes altogether. Generations are `publication/swap.py`'s, crawls `hub/aside.py`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.snapshots import compaction, reading, store
from orchestration.snapshots.compaction import Compacted
from orchestration.snapshots.store import Sealed

MIB = 2**20
# After a long back-fill many days wait: so many a run, at about a minute each for 5 M models.
DAYS_A_RUN = 31


@dataclass(frozen=True)
class Retention:
    """How raw snapshots are kept.

    The newest `whole_days` sealed days stay whole (at least 2: today, and the day it is compared
    with). Older ones are compacted from `compact_from` bytes on: a panel's day of 20 kB would
    gain nothing. Every day is kept for ever, in one form or the other.
    """

    whole_days: int = 3
    compact_from: int = 4 * MIB

    @classmethod
    def from_environment(cls) -> Retention:
        """`OBSERVATORY_WHOLE_DAYS` and `OBSERVATORY_COMPACT_FROM_MIB`, or the defaults."""
        return cls(
            _number("OBSERVATORY_WHOLE_DAYS", cls.whole_days, least=2),
            _number("OBSERVATORY_COMPACT_FROM_MIB", cls.compact_from // MIB, least=0) * MIB,
        )


def _number(name: str, default: int, *, least: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise Refusal(
            f"{text!r} is no such setting",
            field=name,
            cure=f"a whole number of at least {least}, or unset for {default}",
        )
    return int(text)


@dataclass
class Enforced:
    """What a run of `enforce` did: days compacted, and days left whole with the reason."""

    compacted: list[Compacted] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def freed(self) -> int:
        """Bytes given back to the disk."""
        return sum(day.bytes_before - day.bytes_after for day in self.compacted)


def due(home: Home, retention: Retention) -> list[Sealed]:
    """The whole days that are to be compacted, oldest first."""
    older = store.list_sealed(home)[: -retention.whole_days]
    return [day for day in older if _bytes(store.parquet_of(home, day)) >= retention.compact_from]


def _bytes(file: Path) -> int:
    """The size of a whole file; -1 where there is none."""
    return file.stat().st_size if file.exists() else -1


def enforce(
    home: Home,
    retention: Retention,
    *,
    is_judged: Callable[[Sealed], bool],
    said: Callable[[str], None] = lambda _: None,
) -> Enforced:
    """Compact the days that are due, at most `DAYS_A_RUN`.

    A day stays whole until gate 1 has judged this content of it (`is_judged`), and where
    compaction fails: tomorrow's run tries again, today's publication does not suffer.
    """
    enforced = Enforced()
    with home.lock("compacting"):
        for day in due(home, retention)[:DAYS_A_RUN]:
            name = day.snapshot_date.isoformat()
            if not is_judged(day):
                enforced.left[name] = "gate 1 has not judged it yet"
                continue
            try:
                done = compaction.compact(home, day)
            except (Refusal, OSError, duckdb.Error) as error:
                enforced.left[name] = f"{type(error).__name__}: {error}"
                continue
            enforced.compacted.append(done)
            said(f"compacted {name}: {done.bytes_before:,} bytes to {done.bytes_after:,}")
    return enforced


def bytes_at_rest(home: Home) -> dict[str, int]:
    """The bytes of the raw history on disk, by form: whole, counters, keys, attributes."""
    models, attributes = home.raw / store.MODELS, home.raw / reading.ATTRIBUTES_TABLE
    return {
        "whole": _sum(models.glob("snapshot_date=*/models.*.parquet")),
        "counters": _sum(models.glob("snapshot_date=*/counters.*.parquet")),
        "keys": _sum(reading.keys_folder(home).glob("keys.*.parquet")),
        "attributes": _sum(attributes.glob("month=*/attributes.*.parquet")),
    }


def _sum(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)
