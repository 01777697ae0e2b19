"""Whether a day of the live Hub has work left, for who asks again and again.

What belongs here: reading a home and saying why no run is needed. When that is asked and what is
run then is `defs/automation`'s; nothing is judged here.
"""

from __future__ import annotations

import contextlib
from datetime import date, datetime, timedelta

from orchestration.errors import Refusal
from orchestration.gates import verdicts
from orchestration.home import Home
from orchestration.hub import aside
from orchestration.publication import generation, refusals, showings
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed

# A Hub that is cut off is not whole again within the hour, and a whole crawl is thousands of
# requests: three a day at most, as far apart as the day allows.
AGAIN_AFTER = timedelta(hours=6)
_AGAIN = (
    "It is crawled again six hours after that, while the day lasts; "
    "`observatory run` crawls it at once"
)


def crawled(home: Home, day: date, table: str = store.MODELS) -> Sealed | None:
    """The day as a crawl sealed it, or None."""
    sealed = store.find(home, day, table)
    return sealed if sealed is not None and sealed.source["kind"] == "live" else None


def set_aside(home: Home, day: date, at: datetime, table: str = store.MODELS) -> str | None:
    """Why a day that is not sealed is not crawled `at` that time; None where it may be."""
    tries = [one for one in aside.found(home, table) if one.snapshot_date == day]
    if not tries or at >= tries[-1].at + AGAIN_AFTER:
        return None
    last = tries[-1]
    return (
        f"the crawl of {day} was refused at {last.at:%H:%M} UTC and set aside in {last.folder}: "
        f"{last.in_short}. {_AGAIN}"
    )


def settled(home: Home, day: date, at: datetime) -> str | None:
    """Why a run `at` that time would do nothing for `day`, or only what it did before; or None."""
    sealed = crawled(home, day)
    if sealed is None:
        return set_aside(home, day, at)
    verdict = verdicts.kept(home, sealed)
    if verdict is None:
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
