"""Whether a day of the live Hub has work left, for who asks again and again.

What belongs here: reading a home and saying why no run is needed. When that is asked and what is
run then is `defs/automation`'s; nothing is judged here.
"""

from __future__ import annotations

import contextlib
from datetime import date, datetime

from orchestration.errors import Refusal
from orchestration.gates import verdicts
from orchestration.home import Home
from orchestration.publication import generation, refusals, showings
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed


def crawled(home: Home, day: date, table: str = store.MODELS) -> Sealed | None:
    """The day as a crawl sealed it, or None."""
    sealed = store.find(home, day, table)
    return sealed if sealed is not None and sealed.source["kind"] == "live" else None


def settled(home: Home, day: date) -> str | None:
    """Why a run would do nothing for `day`, or only what it did before; None where it is due."""
    sealed = crawled(home, day)
    verdict = verdicts.kept(home, sealed) if sealed is not None else None
    if sealed is None or verdict is None:
        return None
    if not verdict.passed:
        return f"{day} was refused by the first gate, and waits for somebody to decide"
    if _was_shown(home, day):
        return f"{day} is published"
    refused_at = refusals.standing_since(home)
    if refused_at is not None and refused_at >= datetime.fromisoformat(sealed.sealed_at):
        return f"the publication of {day} was refused, and waits for somebody to decide"
    return None


def _was_shown(home: Home, day: date) -> bool:
    """Whether readers were ever shown the day: who went back since wants no run to undo it.

    A generation that is damaged shows nothing; a run tells of it.
    """
    with contextlib.suppress(Refusal):
        seen = generation.current(home)
        shown = {one.generation for one in showings.showings(home)}
        shown |= {seen.name} if seen is not None else set()
        kept = [name for name in generation.generations(home) if name in shown]
        manifests = (generation.read_manifest(home.published / name) for name in reversed(kept))
        return any(day.isoformat() in manifest["snapshot_dates"] for manifest in manifests)
    return False
