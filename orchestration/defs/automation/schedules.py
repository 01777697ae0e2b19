"""When things run."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.automation.jobs import daily_observatory


@dg.schedule(
    job=daily_observatory,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 06:00 UTC: the Hub as it is that day.",
)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=day, partition_key=day, tags={"dagster/max_runtime": "64800"})
