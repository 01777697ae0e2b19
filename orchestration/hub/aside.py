"""Crawls that were refused: their pages, kept aside with the reason.

What belongs here: the shelf in `landing/set_aside`, filled and read. Why a crawl is refused is
`completeness`' or the importer's; what follows from it belongs to whoever reads.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.home import Home, sync_folder, write_text_durably

KEPT = 3
_REASON = "reason.txt"
_STAMP = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class Aside:
    """A crawl of `snapshot_date` that was set aside `at` (UTC): which checks failed, and why."""

    folder: Path
    snapshot_date: date
    at: datetime
    failed: str
    reason: str

    @property
    def in_short(self) -> str:
        """The first line of the reason."""
        return self.reason.splitlines()[0] if self.reason else "no reason is told"


def put(home: Home, pages: Path, table: str, snapshot_date: date, failed: str, reason: str) -> Path:
    """Move the folder `pages` out of the way of the next crawl; the newest few are kept."""
    shelf = _shelf(home, table)
    shelf.mkdir(parents=True, exist_ok=True)
    target = shelf / _name(snapshot_date, datetime.now(UTC))
    write_text_durably(pages / _REASON, f"{failed}\n{reason.rstrip()}\n")
    pages.replace(target)
    sync_folder(shelf)
    for old in list(_ours(shelf))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def found(home: Home, table: str) -> list[Aside]:
    """What is kept of `table`, the oldest first."""
    ours = _ours(_shelf(home, table)).items()
    return [_read(path, *moments) for path, moments in ours if (path / _REASON).exists()]


def _ours(shelf: Path) -> dict[Path, tuple[date, datetime]]:
    """The folders that `put` wrote, the oldest first: copies that people made are theirs."""
    named = {path: _moments(path.name) for path in sorted(shelf.glob("*/"))}
    return {path: moments for path, moments in named.items() if moments is not None}


def _read(folder: Path, snapshot_date: date, at: datetime) -> Aside:
    failed, _, reason = (folder / _REASON).read_text(encoding="utf-8").strip().partition("\n")
    return Aside(folder, snapshot_date, at, failed, reason)


def _name(snapshot_date: date, at: datetime) -> str:
    return f"{snapshot_date}_{at.strftime(_STAMP)}"


def _moments(name: str) -> tuple[date, datetime] | None:
    """The date and the time in a name as `_name` writes it, exactly; None of any other."""
    day, _, stamp = name.partition("_")
    try:
        found = date.fromisoformat(day), datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if name == _name(*found) else None


def _shelf(home: Home, table: str) -> Path:
    return home.landing / "set_aside" / table
