"""What the alert rules tell of a home, and that the journal tells it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration import status
from orchestration.alerts import rules
from orchestration.alerts.journal import Journal, NotTaken, Raised
from orchestration.alerts.rules import Alert
from orchestration.gates import raw
from orchestration.home import Home, Universe
from orchestration.hub import aside
from orchestration.publication import refusals, swap
from orchestration.snapshots import store
from tests.unit.marts_fixture import build_warehouse, seal
from tests.unit.published_home import HUB, publish

DAY = date(2026, 8, 20)
PANEL = Universe("panel", "tracker")
WORLD = Universe("world", "demo")
SLICE = {"window_name": "30d", "attribution": "publisher", "cohort": "all", "scope": "all"}
OVERTAKE = {
    **SLICE,
    "overtaken_on": DAY - timedelta(days=8),
    "entity_kind": "country",
    "leader": "CN",
    "follower": "US",
    "leader_share": 0.171,
    "follower_share": 0.158,
    "confirmed": True,
    "confirmed_on": DAY - timedelta(days=1),
    "is_certain": False,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def told(home: Home, rule: str) -> list[Alert]:
    return [one.alert for one in Journal(home.alerts).raise_new(rule, rules.RULES[rule](home))]


def claims(*verdicts: str, until: date = DAY, provisional: int = 0) -> list[dict[str, Any]]:
    """One claim's verdicts of the days to `until`, the last `provisional` of them unsettled."""
    first = until - timedelta(days=len(verdicts) - 1)
    return [
        {
            **SLICE,
            "snapshot_date": first + timedelta(days=day),
            "claim_id": "c1",
            "claim": "China leads",
            "verdict_for_period": "not measurable yet",
            "verdict_today": verdict,
            "why": "measured 17.1 %; the claim wants more than 15.8 %",
            "downloads_attributed_share": 0.579,
            "is_provisional": day >= len(verdicts) - provisional,
        }
        for day, verdict in enumerate(verdicts)
    ]


def coverage(*shares: float, until: date = DAY) -> list[dict[str, Any]]:
    first = until - timedelta(days=len(shares) - 1)
    return [
        {"snapshot_date": first + timedelta(days=day), **SLICE, "downloads_attributed_share": share}
        for day, share in enumerate(shares)
    ]


@pytest.mark.parametrize("rule", sorted(rules.RULES))
def test_an_empty_home_and_a_publication_without_the_tables_tell_nothing(
    rule: str, home: Home
) -> None:
    assert told(home, rule) == []
    publish(home, DAY, {}, kinds=["archive"], universe=PANEL)
    assert told(home, rule) == []


