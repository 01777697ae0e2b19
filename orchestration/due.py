"""Whether a day of the live Hub has work left, for who asks again and again.

What belongs here: reading a home and saying why no run is needed. When that is asked and what is
run then is `defs/automation`'s; nothing is judged here.
"""

from __future__ import annotations

import contextlib
import os
from datetime import date, datetime, timedelta

from orchestration.errors import Refusal
from orchestration.gates import verdicts
from orchestration.home import Home, Universe
from orchestration.hub import aside
from orchestration.publication import generation, refusals, showings
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed

# What is wrong with the Hub is not mended within the hour, and a whole crawl is thousands of
# requests: three a day at most, as far apart as the day allows.
AGAIN_AFTER = timedelta(hours=6)


def out_of_reach(universe: Universe | None) -> str | None:
    """Why no day of `universe` can be had: the real Hub alone needs no address; or None."""
    if universe is None or universe.kind == "hub" or os.environ.get("HF_ENDPOINT"):
        return None
    return f"this home holds {universe}, and HF_ENDPOINT names no Hub of it"


def had(home: Home, day: date, table: str = store.MODELS) -> Sealed | None:
    """The day as a crawl sealed it; None where none did, or the first gate refused it.

    A second crawl of a day finds counters of a later hour, as an archive has those of its own.
    Sealed as a correction they would have the whole warehouse built anew.
    """
    sealed = _crawled(home, day, table)
    if sealed is None:
        return None
    verdict = verdicts.kept(home, sealed)
    return sealed if verdict is None or verdict.passed else None


def refused(home: Home, day: date, at: datetime, table: str = store.MODELS) -> str | None:
    """Why a day that is not had is not crawled `at` that time: a crawl was refused before; or None.

    Of a later hour the content is another, and may be good.
    """
    tries = [
        (one.at, f"the crawl of {day} was refused and set aside in {one.folder}: {one.in_short}")
        for one in aside.found(home, table)
        if one.snapshot_date == day
    ]
    if sealed := _crawled(home, day, table):
        why = f"{day} was refused by the first gate"
        tries.append((datetime.fromisoformat(sealed.sealed_at), why))
    if not tries:
        return None
    last, why = max(tries)
    again = last + AGAIN_AFTER
    if at >= again:
        return None
    return (
        f"{why}. It is crawled again at {again:%Y-%m-%d %H:%M} UTC, if its day lasts until then; "
        "`observatory run` crawls it at once"
    )


def settled(home: Home, day: date, sealed: Sealed | None, at: datetime) -> str | None:
    """Why a run `at` that time would do nothing for `day`, or only what it did before; or None.

    `sealed` is the day as it is had.
    """
    if sealed is None:
        return refused(home, day, at)
    if verdicts.kept(home, sealed) is None:
        return None
    if _was_shown(home, day):
        return f"{day} is published"
    refused_at = refusals.standing_since(home)
    if refused_at is not None and refused_at >= datetime.fromisoformat(sealed.sealed_at):
        return f"the publication of {day} was refused, and waits for somebody to decide"
    return None


def _crawled(home: Home, day: date, table: str) -> Sealed | None:
    sealed = store.find(home, day, table)
    return sealed if sealed is not None and sealed.source["kind"] == "live" else None


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
