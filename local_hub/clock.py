"""The local Hub's own time.

What belongs here: which moment it plays. The local clock only tells how much time went by.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day


class Clock:
    """Shows the moment it was set to, plus the time that has run on since."""

    def __init__(self, moment: date | datetime) -> None:
        self.set(moment)

    def set(self, moment: date | datetime) -> None:
        """Play `moment` (UTC) from now on. A bare date begins at noon, far from midnight."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time_of_day(12), tzinfo=UTC)
        elif moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        self._start = moment.astimezone(UTC)
        self._since = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._since)
