"""Learned bounds: what they let through, what they tell, and how often they are wrong."""

from __future__ import annotations

import math
import random
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.gates import raw
from orchestration.gates.bounds import LEAST_DAYS, Bounds, Rule, learned
from orchestration.gates.outcome import CheckOutcome, blocked
from orchestration.home import Home, Universe
from orchestration.snapshots import importing
from orchestration.snapshots.store import Source
from tests.unit.sealed_world import seal_world

PANEL = Path(__file__).parents[3] / "shared/hub/archive_feature_extraction_daily.parquet"
RULE = Rule(least=math.log(1.1), floor=0.005)


def usual(history: list[float], reference: float | None = None, rule: Rule = RULE) -> Bounds:
    found = learned(history, reference, rule, questions=20)
    assert found is not None
    return found


def test_a_few_days_teach_nothing() -> None:
    assert learned([100.0] * (LEAST_DAYS - 1), 100.0, RULE, questions=20) is None
    assert learned([None] * 28, None, RULE, questions=20) is None


def test_a_move_below_the_least_size_is_always_usual() -> None:
    """On a series that never moved, every z is infinite; the least size keeps it quiet."""
    bounds = usual([1000.0] * 28, 1000.0)
    assert bounds.least <= 915 and bounds.most >= 1095


def test_a_step_is_told() -> None:
    noise = random.Random(1)
    history = [1000 * (1 + 0.01 * noise.gauss(0, 1)) for _ in range(28)]
    bounds = usual(history, history[-1])
    assert bounds.most < 1300
    assert bounds.least > 750


def test_a_return_to_normal_is_usual() -> None:
    """The last good value may itself be odd: what lies between it and the usual is usual."""
    bounds = usual([1000.0] * 28, 500.0)
    assert bounds.least < 500 and bounds.most > 1000


def test_steady_growth_is_usual() -> None:
    history = [1000 * 1.02**day for day in range(28)]
    bounds = usual(history, history[-1])
    assert bounds.least < 1000 * 1.02**28 < bounds.most


def test_a_wild_week_does_not_widen_the_bounds_much() -> None:
    calm = usual([1000.0] * 28, 1000.0)
    wild = usual([1000.0] * 21 + [10.0, 1e6, 3.0, 1e5, 20.0, 1e7, 1.0], 1000.0)
    assert wild == calm


def test_more_questions_make_each_answer_more_careful() -> None:
    noise = random.Random(2)
    history = [1000 * (1 + 0.05 * noise.gauss(0, 1)) for _ in range(28)]
    one = learned(history, history[-1], RULE, questions=1)
    many = learned(history, history[-1], RULE, questions=1000)
    assert one is not None and many is not None
    assert many.least < one.least < one.most < many.most


@given(
    st.lists(st.floats(0, 1e12), min_size=LEAST_DAYS, max_size=40),
    st.floats(0, 1e12),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_the_last_good_value_is_always_usual(
    history: list[float], reference: float, logarithmic: bool
) -> None:
    rule = Rule(least=0.01, floor=0.001, logarithmic=logarithmic)
    bounds = usual(history, reference, rule)
    slack = 1e-6 * (1 + reference)
    assert bounds.least - slack <= reference <= bounds.most + slack


@pytest.mark.parametrize(
    "world",
    ["clean", pytest.param("oracle", marks=pytest.mark.long)],
)
def test_sixty_clean_days_raise_no_alarm(tmp_path: Path, world: str) -> None:
    """Nor does a world in which everything happens that the Hub's counters do."""
    home = Home(tmp_path)
    outcomes = raw.judge(home, seal_world(home, world))
    assert [str(one) for one in outcomes if one.status != "passed"] == []


# The days of the recorded panel on which its largest models are missing from the list, to come
# back a day or a week later. Everything else in 721 days is told by nobody.
BREAKS = {
    "2024-08-29": "four of the five largest models are missing for a day",
    "2024-09-22": "78 of 164 models are missing for a day, with 88 % of the downloads",
    "2025-10-20": "three of the four largest models are missing for a day",
    **{
        f"2025-11-{day:02}": "Alibaba-NLP, 29 % of the downloads, is missing"
        for day in range(6, 13)
    },
    "2025-12-09": "Alibaba-NLP, 33 % of the downloads, is missing",
    "2026-03-26": "nomic-ai, 52 % of the downloads, is missing",
}


@pytest.mark.skipif(not PANEL.exists(), reason=f"the recorded panel is not at {PANEL}")
def test_of_721_recorded_days_only_real_breaks_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    source = Source("archive", Universe("panel", "archive"), {}, whole=False)
    dates = importing.import_archive(home, PANEL, source).dates
    assert len(dates) == 721
    outcomes = raw.judge(home, dates)
    refused = sorted({str(one.snapshot_date) for one in blocked(outcomes)})
    assert refused == sorted(BREAKS)
    assert _largest_model_missing(refused) == refused
    assert _alarms_per_sixty_days(outcomes, dates) <= 1


def _largest_model_missing(days: list[str]) -> list[str]:
    """Independent evidence: the largest model of the last good day before is not listed."""
    found = []
    with duckdb.connect() as connection:
        connection.execute(f"create table panel as from '{PANEL}'")
        for day in days:
            (missing,) = connection.execute(
                "select (select max_by(id, downloads) from panel where snapshot_date = ("
                "select max(snapshot_date) from panel where snapshot_date < $day "
                "and not list_contains($refused, snapshot_date))) not in ("
                "select id from panel where snapshot_date = $day)",
                {"day": date.fromisoformat(day), "refused": [date.fromisoformat(d) for d in days]},
            ).fetchall()[0]
            if missing:
                found.append(day)
    return found


def _alarms_per_sixty_days(outcomes: list[CheckOutcome], dates: list[date]) -> float:
    """Days with any alarm that no break explains, counted over 60 days."""
    alarms = {
        one.snapshot_date
        for one in outcomes
        if one.status != "passed" and str(one.snapshot_date) not in BREAKS
    }
    return 60 * len(alarms) / len(dates)
