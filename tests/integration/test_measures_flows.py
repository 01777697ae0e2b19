"""Flows of every model and day, and the log of their corrections, found a second time."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd
import pytest

from local_hub import World
from local_hub.world.disturbances import day_number
from tests.integration.built_world import Built
from tests.integration.flows_oracle import WINDOWS
from tests.integration.oracle import Oracle

pytestmark = pytest.mark.xdist_group("measures")


def test_days_are_judged_alike(at_once: Built, oracle: Oracle) -> None:
    rows = at_once.rows("select * from intermediate.int_hub__counter_status")
    found = {row["snapshot_date"]: row["status"] for row in rows}
    assert found == oracle.flows.statuses
    assert set(found.values()) == {"ok", "stalled", "held", "corrected"}


def test_every_flow_of_every_model_is_what_the_rules_say(at_once: Built, oracle: Oracle) -> None:
    table = at_once.read("select * from intermediate.int_hub__model_flows")
    table["snapshot_date"] = table["snapshot_date"].dt.date
    compared = 0
    for day in oracle.days:
        found = table[table["snapshot_date"] == day].set_index("model_key")
        for series in ("corrected", "uncorrected"):
            for window in WINDOWS:
                column = found[f"{series}_{window}"].dropna()
                if not oracle.flows.is_known(series, day, window):
                    assert column.empty, (day, series, window)
                    continue
                known = oracle.flows.downloads(series, day, window)
                flows = pd.Series({model: float(flow) for model, flow in known.items()})
                assert set(column.index) == set(flows.index), (day, series, window)
                differs = column.astype("float64").sub(flows).abs() > 1e-6
                assert not differs.any(), (day, series, window, differs[differs].index[:3])
                compared += len(flows)
    assert compared > 100_000


def test_corrected_flows_are_nearer_to_what_truly_happened(
    at_once: Built, oracle: Oracle, world: World
) -> None:
    """Held models cannot be right: what the Hub took away for good is not known."""
    keys = {key: row for row, key in enumerate(world_keys(world))}
    errors = {"corrected": 0.0, "uncorrected": 0.0}
    for day in oracle.days[1:]:
        if not oracle.flows.is_known("corrected", day, "1d"):
            continue
        for series in errors:
            flows = oracle.flows.downloads(series, day, "1d")
            rows = [keys[model] for model in flows]
            true = world.counters.flow(pd.Index(rows).to_numpy(), day)
            errors[series] += float(abs(sum(flows.values()) - Fraction(int(true.sum()))))
    assert errors["corrected"] < 0.35 * errors["uncorrected"]


def world_keys(world: World) -> list[str]:
    from local_hub.world.texts import keys

    rows = pd.RangeIndex(len(world.models)).to_numpy()
    found: list[str] = keys(world.models, rows, world.size.seed).to_pylist()
    return found


def test_adjustments_explain_the_difference_of_every_day(at_once: Built, oracle: Oracle) -> None:
    table = at_once.rows("select * from marts.fct_flow_adjustments")
    rows = {(row["snapshot_date"], row["model_key"]): row for row in table}
    assert len(rows) == len(table)
    seen = set()
    for day in oracle.days:
        if not oracle.flows.is_known("corrected", day, "1d"):
            continue
        corrected = oracle.flows.downloads("corrected", day, "1d")
        uncorrected = oracle.flows.downloads("uncorrected", day, "1d")
        for model in corrected.keys() | uncorrected.keys():
            amount = corrected.get(model, 0) - uncorrected.get(model, 0)
            row = rows.get((day, model))
            assert (row is not None and row["amount"] != 0) == (amount != 0), (day, model)
            if row is not None:
                assert row["amount"] == pytest.approx(float(amount), abs=1e-6)
                seen.add((day, model))
    # Of who is seen for the first time nothing is counted, corrected or not.
    rest = [row for key, row in rows.items() if key not in seen]
    assert rest and {(row["kind"], row["amount"]) for row in rest} == {("first_observation", 0)}


def test_an_adjustment_says_which_rule_made_it(
    at_once: Built, oracle: Oracle, world: World
) -> None:
    table = at_once.read("select * from marts.fct_flow_adjustments")
    table["snapshot_date"] = table["snapshot_date"].dt.date
    kinds = table.groupby("snapshot_date")["kind"].unique().map(set)
    of_status = {"stalled": "stall", "held": "rollback", "corrected": "recount"}
    for day, status in oracle.flows.statuses.items():
        if status in of_status:
            assert of_status[status] in kinds[day]
            assert kinds[day] <= {of_status[status], "first_observation", "fall"}
    for before, day in zip(oracle.days, oracle.days[1:], strict=False):
        if oracle.flows.statuses[before] == "stalled" and oracle.flows.statuses[day] == "ok":
            assert "catch_up" in kinds[day]
    # The world's own word: the counters that fell for two days on the 22nd of October.
    last = world.disturbances.rollbacks[-1]
    [(_, struck)] = [
        fall
        for fall in world.disturbances.falls_on(
            last.on, pd.RangeIndex(len(world.models)).to_numpy(), world.size.seed
        )
        if fall[0] is last
    ]
    there = world.models.listed < day_number(last.on)
    fell = table[(table["snapshot_date"] == last.on) & (table["kind"] == "fall")]
    keys = world_keys(world)
    assert set(fell["model_key"]) <= {keys[row] for row in struck.nonzero()[0] if there[row]}
    assert len(fell) >= 5
    assert (fell["counter_after"] < fell["counter_before"]).all()
    assert (fell["amount"] > 0).all()
    assert set(table.loc[table["kind"] == "held_level", "model_key"]) <= set(fell["model_key"])
