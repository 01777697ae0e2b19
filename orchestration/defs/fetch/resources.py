"""What the assets share: owners, freshness, how they refuse, and the home, held for the run.

What belongs here: what assets of more than one stage need, and no step of any.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg

from orchestration.errors import Refusal
from orchestration.home import Home

OWNERS = ["team:hub-observatory"]

# What is made every day is late after six hours of grace, and missing after a day of it.
FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=48), warn_window=timedelta(hours=30)
)

# The UI's queue shows one run at a time at the warehouse. The lock that counts is the home's
# own, which is free as soon as its process is gone.
POOL = "observatory_home"

# The tag of a run that has held the lock of the home it names, or waited for it, or was begun by
# who held it.
HELD = "observatory/held_home"


@contextmanager
def refusing() -> Iterator[None]:
    """Show a Refusal inside as Dagster shows an answer: its words, no error, nothing retried."""
    try:
        yield
    except Refusal as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal


class HomeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The observatory's home, locked while a run works in it.

    One run is one process (the in-process executor), so the lock is held from the run's first
    step to its last and goes with the process, however that ends.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[HomeResource]:
        run = context.run
        purpose = f"run {run.run_id[:8]} of {run.job_name}" if run else "a run"

        def note() -> None:
            if run is not None and context.instance is not None:
                context.instance.add_run_tags(run.run_id, {HELD: str(self.home.root)})

        def waiting(words: str) -> None:
            note()
            if context.log is not None:
                context.log.info(words)

        with self.home.lock(purpose, waiting=waiting):
            note()
            yield self

    @property
    def home(self) -> Home:
        return Home.from_environment()
