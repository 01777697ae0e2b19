"""Fixed-window request quotas, as the Hub counts them.

What belongs here: counting and the headers that tell the count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

UNLIMITED = 10**9


@dataclass(frozen=True)
class Allowance:
    """What is left to one client after a request."""

    granted: bool
    limit: int
    remaining: int
    resets_in: int
    window: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit": f'"api";r={self.remaining};t={self.resets_in}',
            "RateLimit-Policy": f'"fixed window";"api";q={self.limit};w={self.window}',
        }


@dataclass
class Quota:
    """Requests a window: for all anonymous clients together, and for each token.

    The defaults are the Hub's. A window begins with the first request after the last one ended.
    """

    anonymous: int = 500
    token: int = 1000
    window: int = 300
    clock: Callable[[], float] = time.monotonic
    _windows: dict[str | None, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def unlimited(cls) -> Quota:
        """A quota that no test runs into."""
        return cls(anonymous=UNLIMITED, token=UNLIMITED)

    def spend(self, token: str | None) -> Allowance:
        """Count one request of `token` (None: anonymous)."""
        limit = self.anonymous if token is None else self.token
        now = self.clock()
        began, used = self._windows.get(token, (now, 0))
        if now - began >= self.window:
            began, used = now, 0
        used += 1
        self._windows[token] = (began, used)
        return Allowance(
            granted=used <= limit,
            limit=limit,
            remaining=max(0, limit - used),
            resets_in=max(0, round(self.window - (now - began))),
            window=self.window,
        )