def test_a_confirmed_overtake_is_told_with_its_slice_doubt_and_link(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(rules.DASHBOARD_URL, "https://numbers.example/hub/")
    publish(home, DAY, {"fct_overtakes": [OVERTAKE]}, universe=WORLD)
    (alert,) = told(home, "overtake_confirmed")
    for words in (
        "GENERATED WORLD: China passed United States on 2026-08-12",
        "17.10% against 15.80%",
        "window 30d, attribution publisher, cohort all, scope all",
        "not certain",
    ):
        assert words in alert.text
    assert alert.link == "https://numbers.example/hub/index.html"
    assert told(home, "overtake_confirmed") == []


@pytest.mark.parametrize(
    "change",
    [
        {"confirmed": False, "confirmed_on": None},
        {"confirmed_on": DAY - rules.NEWS},
        {"leader_share": 0.009},
        {"window_name": "365d"},
        {"cohort": "new_365d"},
        {"scope": "language_models"},
    ],
)
def test_what_is_not_confirmed_old_small_or_of_another_slice_is_no_news(
    change: dict[str, Any], home: Home
) -> None:
    publish(home, DAY, {"fct_overtakes": [OVERTAKE | change]})
    assert told(home, "overtake_confirmed") == []


def test_who_takes_the_lead_back_is_told_and_each_attribution_by_itself(home: Home) -> None:
    back = OVERTAKE | {"leader": "US", "follower": "CN", "confirmed_on": DAY}
    publish(
        home, DAY, {"fct_overtakes": [back, OVERTAKE, OVERTAKE | {"attribution": "base_model"}]}
    )
    assert len(told(home, "overtake_confirmed")) == 3


def test_a_share_of_a_recorded_panel_names_the_panel(home: Home) -> None:
    publish(home, DAY, {"fct_overtakes": [OVERTAKE]}, universe=PANEL)
    (alert,) = told(home, "overtake_confirmed")
    assert alert.text.startswith("the recorded panel 'tracker': China passed United States")


def verdicts_told(home: Home, *generations: Sequence[dict[str, Any]]) -> list[list[Alert]]:
    """What is told after each of `generations`, one a day to DAY."""
    found = []
    for at, rows in enumerate(generations, start=1):
        publish(home, DAY - timedelta(days=len(generations) - at), {"fct_claims": rows})
        found.append(told(home, "claim_verdict_changed"))
    return found


def test_a_changed_verdict_is_told_with_its_slice_and_coverage(home: Home) -> None:
    yesterday = DAY - timedelta(days=1)
    first, then = verdicts_told(
        home, claims("holds", "holds", until=yesterday), claims("holds", "holds", "undecided")
    )
    assert first == []
    (alert,) = then
    for words in (
        "“China leads” of the settled day 2026-08-20 is “undecided”",
        "since 2026-08-20; before it was “holds”",
        "measured 17.1 %; the claim wants more than 15.8 %",
        "window 30d, attribution publisher, cohort all, scope all; 57.9% of its downloads",
        # Of the first one nothing was told before.
        "An earlier alert about this claim, if there was one, counts no more",
    ):
        assert words in alert.text
    assert alert.link.endswith("/published/current/dashboard/claims.html")


def test_a_verdict_that_a_revision_takes_back_is_told_and_so_is_the_next_change(
    home: Home,
) -> None:
    until = [DAY - timedelta(days=back) for back in (3, 2, 1, 0)]
    found = verdicts_told(
        home,
        claims("undecided", "undecided", until=until[0]),
        claims("undecided", "undecided", "holds", until=until[1]),
        claims("undecided", "undecided", "undecided", "undecided", until=until[2]),
        claims("undecided", "undecided", "undecided", "undecided", "holds", until=until[3]),
    )
    assert [[alert.state for alert in alerts] for alerts in found] == [
        [],
        ["holds"],
        ["undecided"],
        ["holds"],
    ]
    assert "as on every settled day before" in found[2][0].text


def test_a_provisional_verdict_is_not_told_before_it_is_settled(home: Home) -> None:
    days = ["undecided"] * 3
    until = [DAY - timedelta(days=back) for back in (2, 1, 0)]
    found = verdicts_told(
        home,
        claims(*days, until=until[0]),
        claims(*days, "holds", until=until[1], provisional=1),
        claims(*days, "holds", "does not hold", until=until[2], provisional=1),
    )
    assert [[alert.state for alert in alerts] for alerts in found] == [[], [], ["holds"]]
    assert "of the settled day 2026-08-19" in found[2][0].text


def test_a_rebuild_that_moves_the_change_by_a_day_is_not_told_again(home: Home) -> None:
    until = [DAY - timedelta(days=back) for back in (2, 1, 0)]
    found = verdicts_told(
        home,
        claims("holds", "holds", until=until[0]),
        claims("holds", "holds", "undecided", until=until[1]),
        claims("holds", "holds", "undecided", "undecided", "undecided", until=until[2]),
    )
    assert [len(alerts) for alerts in found] == [0, 1, 0]


def test_a_rollback_and_its_undoing_tell_nothing(home: Home) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    verdicts = ("holds", "does not hold", "holds", "undecided")
    names = [
        publish(home, day, {"fct_claims": claims(*verdicts[: n + 2], until=day)})
        for n, day in enumerate(days)
        if told(home, "claim_verdict_changed") is not None
    ]
    assert len(told(home, "claim_verdict_changed")) == 1
    for name in (names[0], names[2], names[1], names[2]):
        swap.rollback(home, name)
        assert told(home, "claim_verdict_changed") == []


def test_a_refused_snapshot_tells_what_failed_and_what_to_do(home: Home) -> None:
    home.claim_universe(Universe("world", "fixture"))
    days = seal(
        home,
        3,
        change="delete from records where snapshot_date = date '2026-08-03' and hash(id) % 2 = 0",
    )
    raw.verdicts(home, days)
    (alert,) = told(home, "snapshot_refused")
    assert alert.text.startswith("GENERATED WORLD: the snapshot of 2026-08-03 was refused: rows_")
    assert "What to do: " in alert.text
    assert told(home, "snapshot_refused") == []


def test_a_day_refused_again_is_told_again_for_another_reason_only(home: Home) -> None:
    half = "delete from records where snapshot_date = date '2026-08-03' and hash(id) % 2 = "
    zeros = "update records set downloads = 0 where snapshot_date = date '2026-08-03'"
    texts = []
    for change in (f"{half} 0", f"{half} 1", zeros):
        raw.verdicts(home, seal(home, 3, change=change))
        # The time of sealing has seconds, and three in one second are no three hours of a day.
        manifest = store.folder_of(home, date(2026, 8, 3)) / store.MANIFEST
        sealed = store.read_manifest(manifest)
        at = f"2026-08-03T{sealed.version:02d}:00:00+00:00"
        manifest.write_text(replace(sealed, sealed_at=at).to_json())
        texts.append([alert.text for alert in told(home, "snapshot_refused")])
    assert [len(one) for one in texts] == [1, 0, 1]
    assert "rows_complete" in texts[0][0]
    assert "zeros_possible" in texts[2][0]


def test_a_crawl_set_aside_is_told_once_for_the_checks_that_failed(home: Home) -> None:
    """Each try misses others, and names them."""
    texts = []
    for failed, why in (
        ("rows", "90 % of the rows, and the Hub still has Qwen/Qwen3-8B"),
        ("rows", "88 % of the rows, and the Hub still has openai/gpt-oss-20b"),
        ("rows", "90 % of the rows, and the Hub still has Qwen/Qwen3-8B"),
        ("newest", "the newest of the models is of yesterday"),
    ):
        pages = home.landing / store.MODELS / str(DAY)
        pages.mkdir(parents=True)
        aside.put(home, pages, store.MODELS, DAY, failed, why)
        texts.append([alert.text for alert in told(home, "snapshot_refused")])
    assert [len(one) for one in texts] == [1, 0, 0, 1]
    assert texts[0][0].endswith("the Hub still has Qwen/Qwen3-8B")
    assert texts[3][0].endswith("the newest of the models is of yesterday")


def refuse_publication(home: Home, country: str) -> None:
    """Let gate 3 refuse the past with an organization in another country."""
    # Publications have seconds, and no real ones come two in a second.
    sleep(1.1)
    build_warehouse(home, moved={"owner-0": country})
    with pytest.raises(swap.PublicationRefused):
        swap.publish(home, code_version="1")
    sleep(1.1)


def publication_told(home: Home) -> list[str]:
    return [alert.text for alert in told(home, "publication_refused")]


def test_a_refused_publication_tells_what_failed_and_what_to_do_until_one_is_shown(
    home: Home,
) -> None:
    seal(home, 4, universe=HUB)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    assert publication_told(home) == []
    refuse_publication(home, "FR")
    (text,) = publication_told(home)
    assert text.startswith("a publication was refused")
    assert "history_as_published observed " in text
    assert "`observatory accept history_as_published --reason WHY`" in text
    (alert,) = rules.stale_data(home, DAY)
    assert "refused by history_as_published" in alert.text
    assert "observatory accept" in alert.text and "observatory run" not in alert.text
    # By the same check: no news, before what was meant is shown.
    refuse_publication(home, "CN")
    assert publication_told(home) == []
    refusals.accept(home, "history_as_published", "it moved its seat")
    assert publication_told(home) == []
    assert swap.publish(home, code_version="1").is_new
    assert publication_told(home) == []
    refuse_publication(home, "FR")
    assert len(publication_told(home)) == 1


def test_a_publication_refused_again_after_the_change_was_undone_is_told(home: Home) -> None:
    seal(home, 4, universe=HUB)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    refuse_publication(home, "FR")
    assert len(publication_told(home)) == 1
    build_warehouse(home)
    assert not swap.publish(home, code_version="1").is_new
    assert publication_told(home) == []
    refuse_publication(home, "FR")
    assert len(publication_told(home)) == 1


@pytest.mark.parametrize(
    ("universe", "kinds", "age", "freshness"),
    [
        (HUB, ["live"], 1, "fresh"),
        (HUB, ["live"], 2, "stale"),
        (HUB, ["dataset"], 2, "stale"),
        (HUB, ["live", "dataset"], 2, "stale"),
        (PANEL, ["archive", "archive"], 9, "recorded"),
        (WORLD, ["archive"], 9, "recorded"),
        (PANEL, ["live", "archive"], 2, "stale"),
        (WORLD, ["live"], 9, "recorded"),
    ],
)
def test_data_are_stale_two_days_after_the_newest_day_of_a_home_that_follows_a_hub(
    universe: Universe, kinds: Sequence[str], age: int, freshness: str, home: Home
) -> None:
    publish(home, DAY, {}, kinds=kinds, universe=universe)
    today = datetime.combine(DAY, time(), UTC) + timedelta(days=age)
    alerts = list(rules.stale_data(home, today.date()))
    assert len(alerts) == (freshness == "stale")
    assert all(f"{DAY}, {age} days ago" in alert.text for alert in alerts)
    assert status.status(home, today)["freshness"] == freshness


@pytest.mark.parametrize("leads_to", ["", "nowhere"])
def test_data_are_stale_also_where_the_link_to_them_is_lost(leads_to: str, home: Home) -> None:
    name = publish(home, DAY, {})
    link = home.published / "current"
    link.unlink()
    if leads_to:
        link.symlink_to(leads_to)
    assert list(rules.stale_data(home, DAY + timedelta(days=1))) == []
    (alert,) = rules.stale_data(home, DAY + timedelta(days=2))
    assert f"{DAY}, 2 days ago. Readers see nothing: the link {link} is gone" in alert.text
    assert alert.text.endswith(f"`observatory rollback {name}`, or publish again")


def test_each_lateness_is_told_once(home: Home) -> None:
    journal = Journal(home.alerts)
    told_on = []
    for late in range(9):
        if late in (0, 5):
            publish(home, DAY + timedelta(days=late), {})
        alerts = rules.stale_data(home, DAY + timedelta(days=late))
        told_on += [late for _ in journal.raise_new("data_stale", alerts)]
    assert told_on == [2, 7]


@pytest.mark.parametrize(
    ("shares", "fallen_on"),
    [
        ([0.8] * 10, None),
        ([0.8] * 9 + [0.785], None),
        ([0.8] * 9 + [0.78], 0),
        ([0.8] * 7 + [0.7, 0.71, 0.7], 2),
        ([0.8] * 7 + [0.7, 0.8, 0.8], None),
        ([0.8] * 6 + [0.7, 0.8, 0.8, 0.75], 0),
        ([0.5], None),
    ],
)
def test_coverage_has_fallen_by_two_points_below_the_usual(
    shares: Sequence[float], fallen_on: int | None, home: Home
) -> None:
    publish(home, DAY, {"fct_mapping_coverage_daily": coverage(*shares)})
    alerts = told(home, "coverage_fallen")
    assert [alert.state for alert in alerts] == ([] if fallen_on is None else ["fallen"])
    assert all(f"since {DAY - timedelta(days=fallen_on or 0)})" in alert.text for alert in alerts)


def coverage_told(home: Home, *shares: float, generations: int) -> list[int]:
    """How many alerts each of the last `generations` days brings, published one by one."""
    rows = coverage(*shares)
    found = []
    for at in range(len(rows) - generations, len(rows)):
        publish(home, rows[at]["snapshot_date"], {"fct_mapping_coverage_daily": rows[: at + 1]})
        found.append(len(told(home, "coverage_fallen")))
    return found


def test_coverage_around_the_threshold_is_told_once(home: Home) -> None:
    shares = [0.6] * 9 + [0.579, 0.582, 0.579, 0.582, 0.579]
    assert coverage_told(home, *shares, generations=6) == [0, 1, 0, 0, 0, 0]


def test_a_second_fall_is_told_after_coverage_had_come_back(home: Home) -> None:
    shares = [0.6] * 9 + [0.579, 0.591, 0.579, 0.589, 0.579]
    assert coverage_told(home, *shares, generations=6) == [0, 1, 0, 1, 0, 0]


def test_a_rebuild_that_moves_the_fall_by_a_day_is_not_told_again(home: Home) -> None:
    publish(home, DAY, {"fct_mapping_coverage_daily": coverage(*[0.6] * 8, 0.57)})
    assert len(told(home, "coverage_fallen")) == 1
    tomorrow = DAY + timedelta(days=1)
    moved = coverage(*[0.6] * 7, 0.57, 0.57, 0.57, until=tomorrow)
    publish(home, tomorrow, {"fct_mapping_coverage_daily": moved})
    assert told(home, "coverage_fallen") == []


@pytest.mark.parametrize(("days", "state"), [(28, "fallen"), (29, "recovered")])
def test_a_level_that_lasts_longer_than_28_days_is_the_usual(
    days: int, state: str, home: Home
) -> None:
    rows = coverage(*[0.6] * 9, *[0.5] * days)
    publish(home, DAY, {"fct_mapping_coverage_daily": rows})
    (alert,) = rules.fallen_coverage(home)
    assert (alert.state, bool(alert.text)) == (state, state == "fallen")


def test_what_is_only_noted_is_neither_listed_nor_sent(home: Home) -> None:
    publish(home, DAY, {"fct_claims": claims("holds")})
    assert told(home, "claim_verdict_changed") == []
    journal = Journal(home.alerts)
    sent: list[Raised] = []
    assert journal.deliver("claim_verdict_changed", sent.append) == []
    assert sent == [] and journal.last(9) == []


def test_alerts_are_listed_while_another_process_delivers(tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    Journal(path).raise_new("rule", [an_alert("subject", "a", 1)])
    listed: list[list[dict[str, Any]]] = []
    Journal(path).deliver("rule", lambda _: listed.append(Journal(path).last(9)))
    ((alert,),) = listed
    assert alert["text"] == "words" and alert["sent_at"] is None


def an_alert(subject: str, state: str, day: int) -> Alert:
    return Alert(subject, state, f"2026-08-{day:02}", "words", "https://link.example", "asset")


SEEN = st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), max_size=12)


