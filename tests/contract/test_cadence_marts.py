"""The cadence marts against a second computation, in plain Python, of a small history."""

from __future__ import annotations

import itertools
import random
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.contract.compiled_models import Model as CompiledModel
from tests.contract.compiled_models import build, compiled

MODELS = (
    "int_hub__corrected_names",
    "int_hub__corrected_models",
    "int_hub__release_classes",
    "int_hub__launched_releases",
    "int_hub__releases",
    "int_hub__release_counts",
    "int_hub__changed_names",
    "int_hub__known_releases",
    "int_hub__known_launches",
    "fct_release_cadence_weekly",
    "fct_country_cadence_weekly",
    "fct_organization_cadence_daily",
    "fct_release_dates",
)
DAILY = "fct_organization_cadence_daily"

# Ending of a name, its type, what it adds to the group; from the most basic type to the last.
ENDINGS = (
    ("", "base", ""),
    ("-Instruct", "finetune", ""),
    ("-SLERP", "merge", "-slerp"),
    ("-step1000", "checkpoint", ""),
    ("-lora", "adapter", "-lora"),
    ("-FP8", "quantization", ""),
    ("-GGUF", "format_conversion", ""),
)
RANK = {kind: rank for rank, (_, kind, _) in enumerate(ENDINGS)}
HOMES: dict[str, list[tuple[str, date, date | None]]] = {
    "alpha": [("FR", date(1900, 1, 1), date(2026, 6, 5)), ("US", date(2026, 6, 6), None)],
    "beta": [("CN", date(1900, 1, 1), None)],
    "gamma-next": [("international", date(1900, 1, 1), None)],
}
DAYS = [date(2026, 6, 1) + timedelta(days=n) for n in range(45) if n % 11 not in (4, 5) or n < 10]
WHOLE = {day for day in DAYS if day.day % 5}


@dataclass
class Model:
    key: str
    name: str
    kind: str
    group: str
    created: datetime | None  # None: the Hub's default
    first_seen: date
    owners: list[tuple[date, str]]  # from that day on
    correction: date | None = None

    def is_there(self, on: date) -> bool:
        """Of those who move half are away on the day before."""
        before_moves = [DAYS[DAYS.index(since) - 1] for since, _ in self.owners[1:]]
        is_away = on in before_moves and int(self.key[-1]) % 2 == 0
        return self.first_seen <= on and (on == self.first_seen or not is_away)

    def owner(self, on: date) -> str:
        return [owner for since, owner in self.owners if since <= on][-1]

    def released(self) -> date | None:
        if self.correction:
            return self.correction
        place = DAYS.index(self.first_seen)
        before = DAYS[place - 1] if place else None
        created = self.created.date() if self.created else None
        if before in WHOLE and (created is None or before is None or created < before):
            return self.first_seen
        return created

    def source(self) -> str:
        released = self.released()
        if released is None:
            return "unknown"
        if self.correction:
            return "correction"
        return "created_at" if self.created and released == self.created.date() else "first_seen"


def history(seed: int) -> list[Model]:
    """Some 700 models of 10 owners over two years: bursts, private uploads, moves, no dates."""
    chance = random.Random(seed)
    owners = ["alpha", "beta", "gamma", "delta", *(f"person{n}" for n in range(6))]
    found: dict[tuple[str, str], Model] = {}
    for number in range(900):
        owner = chance.choice(owners[: chance.choice([2, 4, 10])])
        family, ending = f"Orno-{number % 23}.{number % 3}", chance.choice(ENDINGS)
        name = f"{family}-{chance.choice([1, 3, 7, 70])}B{ending[0]}"
        near = datetime(2026, 7, 14) - timedelta(days=int(chance.random() ** 3 * 800))
        created = near + timedelta(hours=chance.randrange(48))
        seen = [day for day in DAYS if day > created.date()]
        if not seen:
            continue
        first_seen = seen[0] if chance.random() < 0.9 else chance.choice(seen)
        since = [(date(1900, 1, 1), owner)]
        if owner == "gamma":  # the organization is renamed on one day
            moved = max(first_seen, DAYS[20])
            since = [*([(date(1900, 1, 1), owner)] if moved > first_seen else []),
                     (moved if moved > first_seen else date(1900, 1, 1), "gamma-next")]  # fmt: skip
        elif chance.random() < 0.03 and first_seen < DAYS[-9]:
            since.append((chance.choice(DAYS[DAYS.index(first_seen) + 1 :]), "delta"))
        found.setdefault(
            (owner, name),
            Model(
                f"key-{number:04}",
                name,
                ending[1],
                f"{family.lower()}{ending[2]}",
                created if chance.random() < 0.95 else None,
                first_seen,
                since,
                date(2026, 5, chance.randrange(1, 28)) if chance.random() < 0.02 else None,
            ),
        )
    # A move to an id that is taken would be no move.
    return list({(model.owners[-1][1], model.name): model for model in found.values()}.values())


