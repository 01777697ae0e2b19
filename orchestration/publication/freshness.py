"""When what is published is stale: one rule for the alert, `observatory status` and the pages.

What belongs here: which publications age, and how old is stale. The words are of those who tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

STALE_AFTER = timedelta(days=2)


def ages(manifest: Mapping[str, Any]) -> bool:
    """Whether newer days are to be had: of the Hub itself, and of a panel ever crawled live.

    Other recorded days do not age, nor do those of a generated world: they are no days. The newest
    day alone does not decide: a back-fill that bridges a broken crawl ends no watch.
    """
    match (manifest.get("universe") or {}).get("kind"):
        case "hub":
            return True
        case "world":
            return False
        case _:
            return any(day["kind"] == "live" for day in manifest.get("sources") or [])
