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
    target = shelf / f"{snapshot_date}_{datetime.now(UTC).strftime(_STAMP)}"
    write_text_durably(pages / _REASON, f"{failed}\n{reason.rstrip()}\n")
    pages.replace(target)
    sync_folder(shelf)
    for old in sorted(path for path in shelf.iterdir() if path.is_dir())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def found(home: Home, table: str) -> list[Aside]:
    """What is kept of `table`, the oldest first."""
    return [_read(file) for file in sorted(_shelf(home, table).glob(f"????-??-??_*/{_REASON}"))]


def _read(file: Path) -> Aside:
    day, _, stamp = file.parent.name.partition("_")
    failed, _, reason = file.read_text(encoding="utf-8").strip().partition("\n")
    return Aside(
        folder=file.parent,
        snapshot_date=date.fromisoformat(day),
        at=datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC),
        failed=failed,
        reason=reason,
    )


def _shelf(home: Home, table: str) -> Path:
    return home.landing / "set_aside" / table