@settings(max_examples=30, deadline=None)
@given(seen=SEEN)
def test_no_state_is_told_twice_in_a_row_and_none_of_older_data(
    seen: list[tuple[int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "alerts.sqlite"
    raised = [
        (one.alert.as_of, one.alert.state)
        for day, state in seen
        # A journal of its own each time: what is remembered lies on the disk.
        for one in Journal(path).raise_new("rule", [an_alert("subject", state, day)])
    ]
    assert raised == sorted(set(raised))
    assert all(one[1] != other[1] for one, other in pairwise(raised))
    assert bool(raised) == bool(seen)


@settings(max_examples=30, deadline=None)
@given(answers=st.lists(st.sampled_from(["taken", "down", "refused"]), max_size=30))
def test_what_is_not_taken_waits_and_is_sent_once(
    answers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "alerts.sqlite"
    wanted = [an_alert(f"subject {n}", "a", 1) for n in range(4)]
    assert len(Journal(path).raise_new("rule", wanted)) == 4
    taken: list[str] = []
    script = iter(answers)

    def send(raised: Raised) -> None:
        answer = next(script, "taken")
        if answer != "taken":
            raise NotTaken("no", is_down=answer == "down")
        taken.append(raised.alert.subject)

    for _ in range(len(answers) + 1):
        Journal(path).deliver("rule", send)
    assert sorted(taken) == [alert.subject for alert in wanted]


def test_what_was_told_without_a_webhook_does_not_wait_for_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "alerts.sqlite")
    journal.raise_new("rule", [an_alert("old", "a", 1)])
    journal.settle("rule")
    journal.raise_new("rule", [an_alert("new", "a", 1), an_alert("old", "a", 2)])
    sent: list[str] = []
    journal.deliver("rule", lambda raised: sent.append(raised.alert.subject))
    assert sent == ["new"]
