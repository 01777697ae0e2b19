"""Runs that the UI still shows at work though their process is gone.

What belongs here: telling them by the home's lock and reporting them as failed. The home
itself needs no help: its lock goes with its process.
"""

from __future__ import annotations

import dagster as dg

from orchestration.defs.fetch.resources import HELD
from orchestration.home import Home

# A full disk can end a run before it can be written down that it has begun.
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def close_dead_runs(instance: dg.DagsterInstance, home: Home) -> list[str]:
    """Report as failed the unfinished runs that once came to the home's lock; returns their ids.

    None where others wait for the home or hold it: one of these may be theirs.
    """
    came = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
        if run.tags.get(HELD) == str(home.root) and not _waits(run)
    ]
    # Asked after the runs are listed: who comes to the lock between is not among them.
    dead = [] if home.others() else came
    for run in dead:
        instance.report_run_failed(run, message="its process is gone; the home is free again")
    return [run.run_id for run in dead]


def _waits(run: dg.DagsterRun) -> bool:
    """Whether it is to begin yet: a repeated run bears the tags of the first before it does."""
    return run.status == dg.DagsterRunStatus.NOT_STARTED and run.parent_run_id is not None
