"""Whether a crawl or a build will fit the disk and the memory, asked before it starts.

A day that is not crawled cannot be had later, so a crawl asks for what it needs itself and not
for what the build after it will.

What belongs here: estimates from yesterday's sizes against what the machine has now, and asking
for settings that a run needs only at its end. The limits themselves are `database.py`'s; what is
kept on disk is declared in `snapshots/retention.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestration import warehouse
from orchestration.database import GIB, MIB, memory_limit, temporary_limit
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.publication.generation import current
from orchestration.snapshots import store
from orchestration.snapshots.retention import Retention
from orchestration.snapshots.store import Sealed

# Below this many models a run needs no more than any Python program.
FEW_MODELS = 200_000
# Beside DuckDB: Dagster, dbt and Great Expectations in one or two processes.
PYTHON = GIB
# A crawl, held against the day before and sealed: 960 MiB at 5 M models (docs/crawl.md).
CRAWL = GIB
# Bytes of spill a model: a day of 5 M with 2.5 GiB of memory spills less (docs/scaling.md).
SPILL_PER_MODEL = 600
# What a model of a day that is built again adds: days whose counters stood still wait for the
# snapshot that tells them. Three days of 5 M at once took 17 GB of warehouse and 1.4 GiB of memory
# more than one, the spill as often.
WAREHOUSE_PER_MODEL_AGAIN = 1_700
MEMORY_PER_MODEL_AGAIN = 150


def disk_needed(home: Home, again: int) -> dict[str, int]:
    """Bytes that a daily build may add to the disk while it lasts, by what for.

    From the sizes of the newest day: a home without one is not judged. A table that is made
    anew lies twice in the warehouse until it is done, the second time where that has room: a
    rebuild of many days leaves more than it uses. `again` are the models of days that are
    built again, each as often as it is.
    """
    day = _newest(home)
    if day is None:
        return {}
    published = current(home)
    used, room = warehouse.used_and_free(home)
    return {
        "compacted day": _size(store.parquet_of(home, day)),
        "warehouse": max(used + again * WAREHOUSE_PER_MODEL_AGAIN - room, 0),
        "generation": _folder_size(published) if published else 0,
        "spill": min((day.rows + again) * SPILL_PER_MODEL, temporary_limit()),
    }


def _models_again(home: Home) -> int:
    """The models of the days that the next snapshot builds again, day by day."""
    days = {day.snapshot_date: day.rows for day in store.list_sealed(home)}
    return sum(days.get(day, 0) for day in warehouse.days_again(home))


def _newest(home: Home, table: str = store.MODELS) -> Sealed | None:
    """The newest sealed day, where it is so large that another one needs to be reckoned with."""
    days = store.list_readable(home, table)
    return days[-1] if days and days[-1].rows >= FEW_MODELS else None


def check_crawl(home: Home, table: str = store.MODELS) -> Mapping[str, int]:
    """Refuse a crawl or an import of a day that would exceed disk or memory; else its bytes.

    A snapshot counts four times: the sealed file, the import's table, and pages of up to twice
    its size.
    """
    day = _newest(home, table)
    if day is None:
        return {}
    needed = {"snapshot": 4 * _size(store.parquet_of(home, day))}
    _check_disk(home, needed, "begun", cure="")
    available = available_memory()
    if available is not None and available < CRAWL:
        raise Refusal(
            f"a day that is crawled and sealed may take {_in_words(CRAWL)} of memory, and "
            f"{_in_words(available)} are available; nothing was begun",
            cure="close other programs",
        )
    return needed


def check(home: Home) -> Mapping[str, int]:
    """Refuse a build that cannot come to its end; else what disk it may need, in bytes."""
    Retention.from_environment()
    again = _models_again(home)
    needed = disk_needed(home, again)
    limit, beside = memory_limit(), PYTHON + again * MEMORY_PER_MODEL_AGAIN
    if not needed:
        return {}
    _check_disk(home, needed, "built", cure="; OBSERVATORY_TEMPORARY_LIMIT bounds the spill")
    available = available_memory()
    if available is not None and limit + beside > available:
        raise Refusal(
            f"DuckDB may take {_in_words(limit)} (OBSERVATORY_MEMORY_LIMIT) and the run "
            f"{_in_words(beside)} beside it{_why(again)}, and {_in_words(available)} of memory are "
            "available; nothing was built",
            field="OBSERVATORY_MEMORY_LIMIT",
            cure="close other programs, or lower the limit: a smaller one spills more and takes "
            "longer",
        )
    return needed


def _check_disk(home: Home, needed: Mapping[str, int], undone: str, cure: str) -> None:
    free = shutil.disk_usage(home.root).free
    total = sum(needed.values())
    if total > free:
        parts = ", ".join(f"{_in_words(size)} {name}" for name, size in needed.items())
        raise Refusal(
            f"the run may need {_in_words(total)} of disk ({parts}), and {_in_words(free)} are "
            f"free; nothing was {undone}",
            file=home.root,
            cure="free some space, or move the home (OBSERVATORY_HOME) to a larger disk" + cure,
        )


def available_memory() -> int | None:
    """Bytes that this process may still take, a container's limit included; None if unknown."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        available = int(text.split("MemAvailable:")[1].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    try:
        most = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or the word max
        return available
    return min(available, most)


def _why(again: int) -> str:
    return (
        f" ({again:,} models of days whose counters stood still are built again)" if again else ""
    )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _in_words(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:,.0f} MiB"
