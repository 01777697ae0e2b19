"""When things run."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.automation.jobs import daily_observatory
from orchestration.status import DAILY_RUN_AT


@dg.schedule(
    job=daily_observatory,
    cron_schedule=f"{DAILY_RUN_AT.minute} {DAILY_RUN_AT.hour} * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Every day at {DAILY_RUN_AT:%H:%M} UTC: the Hub as it is that day.",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=day, partition_key=day, tags={"dagster/max_runtime": "64800"})
