"""When things run."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.automation.jobs import daily_observatory, other_repositories
from orchestration.defs.fetch.other_repositories import also_crawled
from orchestration.status import DAILY_RUN_AT


@dg.schedule(
    job=daily_observatory,
    cron_schedule=f"{DAILY_RUN_AT.minute} {DAILY_RUN_AT.hour} * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Every day at {DAILY_RUN_AT:%H:%M} UTC: the Hub as it is that day.",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return _of_the_day(context)


# The home's lock lets one run work at a time: this one waits for the models.
@dg.schedule(
    job=other_repositories,
    cron_schedule="30 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING
    if also_crawled()
    else dg.DefaultScheduleStatus.STOPPED,
    description="Every day at 06:30 UTC, where asked for: the Hub's datasets and Spaces.",
)
def every_morning_others(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return _of_the_day(context)


def _of_the_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=day, partition_key=day, tags={"dagster/max_runtime": "64800"})
