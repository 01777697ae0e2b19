"""Relative adoption against a second computation, in plain Python, of a small history."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.contract.compiled_models import Model as CompiledModel
from tests.contract.compiled_models import build, compiled

MODELS = ("int_hub__adoption_levels", "fct_relative_adoption")
AGES = (7, 14, 30, 60, 90, 180, 365)
BOUNDS = (("<1B", 1), ("1-5B", 5), ("5-10B", 10), ("10-50B", 50), ("50-100B", 100),
          ("100-250B", 250), ("250B+", 10_000))  # fmt: skip
BILLIONS = (None, 0.6, 0.6, 0.6, 1, 4.9, 4.9, 5, 5, 5, 249, 250)
# Three snapshots are missing, and two are there but of no use.
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(70) if n not in (20, 21, 40)]
UNUSABLE = {date(2026, 1, 31), date(2026, 2, 1)}
USABLE = [day for day in DAYS if day not in UNUSABLE]
FIRST, LAST = DAYS[0], DAYS[-1]

# Downloads at seven days, and those of 30 days as later builds know them.
LEVELS = {"large": 3000, "middle": 900, "slow": 150}
MONTHS = {
    date(2026, 8, 9): {"large": 3500, "middle": 950, "slow": 1200},
    date(2026, 8, 12): {"large": 3500, "middle": 1100, "slow": 1300},
    date(2026, 9, 20): {"large": 3500, "middle": 1100, "slow": 700},
    date(2026, 10, 20): {"large": 3500, "middle": 900, "slow": 700},
}


@dataclass
class Life:
    """A model: what it is, and its counter on the days that show it."""

    key: str
    name: str
    kind: str
    speaks: bool
    billions: float | None
    released: date | None
    month: int | None
    counters: dict[date, int] = field(default_factory=dict)
    fell: date | None = None  # from then on 500 less, which the corrected level has back

    @property
    def bucket(self) -> str | None:
        billions = self.billions
        return next((b for b, below in BOUNDS if billions and billions < below), None)

    def level(self, day: date) -> float | None:
        """Corrected level on a day, as the usable snapshots around it tell."""
        end = min(usable for usable in USABLE if usable >= day)
        if end not in self.counters:
            return None
        if end == day:
            return self.corrected(end)
        start = max((usable for usable in USABLE if usable < day), default=None)
        if start is None or self.released is None:
            return None
        if start in self.counters:
            before = self.corrected(start)
        elif self.released >= start:
            before = 0
        else:
            return None
        part = (day - start).days / (end - start).days
        return before + (self.corrected(end) - before) * part

    def corrected(self, day: date) -> int:
        return self.counters[day] + 500 * (self.fell is not None and day >= self.fell)


def lives(seed: int) -> list[Life]:
    chance = random.Random(seed)
    found = []
    for number in range(1_200):
        released = FIRST + timedelta(days=chance.randrange(-370, 69))
        life = Life(
            key=f"k{number}",
            name=f"owner-{number % 7}/model-{number}",
            kind=chance.choice(["base", "base", "finetune", "format_conversion"]),
            speaks=chance.random() < 0.9,
            billions=chance.choice(BILLIONS),
            released=released if chance.random() < 0.95 else None,
            month=chance.choice([None, 5, 2_000]),
        )
        per_day = chance.choice([0.5, 30, 400, 5_000])
        gone = chance.choice(DAYS) if chance.random() < 0.2 else date.max
        if number % 9 == 0:
            life.fell = chance.choice(USABLE)
        for day in DAYS:
            if released <= day < gone and chance.random() < 0.97:
                truth = round(per_day * ((day - released).days + 1)) + 501
                life.counters[day] = truth - 500 * (life.fell is not None and day >= life.fell)
        found.append(life)
    return found


def inputs(models: list[Life]) -> dict[str, pd.DataFrame | str]:
    counters = [(day, life.key, n) for life in models for day, n in life.counters.items()]
    flow_days = [
        (
            series,
            day,
            series == "uncorrected" or day in USABLE,
            max((usable for usable in USABLE if usable < day), default=None),
        )
        for day in DAYS
        for series in ("corrected", "uncorrected")
    ]
    floors = [(life.fell, life.key, 0, 500) for life in models if life.fell]
    columns: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {
        "raw.build_window": (["from_date", "to_date"], [(FIRST, LAST)]),
        "raw.snapshots": (["snapshot_date"], [(day,) for day in DAYS]),
        "staging.stg_hub__counters": (["snapshot_date", "model_key", "counter"], counters),
        "intermediate.int_hub__flow_days": (
            ["series", "snapshot_date", "is_usable", "usable_before"],
            flow_days,
        ),
        "intermediate.int_hub__counter_floors": (
            ["snapshot_date", "model_key", "floor", "lift"],
            floors,
        ),
        "intermediate.int_hub__launched_releases": (
            ["model_key", "released_on", "release_type"],
            [(life.key, life.released, life.kind) for life in models],
        ),
        "intermediate.int_hub__model_history": (
            ["model_key", "model_id", "organization", "is_language_model", "parameters_count",
             "last_seen_on"],
            [
                (life.key, life.name, life.name.split("/")[0], life.speaks,
                 None if life.billions is None else int(life.billions * 1e9), LAST)
                for life in models
            ],
        ),
        "intermediate.int_hub__last_sights": (
            ["snapshot_date", "model_key", "downloads_30d"],
            [(LAST, life.key, life.month) for life in models[::2]],
        ),
        "intermediate.int_hub__known_models": (
            ["model_key", "last_seen_on", "downloads_30d"],
            [(life.key, LAST, life.month) for life in models[1::2]],
        ),
    }  # fmt: skip
    frames: dict[str, pd.DataFrame | str] = {
        name: pd.DataFrame(rows, columns=names, dtype="object")
        for name, (names, rows) in columns.items()
    }
    return frames


def expected(models: list[Life]) -> dict[tuple[str, int], dict[str, Any]]:
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    # Whoever had a level at an age is a measure of it, whether it is listed or not.
    peers: dict[tuple[str | None, int], list[tuple[date, float]]] = defaultdict(list)
    for life in models:
        if not life.speaks or life.kind not in ("base", "finetune") or life.released is None:
            continue
        if life.released <= FIRST - timedelta(days=365):
            continue
        reached = {age: life.released + timedelta(days=age) for age in AGES}
        levels: dict[int, float] = {}
        measured: dict[int, date] = {}
        for age, day in reached.items():
            level = life.level(day) if FIRST <= day <= LAST else None
            if level is not None and level >= 100:
                levels[age] = level
                measured[age] = min(usable for usable in USABLE if usable >= day)
                peers[life.bucket, age].append((measured[age], level))
        if max([life.month or 0, *levels.values()]) >= 1000:
            for age in AGES:
                if reached[age] <= LAST:
                    rows[life.name, age] = {
                        "downloads": levels.get(age),
                        "size_bucket": life.bucket,
                        "measured_on": measured.get(age),
                    }
    for (_, age), row in rows.items():
        row["relative_adoption"] = row["reference_date"] = None
        known = peers[row["size_bucket"], age]
        if row["downloads"] is None or row["size_bucket"] is None or len(known) < 10:
            continue
        row["reference_date"] = max(row["measured_on"], sorted(day for day, _ in known)[9])
        then = sorted((level for day, level in known if day <= row["reference_date"]), reverse=True)
        row["reference_median"] = statistics.median(then[:10])
        row["relative_adoption"] = row["downloads"] / row["reference_median"]
    return rows


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompiledModel]:
    return compiled(tmp_path_factory.mktemp("compiled"), MODELS)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_what_its_definition_says(sql: dict[str, CompiledModel], seed: int) -> None:
    models = lives(seed)
    warehouse = build(sql, inputs(models), order=seed)
    answer = warehouse.sql("select * from marts.fct_relative_adoption")
    found = {
        (row["model"], row["age_days"]): row
        for row in (dict(zip(answer.columns, r, strict=True)) for r in answer.fetchall())
    }
    rows = expected(models)
    assert found.keys() == rows.keys()
    for key, row in rows.items():
        for name, value in row.items():
            measured = found[key][name]
            assert measured == (pytest.approx(value) if isinstance(value, float) else value), key
        assert (found[key]["null_reason"] is None) == (row["relative_adoption"] is not None)
    ratios = [row["relative_adoption"] for row in rows.values() if row["relative_adoption"]]
    assert len(ratios) > 50 and min(ratios) < 0.5 and max(ratios) > 1.2
    reasons = {row["null_reason"].split(",")[0] for row in found.values() if row["null_reason"]}
    assert len(reasons) >= 4, reasons


def test_no_figure_moves_with_what_is_listed(sql: dict[str, CompiledModel]) -> None:
    """Fifteen models of one size: five had 3,000 downloads at seven days, five 900, five 150.

    Who has 1,000 in 30 days is listed, and who is listed changes; the ten largest do not.
    """
    released, measured = date(2026, 8, 1), date(2026, 8, 8)
    levels = {f"{kind}{n}": of for kind, of in LEVELS.items() for n in range(5)}
    models = [
        Life(key, f"owner/{key}", "base", True, 200, released, None, {measured: level})
        for key, level in levels.items()
    ]
    given = inputs(models) | {
        "intermediate.int_hub__adoption_levels": pd.DataFrame(
            [(measured, key, 7, float(level)) for key, level in levels.items()],
            columns=["snapshot_date", "model_key", "age_days", "downloads"],
        ),
        "intermediate.int_hub__known_models": (
            "select '' as model_key, date '2026-08-08' as last_seen_on, 0 as downloads_30d"
        ),
    }
    for day, months in MONTHS.items():
        given["raw.snapshots"] = pd.DataFrame({"snapshot_date": [released, day]})
        given["intermediate.int_hub__flow_days"] = (
            "select 'corrected' as series, snapshot_date, true as is_usable from raw.snapshots"
        )
        given["intermediate.int_hub__last_sights"] = pd.DataFrame(
            [(day, key, months[key[:-1]]) for key in levels],
            columns=["snapshot_date", "model_key", "downloads_30d"],
        )
        found = build({MODELS[1]: sql[MODELS[1]]}, given).sql(
            "select split_part(model, '/', 2)[:-2] as kind, count(*), min(reference_median), "
            "max(reference_median), min(reference_date), max(reference_date) "
            "from marts.fct_relative_adoption where age_days = 7 group by all"
        )
        listed = {kind for kind, month in months.items() if max(month, LEVELS[kind]) >= 1000}
        figures = {row[0]: row[1:] for row in found.fetchall()}
        assert figures == dict.fromkeys(listed, (5, 1950, 1950, measured, measured)), day


def test_without_counters_every_row_says_so(sql: dict[str, CompiledModel]) -> None:
    models = lives(3)
    for life in models:
        life.counters = {}
    given = inputs(models)
    given["intermediate.int_hub__flow_days"] = (
        "select 'corrected' as series, snapshot_date, false as is_usable, "
        "null::date as usable_before from raw.snapshots"
    )
    given["staging.stg_hub__counters"] = (
        "select null::date as snapshot_date, '' as model_key, 0 as counter where false"
    )
    answer = build(sql, given).sql(
        "select distinct downloads, relative_adoption, null_reason from marts.fct_relative_adoption"
    )
    assert answer.fetchall() == [(None, None, "the source records no downloadsAllTime")]
