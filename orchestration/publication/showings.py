"""Which generation readers saw from when on: `published/shown.json`.

What belongs here: noting what `current` shows, and telling it where that link is lost. Going back
shows an old generation at a new time, which no generation's own files can tell; the log of
revisions needs it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.home import Home, write_text_durably
from orchestration.publication.generation import CURRENT, current, generations, published_at

SHOWN = "shown.json"
# Only those since the newest publication are ever asked for.
KEPT = 100


@dataclass(frozen=True)
class Showing:
    """From `shown_at` (UTC) on, readers saw `generation`."""

    generation: str
    shown_at: datetime


def showings(home: Home) -> list[Showing]:
    """What was noted, oldest first; where that is gone or damaged, what is newer than `current`.

    Readers went back from those, as far as one can tell. The newest may be one that a killed run
    never showed: to take it for shown loses nothing, and as `current` was moved before, `note`
    gives it a microsecond.
    """
    try:
        found = json.loads(_path(home).read_text(encoding="utf-8"))
        return [
            Showing(one["generation"], datetime.fromisoformat(one["shown_at"])) for one in found
        ]
    except (OSError, ValueError, KeyError, TypeError):
        seen = current(home)
        newer = [name for name in generations(home) if seen is not None and name > seen.name]
        return [Showing(name, published_at(name)) for name in newer]


def note(home: Home) -> list[Showing]:
    """Note what readers see now, unless it is noted, and give all that is.

    The time is that of the symlink: what a killed run showed is noted by the next.
    """
    noted = showings(home)
    seen = current(home)
    if seen is None or (noted and noted[-1].generation == seen.name):
        return noted
    at = max(moved_at(home), published_at(seen.name))
    if noted:
        # A clock that was set back must not put this before what was shown until now.
        at = max(at, noted[-1].shown_at + timedelta(microseconds=1))
    noted = [*noted, Showing(seen.name, at)][-KEPT:]
    lines = [{"generation": one.generation, "shown_at": one.shown_at.isoformat()} for one in noted]
    write_text_durably(_path(home), json.dumps(lines, indent=1) + "\n")
    return noted


def moved_at(home: Home) -> datetime:
    """When the link `current`, which must be there, was moved last: also to where it was."""
    return datetime.fromtimestamp((home.published / CURRENT).lstat().st_mtime, UTC)


def last_seen(home: Home) -> Path | None:
    """The generation that readers see; where `current` leads to none, that which they saw last.

    So it is in a copy of a home without symlinks. Of a home with generations none is the first
    publication: where nothing is noted, the newest may be one that a killed run never showed, but
    to take it for shown loses nothing.
    """
    seen, kept = current(home), generations(home)
    if seen is not None or not kept:
        return seen
    shown = [one.generation for one in showings(home) if one.generation in kept]
    return home.published / (shown or kept)[-1]


def _path(home: Home) -> Path:
    return home.published / SHOWN
