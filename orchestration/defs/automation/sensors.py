"""What is watched between runs."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.automation.dead_runs import close_dead_runs
from orchestration.home import Home


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process is gone, so that the queue behind them moves on.",
)
def dead_run_closer(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    home = Home.from_environment()
    holder = home.holder()
    if holder is not None:
        return dg.SkipReason(f"the home is in use by {holder}")
    closed = close_dead_runs(context.instance, home)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "every run is alive")
