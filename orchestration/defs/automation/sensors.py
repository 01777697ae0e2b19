"""What is watched between runs: runs that died, and what people want to be told of.

What belongs here: how often one looks, and where it is told. What is found is the business of
`dead_runs` and of `orchestration/alerts`.
"""

from __future__ import annotations

from functools import partial

import dagster as dg

from orchestration.alerts import webhook
from orchestration.alerts.journal import Journal, Raised
from orchestration.alerts.rules import RULES, Rule
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


def _alert_sensor(name: str, rule: Rule) -> dg.SensorDefinition:
    """A sensor that tells what `rule` finds: to Dagster's log and, once each, to the webhook."""
    what = " ".join((rule.__doc__ or "").split())

    @dg.sensor(
        name=name,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Alert: {what} Told once, here and to {webhook.URL} where that is set.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        home = Home.from_environment()
        journal = Journal(home.alerts)
        raised = journal.raise_new(name, rule(home))
        for one in raised:
            context.log.warning(f"alert {one.id}: {one.alert.text} {one.alert.link}")
        url = webhook.url_from_environment()
        if url is None:
            journal.settle(name)
            troubles = []
        else:
            troubles = journal.deliver(name, partial(webhook.post, url))
        for trouble in troubles:
            context.log.error(f"an alert waits: {trouble}")
        said = f"{len(raised)} new" if raised else "nothing new"
        return dg.SensorResult(
            skip_reason="; ".join([said, *troubles]),
            asset_events=[_observation(one) for one in raised],
        )

    return tell


def _observation(raised: Raised) -> dg.AssetObservation:
    """The alert in the history of the asset it is about."""
    alert = raised.alert
    return dg.AssetObservation(
        asset_key=alert.asset,
        description=alert.text,
        metadata={
            "alert": alert.text,
            "rule": raised.rule,
            "link": dg.MetadataValue.url(alert.link),
            "as_of": alert.as_of,
        },
    )


alert_sensors = [_alert_sensor(name, rule) for name, rule in RULES.items()]
