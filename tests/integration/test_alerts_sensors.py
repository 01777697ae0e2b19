"""Alerts as people get them: real ticks of the sensors, a real receiver on loopback."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest

from orchestration.alerts import webhook
from orchestration.alerts.journal import Journal
from orchestration.alerts.rules import RULES
from orchestration.defs.automation.sensors import alert_sensors
from orchestration.home import CHECKOUT, Home
from orchestration.publication import swap
from tests.integration.webhook_receiver import PATH, Receiver, receiver
from tests.unit.published_home import publish
from tests.unit.test_alerts_rules import OVERTAKE, claims, coverage

TODAY = date.today()
SENSORS = {sensor.name: sensor for sensor in alert_sensors}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("OBSERVATORY_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as found:
        monkeypatch.setenv(webhook.URL, found.url)
        yield found


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(instance: dg.DagsterInstance, *names: str) -> dict[str, str]:
    """One tick of each sensor named (default: all); the words of each in the UI."""
    said = {}
    for name in names or SENSORS:
        with dg.build_sensor_context(instance=instance) as context:
            data = SENSORS[name].evaluate_tick(context)
        assert not data.run_requests
        for event in data.asset_events:
            assert isinstance(event, dg.AssetObservation)
            instance.report_runless_asset_event(event)
        said[name] = data.skip_message or ""
    return said


def publish_all(home: Home) -> None:
    """A generation with something to tell under every rule that reads publications."""
    overtake = OVERTAKE | {"overtaken_on": TODAY - timedelta(days=8), "confirmed_on": TODAY}
    day = TODAY - timedelta(days=2)
    before = day - timedelta(days=1)
    publish(home, before, {"fct_claims": claims("holds", until=before)})
    rule = "claim_verdict_changed"
    assert Journal(home.alerts).raise_new(rule, RULES[rule](home)) == []
    publish(
        home,
        day,
        {
            "fct_overtakes": [overtake],
            "fct_claims": claims("holds", "does not hold", until=day),
            "fct_mapping_coverage_daily": coverage(*[0.8] * 9, 0.7, until=day),
        },
    )


def test_each_alert_comes_once_with_a_link_in_the_shape_of_slack(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    publish_all(home)
    for _ in range(3):
        tick(instance)
    assert len(slack.taken) == len({message["key"] for message in slack.taken}) == 4
    assert {text.partition(":")[0] for text in slack.texts} == {
        "Overtake confirmed",
        "Claim verdict changed",
        "Data stale",
        "Coverage fallen",
    }
    for message in slack.taken:
        section, context = message["blocks"]
        assert section["type"] == "section" and section["text"]["type"] == "mrkdwn"
        assert "|Open the dashboard>" in section["text"]["text"]
        assert "/published/current/dashboard/" in section["text"]["text"]
        assert context["elements"][0]["type"] == "mrkdwn"


def test_alerts_stand_in_the_history_of_the_asset_they_are_about(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    publish_all(home)
    tick(instance, "coverage_fallen")
    (record,) = instance.fetch_observations(
        dg.AssetKey("fct_mapping_coverage_daily"), limit=1
    ).records
    assert record.asset_observation is not None
    assert "coverage has fallen" in str(record.asset_observation.description)


def test_a_webhook_that_is_down_loses_and_doubles_nothing(
    home: Home, slack: Receiver, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_all(home)
    port = urlsplit(slack.url).port
    assert port is not None
    monkeypatch.setenv(webhook.URL, f"http://127.0.0.1:9{PATH}")
    said = tick(instance)
    assert "1 new; the webhook is not reached (ConnectError)" in said["data_stale"]
    assert tick(instance)["data_stale"].startswith("nothing new; the webhook is not reached")
    monkeypatch.setenv(webhook.URL, slack.url)
    slack.answers += [500, 429, 503, 404]
    for _ in range(4):
        tick(instance)
    assert len(slack.taken) == 4 and len(slack.attempts) == 8
    assert len({message["key"] for message in slack.attempts}) == 4


def test_one_message_that_is_refused_does_not_hold_up_the_others(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    both = [OVERTAKE | {"confirmed_on": TODAY}, OVERTAKE | {"attribution": "base_model"}]
    publish(home, TODAY, {"fct_overtakes": [row | {"confirmed_on": TODAY} for row in both]})
    slack.answers += [400]
    tick(instance, "overtake_confirmed")
    assert len(slack.taken) == 1
    tick(instance, "overtake_confirmed")
    assert len(slack.taken) == 2


def test_a_rollback_tells_nothing_again(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    names = []
    for back in (1, 0):
        day = TODAY - timedelta(days=back)
        confirmed = OVERTAKE | {"confirmed_on": TODAY - timedelta(days=1)}
        verdicts = claims("holds", *["undecided"] * (1 - back), until=day)
        names.append(publish(home, day, {"fct_overtakes": [confirmed], "fct_claims": verdicts}))
        tick(instance)
    assert len(slack.taken) == 2
    for name in (names[0], names[1], names[0]):
        swap.rollback(home, name)
        tick(instance)
    assert len(slack.taken) == 2


def test_a_sensor_that_is_killed_while_it_sends_neither_loses_nor_doubles(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    publish_all(home)
    # The process ends at the moment it would open the connection to the receiver.
    program = (
        "import os, signal, dagster as dg\n"
        "from orchestration.alerts import webhook\n"
        "webhook.post = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from orchestration.defs.automation.sensors import alert_sensors\n"
        "sensor = next(one for one in alert_sensors if one.name == 'data_stale')\n"
        "sensor.evaluate_tick(dg.build_sensor_context())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, env=dict(os.environ), check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert [alert["sent_at"] for alert in Journal(home.alerts).last(9)] == [None]
    for _ in range(2):
        tick(instance, "data_stale")
    assert len(slack.taken) == 1


def test_without_a_webhook_the_log_alone_is_told(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(webhook.URL, raising=False)
    publish_all(home)
    assert set(tick(instance).values()) == {"1 new", "nothing new"}
    with receiver() as later:
        monkeypatch.setenv(webhook.URL, later.url)
        tick(instance)
        assert later.taken == []


def test_the_address_of_the_webhook_is_told_to_nobody(
    home: Home,
    slack: Receiver,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    publish_all(home)
    slack.answers += [500]
    said = tick(instance)
    for address in (f"http://127.0.0.1:9{PATH}", f"nonsense{PATH}", f"http://[{PATH}"):
        monkeypatch.setenv(webhook.URL, address)
        said |= tick(instance)
    captured = capfd.readouterr()
    everything = [*said.values(), caplog.text, captured.out, captured.err]
    everything += [str(alert) for alert in Journal(home.alerts).last(99)]
    assert not [text for text in everything if "secretSecret" in text]


def test_names_of_strangers_cannot_mention_or_link(
    home: Home, slack: Receiver, instance: dg.DagsterInstance
) -> None:
    hostile = OVERTAKE | {
        "entity_kind": "organization",
        "leader": "<!channel>",
        "follower": "<https://evil.example|click>",
        "confirmed_on": TODAY,
    }
    publish(home, TODAY, {"fct_overtakes": [hostile]})
    tick(instance, "overtake_confirmed")
    (message,) = slack.taken
    assert "<!channel>" not in str(message) and "<https://evil" not in str(message)
    assert "&lt;!channel&gt; passed" in message["text"]


def test_there_is_a_sensor_for_every_rule_that_says_what_it_tells() -> None:
    assert set(SENSORS) == set(RULES)
    for sensor in SENSORS.values():
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.description and sensor.description.startswith("Alert: ")
