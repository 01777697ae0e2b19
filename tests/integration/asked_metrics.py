"""Asks MetricFlow several questions in one process: `python -m tests.integration.asked_metrics`.

What belongs here: what `mf query` does, without starting anew for each question. Standard input
is a list of [metrics, group by, where], standard output the list of answers, rows of texts.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from orchestration import metrics
from orchestration.defs.transform.project import ensure_manifest
from orchestration.home import Home


def main() -> None:
    """Answer the questions over the home of `OBSERVATORY_HOME`."""
    ensure_manifest()
    _, environment = metrics.command(Home.from_environment(), [])
    os.environ |= environment
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    configuration = CLIConfiguration()
    configuration.setup(configure_file_logging=False)
    answers: dict[str, Any] = {"listed": [one.name for one in configuration.mf.list_metrics()]}
    answers["answers"] = []
    for names, group_by, where in json.load(sys.stdin):
        request = MetricFlowQueryRequest.create(
            metric_names=names, group_by_names=group_by or None, where_constraints=where or None
        )
        table = configuration.mf.query(request).result_df
        assert table is not None
        answers["answers"].append(
            [dict(zip(table.column_names, row, strict=True)) for row in table.rows]
        )
    print(json.dumps(answers, default=str))


if __name__ == "__main__":
    main()