def tables(models: list[Model], window: list[date], on: date) -> dict[str, pd.DataFrame]:
    """What dbt's upstream models say on `on`, in a build of `window`."""
    known = [model for model in models if model.first_seen <= on]
    before = {day: DAYS[n - 1] in WHOLE if n else False for n, day in enumerate(DAYS)}
    everyone = [
        (day, model.key, f"{model.owner(day)}/{model.name}", model.owner(day))
        for day in DAYS
        for model in known
        if day <= on and model.is_there(day)
    ]
    sightings = [row for row in everyone if row[0] in window]
    keys = {row[:2] for row in everyone}
    last = [
        row
        for row in everyone
        if row[0] == on or (DAYS[DAYS.index(row[0]) + 1], row[1]) not in keys
    ]
    columns = ["snapshot_date", "model_key", "model_id", "organization"]
    history_rows = pd.DataFrame(
        {
            "model_key": [model.key for model in known],
            "model_id": [f"{model.owner(on)}/{model.name}" for model in known],
            "organization": [model.owner(on) for model in known],
            "model_name": [model.name for model in known],
            "created_at": pd.Series([model.created for model in known], dtype="datetime64[us]"),
            "first_seen_on": pd.to_datetime([model.first_seen for model in known]),
            "was_absent_from_previous_whole_snapshot": [
                before[model.first_seen] for model in known
            ],
            "tags": [["transformers"] for _ in known],
            "library_name": ["transformers" for _ in known],
            "release_fingerprint": range(len(known)),
        }
    )
    homes = [(owner, *home) for owner, moves in HOMES.items() for home in moves]
    frames = {
        "intermediate.int_hub__model_history": history_rows,
        "intermediate.int_hub__model_days": pd.DataFrame(sightings, columns=columns),
        "intermediate.int_hub__last_sights": pd.DataFrame(last, columns=columns),
        "raw.build_window": pd.DataFrame({"from_date": [window[0]], "to_date": [window[-1]]}),
        "raw.snapshots": pd.DataFrame({"snapshot_date": [day for day in DAYS if day <= on]}),
        "raw.hub_models": pd.DataFrame({"snapshot_date": [row[0] for row in sightings]}),
        # A correction may have the first name of a model, by which nobody knows it today.
        "seeds.release_date_corrections": pd.DataFrame(
            [
                (f"{model.owner(model.first_seen)}/{model.name}", model.correction)
                for model in known
                if model.correction
            ],
            columns=["model_id", "released_on"],
        ),
        "seeds.lineage_overrides": pd.DataFrame(columns=["model_id", "base_model_id"], dtype="str"),
        "seeds.hub_namespace_renames": pd.DataFrame(
            {"old_namespace": ["-"], "new_namespace": ["-"], "renamed_on": [DAYS[0]]}
        ),
        # Earlier builds keep the names of who is corrected: as if this one saw all days.
        "staging.stg_hub__models": pd.DataFrame(
            [
                (day, model.key, f"{model.owner(day)}/{model.name}")
                for model in known
                if model.correction
                for day in DAYS
                if model.first_seen <= day <= on
            ],
            columns=["snapshot_date", "model_key", "model_id"],
        ),
        "intermediate.int_hub__curated_organizations": pd.DataFrame(
            homes, columns=["organization", "country_key", "valid_from", "valid_to"]
        ),
        "intermediate.int_hub__owner_types": pd.DataFrame(
            {
                "organization": sorted({model.owner(on) for model in known}),
                "owner_type": "individual",
            }
        ),
    }
    for frame in frames.values():
        for column in frame.columns:
            if column.endswith(("_on", "_date", "_from", "_to")):
                frame[column] = pd.to_datetime(frame[column]).dt.date
    return frames


