"""How long to wait for the Hub, and for what.

What belongs here: the two kinds of failure, the waits between tries, the clock that tests can
replace. Patience is for outages; nonsense that comes again is refused soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

if TYPE_CHECKING:
    from orchestration.hub.client import Answer, HubClient

T = TypeVar("T")


class Clock:
    """Seconds that only grow, and sleep. Tests bring their own."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Outage(Exception):
    """The Hub cannot be had now; waiting may help. `wait`: seconds it asked us to wait.

    `counts` is False where the Hub is well and only asks for patience (429).
    """

    def __init__(self, cause: str, *, wait: float | None = None, counts: bool = True) -> None:
        super().__init__(cause)
        self.wait = wait
        self.counts = counts


class Nonsense(Exception):
    """An answer that no Hub gives. `name` is short and stable, for tables and logs."""

    def __init__(self, cause: str, *, name: str, status: int | None = None) -> None:
        super().__init__(cause)
        self.name = name
        self.status = status


class DeadlinePassed(Exception):
    """The time that was given for the whole is over."""


@dataclass
class Patience:
    """Tries again: `outage` seconds through outages, `attempts` times through nonsense.

    `politeness`: seconds to bear with a Hub that answers 429 and nothing else. `deadline` is a
    time of the client's clock. Counts `retries` and the seconds `waited`.
    """

    outage: float
    attempts: int = 3
    politeness: float = 3600.0
    deadline: float | None = None
    retries: int = field(default=0, compare=False)
    waited: float = field(default=0.0, compare=False)

    def get(
        self,
        client: HubClient,
        path: str,
        read: Callable[[Answer], T],
        *,
        accept: frozenset[int] = frozenset({200}),
        tell: Callable[[str], None] | None = None,
        seconds: float | None = None,
    ) -> T:
        """What `read` makes of the answer to `path`, the quota honoured.

        `seconds` bounds each single answer, as in `HubClient.ask`.

        The last Outage or Nonsense when patience ends; DeadlinePassed before a wait that
        would outlast the deadline.
        """
        trial = _Trial(self, client.clock, tell)
        for attempt in Retrying(
            sleep=trial.sleep,
            stop=trial.ends,
            wait=trial.wait,
            retry=retry_if_exception_type((Outage, Nonsense)),
            reraise=True,
        ):
            with attempt:
                trial.pause(client.may_ask_in, "the quota of this window is used up")
                trial.asked_at = client.clock.now()
                return read(client.ask(path, accept=accept, seconds=seconds))
        raise AssertionError("unreachable: tenacity raises or we return")


class _Trial:
    """One request under way, with its failures so far."""

    # 3 tries of nonsense wait at most 2 + 4 s.
    _backoff = wait_random_exponential(multiplier=2, max=60, min=0.5)
    _nonsense_ends = 20.0

    def __init__(
        self, patience: Patience, clock: Clock, tell: Callable[[str], None] | None
    ) -> None:
        self.patience = patience
        self.clock = clock
        self.tell = tell
        self.begun = self.asked_at = clock.now()
        self.failing_since: float | None = None
        self.nonsense = 0
        self.cause = ""

    def wait(self, state: RetryCallState) -> float:
        error = _failure(state)
        self.cause = str(error)
        asked = error.wait if isinstance(error, Outage) else None
        if asked is not None and asked >= 1:
            return asked
        # "At once" is no time to wait: eighty requests a second would follow.
        return max(asked or 0.0, self._backoff(state))

    def ends(self, state: RetryCallState) -> bool:
        error, now = _failure(state), self.clock.now()
        if isinstance(error, Outage) and not error.counts:
            return now - self.begun + state.upcoming_sleep > self.patience.politeness
        if self.failing_since is None:
            self.failing_since = self.asked_at
        if isinstance(error, Nonsense):
            self.nonsense += 1
            if self.nonsense >= self.patience.attempts:
                return True
            return now - self.failing_since > min(self._nonsense_ends, self.patience.outage)
        return now - self.failing_since + state.upcoming_sleep > self.patience.outage

    def sleep(self, seconds: float) -> None:
        self.patience.retries += 1
        self.pause(seconds, self.cause)

    def pause(self, seconds: float, why: str) -> None:
        if seconds <= 0:
            self._check_deadline(0.0)
            return
        self._check_deadline(seconds)
        if self.tell is not None:
            self.tell(f"{why}: next request in {seconds:.0f} s")
        self.clock.sleep(seconds)
        self.patience.waited += seconds

    def _check_deadline(self, ahead: float) -> None:
        deadline = self.patience.deadline
        if deadline is not None and self.clock.now() + ahead >= deadline:
            raise DeadlinePassed


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
