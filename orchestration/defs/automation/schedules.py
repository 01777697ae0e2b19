"""When things run.

What belongs here: the hours, and what makes a run needless at one of them. A live day cannot be
had later, and an outage can outlast a run's patience: so each hour of the day asks again, until
the day is had, and those after midnight ask for what may still be had of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from orchestration import due
from orchestration.defs.automation.jobs import (
    daily_observatory,
    other_kinds,
    other_repositories,
)
from orchestration.defs.fetch.other_repositories import also_crawled
from orchestration.home import Home
from orchestration.hub.crawl import may_be_ended
from orchestration.snapshots import store
from orchestration.status import DAILY_RUN_AT

# Of a day that is sealed: what came from outside has passed by then, and the next day's run
# builds it too.
MOST_FAILURES = 3

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.schedule(
    job=daily_observatory,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Every day at {DAILY_RUN_AT:%H:%M} UTC: the Hub as it is that day. "
    "Again every hour of the day, until it is published or refused; and after midnight, while its "
    "crawl may still be ended.",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return _of_the_day(context, daily_observatory.name, [store.MODELS], _settled)


@dg.schedule(
    job=other_repositories,
    cron_schedule="30 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING
    if also_crawled()
    else dg.DefaultScheduleStatus.STOPPED,
    description="Every day at 06:30 UTC, where asked for: the Hub's datasets and Spaces. "
    "Again every hour of the day, until they are sealed; and after midnight, while a crawl of them "
    "may still be ended.",
)
def every_morning_others(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    tables = [kind.table for kind in other_kinds]
    return _of_the_day(context, other_repositories.name, tables, _others_settled)


def _of_the_day(
    context: dg.ScheduleEvaluationContext,
    job: str,
    tables: Sequence[str],
    settled: Callable[[dg.DagsterInstance, Home, date, datetime], str | None],
) -> dg.RunRequest | dg.SkipReason:
    """A run for the day of the tick, or why none is needed or can be had.

    Before the hour at which a day begins, the day before is still the one to be ended.
    """
    tick, home = context.scheduled_execution_time, Home.from_environment()
    day = (tick - timedelta(hours=DAILY_RUN_AT.hour)).date()
    # Not the hour of the tick: those that a daemon missed are caught up with.
    now = datetime.now(UTC)
    if day < now.date() and not any(may_be_ended(home, table, day, now) for table in tables):
        return dg.SkipReason(f"{day} is over, and the Hub tells the counters of its own day only")
    if why := due.out_of_reach(home.universe()):
        return dg.SkipReason(why)
    if holder := home.holder():
        return dg.SkipReason(f"the home is in use by {holder}")
    under_way = dg.RunsFilter(job_name=job, statuses=_UNFINISHED)
    if runs := context.instance.get_runs(under_way, limit=1):
        return dg.SkipReason(f"run {runs[0].run_id[:8]} is under way")
    if why := settled(context.instance, home, day, tick):
        return dg.SkipReason(why)
    return dg.RunRequest(
        run_key=f"{day}T{tick:%H}",
        partition_key=day.isoformat(),
        tags={"dagster/max_runtime": "64800"},
    )


def _settled(instance: dg.DagsterInstance, home: Home, day: date, tick: datetime) -> str | None:
    sealed = due.had(home, day)
    why = due.settled(home, day, sealed, tick)
    if why or sealed is None:
        return why
    failed = dg.RunsFilter(
        job_name=daily_observatory.name,
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={"dagster/partition": day.isoformat()},
        created_after=datetime.fromisoformat(sealed.sealed_at),
    )
    count = instance.get_runs_count(failed)
    if count < MOST_FAILURES:
        return None
    return f"{day} is sealed, and {count} runs have failed to publish it since"


def _others_settled(_: dg.DagsterInstance, home: Home, day: date, tick: datetime) -> str | None:
    missing = [kind.table for kind in other_kinds if due.had(home, day, kind.table) is None]
    if not missing:
        return f"{' and '.join(kind.name for kind in other_kinds)} of {day} are sealed"
    # One run crawls whatever is missing: where one kind waits, the other does too.
    refused = (due.refused(home, day, tick, table) for table in missing)
    return "; ".join(filter(None, refused)) or None
