"""The code location.

What belongs here: what puts together what `defs/` defines. Nothing is defined here.
"""

from __future__ import annotations

import dagster as dg

from orchestration.defs.automation.jobs import (
    daily_observatory,
    fetch_only,
    other_repositories,
    publish_again,
)
from orchestration.defs.automation.schedules import every_morning, every_morning_others
from orchestration.defs.automation.sensors import alert_sensors, dead_run_closer
from orchestration.defs.fetch.assets import fetch
from orchestration.defs.fetch.checks import gate_1
from orchestration.defs.fetch.other_repositories import others
from orchestration.defs.fetch.resources import HomeResource
from orchestration.defs.publish.assets import publication
from orchestration.defs.publish.served import served_copy
from orchestration.defs.retain.assets import history
from orchestration.defs.transform.assets import transform, transform_others

defs = dg.Definitions(
    assets=[fetch, transform, publication, served_copy, history, *others, transform_others],
    asset_checks=[gate_1],
    jobs=[daily_observatory, publish_again, fetch_only, other_repositories],
    schedules=[every_morning, every_morning_others],
    sensors=[dead_run_closer, *alert_sensors],
    resources={"observatory": HomeResource()},
    # One run is one process: the home's lock is held for a whole run and goes with it.
    executor=dg.in_process_executor,
)
