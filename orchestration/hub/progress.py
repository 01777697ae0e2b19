"""How far a crawl is, for people who watch it.

What belongs here: the figures and the estimate. Where they are shown is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from orchestration.hub.client import HubClient
from orchestration.hub.landing import Landing
from orchestration.hub.pages import LISTINGS, PAGE_ROWS


@dataclass(frozen=True)
class Progress:
    """How far a crawl is: rows of what is called `name`, and pages.

    Rates are of this process; `note` says why nothing comes.
    """

    rows: int
    pages: int
    rate_per_second: float
    quota_left: int | None
    quota_resets_in: float | None
    seconds_to_go: float | None
    note: str | None = None
    name: str = "models"

    def __str__(self) -> str:
        parts = [
            f"{self.rows:,} {self.name} in {self.pages:,} page{'' if self.pages == 1 else 's'}",
            f"{self.rate_per_second:,.0f} {self.name}/s",
        ]
        if self.quota_left is not None and self.quota_resets_in is not None:
            parts.append(f"quota {self.quota_left:,} for {self.quota_resets_in:.0f} s")
        if self.seconds_to_go is not None:
            parts.append(f"{timedelta(seconds=round(self.seconds_to_go))} to go")
        if self.note is not None:
            parts.append(self.note)
        return ", ".join(parts)


class Watch:
    """Tells `progress` how far the crawl is."""

    def __init__(
        self,
        client: HubClient,
        progress: Callable[[Progress], None] | None,
        expected_rows: int | None,
    ) -> None:
        self._client = client
        self._progress = progress
        self._expected = expected_rows
        self._begun = client.clock.now()
        self._here = self._rows = self._pages = 0
        self._name = ""

    def begin(self, landing: Landing) -> None:
        self._begun = self._client.clock.now()
        self._name = LISTINGS[landing.begun.table].name
        self._here, self._pages = 0, len(landing.pages)
        self._rows = sum(entry.rows for entry in landing.entries)

    def page(self, rows: int) -> None:
        self._pages += 1
        self._here += rows
        self._rows += rows
        self._tell(None)

    def note(self, text: str) -> None:
        self._tell(text)

    def _tell(self, note: str | None) -> None:
        if self._progress is None:
            return
        now, quota = self._client.clock.now(), self._client.quota
        rate = self._here / max(now - self._begun, 1e-3)
        self._progress(
            Progress(
                rows=self._rows,
                pages=self._pages,
                rate_per_second=rate,
                quota_left=quota.left if quota else None,
                quota_resets_in=max(0.0, quota.resets_at - now) if quota else None,
                seconds_to_go=self._to_go(rate, now),
                note=note,
                name=self._name,
            )
        )

    def _to_go(self, rate: float, now: float) -> float | None:
        """At the rate so far, or at what the quota allows, whichever takes longer."""
        if self._expected is None or not self._here:
            return None
        rows = max(0, self._expected - self._rows)
        quota, by_quota = self._client.quota, 0.0
        if quota is not None:
            beyond = -(-rows // PAGE_ROWS) - quota.left
            if beyond > 0:
                windows = beyond // quota.limit if quota.limit else 0
                by_quota = max(0.0, quota.resets_at - now) + windows * quota.window
        return max(rows / rate, by_quota)