def launches(models: list[Model], on: date) -> list[tuple[str, date, str]]:
    """Owner, day and type of each launch known on `on`."""
    groups: dict[tuple[str, str], list[Model]] = defaultdict(list)
    for model in models:
        if model.first_seen <= on and model.released():
            groups[model.owner(on), model.group].append(model)
    found: list[tuple[str, date, str]] = []
    for (owner, _), members in groups.items():
        first: date | None = None
        kinds: list[str] = []
        for model in sorted(members, key=lambda model: (model.released(), model.key)):
            released = model.released()
            assert released
            if first is None or released > first + timedelta(days=7):
                if first:
                    found.append((owner, first, min(kinds, key=RANK.__getitem__)))
                first, kinds = released, []
            kinds.append(model.kind)
        assert first
        found.append((owner, first, min(kinds, key=RANK.__getitem__)))
    return found


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def weekly(models: list[Model], on: date) -> set[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    rows: list[tuple[date, str, str, int]] = [
        (released, model.owner(on), model.kind, 0)
        for model in models
        if (released := model.released())
    ]
    rows += [(day, owner, kind, 1) for owner, day, kind in launches(models, on)]
    for day, owner, kind, place in rows:
        for key in itertools.product((owner, "(all)"), (kind, "all")):
            counts[monday(day), *key, place] += 1
    return {(*key, counts[*key, 0], counts[*key, 1]) for key in {tuple(key[:3]) for key in counts}}


def home(owner: str, on: date) -> str:
    for country, since, until in HOMES.get(owner, []):
        if since <= on and (until is None or on <= until):
            return country
    return "unattributed_individual"


def by_country(models: list[Model], on: date) -> set[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    owners: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for model in models:
        if released := model.released():
            for kind in (model.kind, "all"):
                key = (monday(released), home(model.owner(on), released), kind)
                counts[*key, 0] += 1
                owners[key].add(model.owner(on))
    for owner, day, kind in launches(models, on):
        for either in (kind, "all"):
            counts[monday(day), home(owner, day), either, 1] += 1
    return {
        (*key, counts[*key, 0], counts[*key, 1], len(owners[key]))
        for key in {tuple(key[:3]) for key in counts}
    }


def rhythm(models: list[Model], on: date) -> dict[str, tuple[Any, ...]]:
    """The columns of the daily mart by organization, from what was known on `on`."""
    year = on - timedelta(days=365)
    by_owner: dict[str, list[date]] = defaultdict(list)
    for owner, day, _ in launches(models, on):
        if day <= on:
            by_owner[owner].append(day)
    rows: dict[str, tuple[Any, ...]] = {}
    for owner, every in by_owner.items():
        days = sorted(day for day in every if day > year)
        if not days:
            continue
        gaps = [(b - a).days for a, b in itertools.pairwise(days)]
        weeks = {(monday(on) - monday(day)).days // 7 for day in every}
        start = 0 if 0 in weeks else 1
        streak = next(n for n in itertools.count() if start + n not in weeks)
        mine = [m for m in models if m.first_seen <= on and m.owner(on) == owner]
        dates = [m.released() for m in mine]
        rows[owner] = (
            len(days),
            sum(1 for released in dates if released and year < released <= on),
            float(statistics.median(gaps)) if gaps else None,
            float(np.percentile(gaps, 90)) if gaps else None,
            len({week for week in weeks if week < 52}) / 52,
            streak,
            (on - days[-1]).days,
            dates.count(None),
        )
    return rows


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompiledModel]:
    return compiled(tmp_path_factory.mktemp("dbt"), MODELS)


def daily(warehouse: duckdb.DuckDBPyConnection) -> dict[date, dict[str, tuple[Any, ...]]]:
    found: dict[date, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for day, owner, *measures in warehouse.execute(f"from built.{DAILY}").fetchall():
        assert owner not in found[day]
        found[day][owner] = tuple(measures)
    return found


def rows(warehouse: duckdb.DuckDBPyConnection, table: str) -> Counter[tuple[Any, ...]]:
    return Counter(warehouse.execute(f"from built.{table}").fetchall())


def agree(found: dict[str, tuple[Any, ...]], expected: dict[str, tuple[Any, ...]]) -> None:
    assert found.keys() == expected.keys()
    for owner, measures in expected.items():
        assert found[owner] == pytest.approx(measures, abs=1e-9), owner


@pytest.mark.parametrize("seed", [1, 2])
def test_marts_equal_the_second_computation(sql: dict[str, CompiledModel], seed: int) -> None:
    models = history(seed)
    last = DAYS[-1]
    with build(sql, tables(models, DAYS, last)) as warehouse:
        assert rows(warehouse, "fct_release_cadence_weekly") == Counter(weekly(models, last))
        assert rows(warehouse, "fct_country_cadence_weekly") == Counter(by_country(models, last))
        found = daily(warehouse)
        assert sorted(found) == DAYS
        for day in DAYS:
            agree(found[day], rhythm(models, day))
        sources = {
            (source, kind): count
            for source, kind, count, *_ in rows(warehouse, "fct_release_dates")
        }
        assert {source: sources[source, "all"] for source, _ in sources} == Counter(
            model.source() for model in models
        )


def test_types_add_up_and_so_do_organizations(sql: dict[str, CompiledModel]) -> None:
    with build(sql, tables(history(3), DAYS, DAYS[-1])) as warehouse:
        for part, whole, keys in (
            ("release_type", "all", "week_start_date, organization"),
            ("organization", "(all)", "week_start_date, release_type"),
        ):
            differing = warehouse.execute(
                f"""
                select {keys} from built.fct_release_cadence_weekly group by all having
                    sum(releases_count) <> 2 * sum(releases_count) filter ({part} = '{whole}')
                    or sum(launches_count) <> 2 * sum(launches_count) filter ({part} = '{whole}')
                """
            ).fetchall()
            assert differing == []


def test_a_day_says_the_same_built_alone_or_with_many(
    sql: dict[str, CompiledModel], tmp_path: Path
) -> None:
    models = history(4)
    with build(sql, tables(models, DAYS, DAYS[-1])) as warehouse:
        together = daily(warehouse)
    for on in DAYS[::6]:
        frames: dict[str, pd.DataFrame | str] = {**tables(models, [on], on)}
        # As it is registered: DuckDB takes another way through one partitioned file.
        file = tmp_path / f"snapshot_date={on}" / "models.parquet"
        file.parent.mkdir()
        tables(models, [on], on)["intermediate.int_hub__model_days"][["model_id"]].to_parquet(file)
        frames["raw.hub_models"] = (
            "select snapshot_date, model_id from read_parquet("
            f"['{file}'], hive_partitioning = true, hive_types = {{'snapshot_date': date}})"
        )
        with build(sql, frames) as warehouse:
            alone = daily(warehouse)
        assert alone == {on: together[on]}


@pytest.mark.parametrize("begin", DAYS[1::6])
def test_days_say_the_same_whenever_the_build_began(
    sql: dict[str, CompiledModel], begin: date
) -> None:
    models, window = history(4), DAYS[DAYS.index(begin) :]
    with build(sql, tables(models, window, DAYS[-1])) as warehouse:
        found = daily(warehouse)
    assert sorted(found) == window
    for day in window:
        agree(found[day], rhythm(models, day))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_rows_changes_nothing(sql: dict[str, CompiledModel], order: int) -> None:
    frames = tables(history(5), DAYS, DAYS[-1])
    with build(sql, frames) as warehouse:
        straight = {name: rows(warehouse, name) for name in MODELS}
    with build(sql, frames, order=order) as warehouse:
        assert {name: rows(warehouse, name) for name in MODELS} == straight


@pytest.fixture
def whole_hub(sql: dict[str, CompiledModel]) -> dict[str, CompiledModel]:
    """The same models, with the limit for small universes lowered to 5 organizations."""
    text = sql[DAILY].sql
    assert text.count("<= 20000") == 1
    return {**sql, DAILY: CompiledModel(text.replace("<= 20000", "<= 5"), is_view=False)}


def test_of_a_large_universe_the_curated_and_the_frequent_are_listed(
    whole_hub: dict[str, CompiledModel],
) -> None:
    models = history(6)
    with build(whole_hub, tables(models, DAYS, DAYS[-1])) as warehouse:
        found = daily(warehouse)
    for day in DAYS:
        expected = rhythm(models, day)
        assert len(expected) > 5
        agree(
            found[day],
            {o: row for o, row in expected.items() if o in HOMES or row[0] >= 12},
        )
