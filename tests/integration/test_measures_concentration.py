"""Concentration: every figure again from its definition, over all slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from tests.integration.built_world import Built
from tests.integration.oracle import SLICE, Oracle, gini

pytestmark = pytest.mark.xdist_group("measures")


def expected(
    oracle: Oracle, days: list[date]
) -> Iterator[tuple[tuple[Any, ...], dict[str, float]]]:
    for slice_ in oracle.slices(days):
        credits = oracle.credits(slice_)
        for level, column in (("model", "entity"), ("organization", "owner")):
            values = credits.groupby(column)["downloads"].sum().to_numpy()
            if values.sum() == 0:
                continue
            shares = np.sort(values)[::-1] / values.sum()
            yield (
                (*slice_, level),
                {
                    "entities_count": len(values),
                    "hhi": float((shares**2).sum() * 10_000),
                    "gini": gini(values),
                    "top_1_share": float(shares[:1].sum()),
                    "top_10_share": float(shares[:10].sum()),
                    "top_100_share": float(shares[:100].sum()),
                    "top_1000_share": 1.0,
                    "top_1_percent_share": float(shares[: -(-len(shares) // 100)].sum()),
                },
            )


@pytest.mark.parametrize(
    "places", [(0, 29, -1), pytest.param((), marks=pytest.mark.long)], ids=["some", "all"]
)
def test_every_slice_is_what_its_definition_says(
    at_once: Built, oracle: Oracle, places: Sequence[int]
) -> None:
    days = [oracle.days[place] for place in places or range(len(oracle.days))]
    found = at_once.rows("select * from marts.fct_concentration_daily")
    rows = {tuple(row[name] for name in [*SLICE, "level"]): row for row in found}
    measured = {key for key, row in rows.items() if row["null_reason"] is None}
    compared = set()
    for key, figures in expected(oracle, days):
        for name, figure in figures.items():
            assert rows[key][name] == pytest.approx(figure, rel=1e-9, abs=1e-9), (key, name)
        compared.add(key)
    assert compared == {key for key in measured if key[0] in days}
    assert {"1d", "7d", "30d", "all_time"} <= {key[1] for key in compared}
    for key in rows.keys() - measured:
        assert rows[key]["hhi"] is rows[key]["gini"] is rows[key]["top_1_share"] is None
        # Of what cannot be measured nobody is counted; of a slice without downloads somebody may.
        assert (rows[key]["entities_count"] is not None) == oracle.is_known(key[0], key[1])
