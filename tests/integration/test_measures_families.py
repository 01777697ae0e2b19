"""Families: downloads and new derivatives again from the names and lineage of the world."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from local_hub import World, write_truth
from tests.integration.built_world import Built
from tests.integration.oracle import SLICE, Oracle, Slice, as_dictionaries

pytestmark = pytest.mark.xdist_group("measures")

LARGEST_PUBLISHERS = 100
LARGEST_LINES = 50
LARGEST_LINES_OF_MONTH = 20
DAYS = {"1d": 1, "7d": 7, "28d": 28, "30d": 30, "365d": 365}
PACKED = re.compile(r"-(FP8|GGUF|AWQ|GPTQ-Int4|mlx-4bit|onnx|bnb-4bit|lora)$")
UNKNOWN, OTHER = ("(unknown)", "", ""), ("(other)", "", "")
Family = tuple[str, str, str]


def family_and_line(model_id: str) -> tuple[str, str]:
    """What generated names say: Selvexar-1.0-7B-sft is selvexar-1.0, of the line selvexar."""
    name = model_id.rpartition("/")[2]
    if found := re.match(r"([A-Za-z]+)-([0-9][.][0-9])(-|$)", name):
        brand = found[1].lower()
        return f"{brand}-{found[2]}", brand
    if found := re.match(r"([a-z]+)-base-([0-9]{1,2})$", name):
        return f"{found[1]}-{found[2]}", found[1]
    if found := re.match(r"([A-Za-z]+)-[0-9]+B$", name):
        return found[1].lower(), found[1].lower()
    raise AssertionError(f"a name that this cannot read: {model_id}")


def leading(most: dict[str, float], least: dict[str, float], places: int) -> set[str]:
    """Who may be one of the largest `places`, when each has so much at most, and at least."""
    order = sorted((-round(has, 6), name) for name, has in least.items() if round(has, 6) > 0)
    last = order[places - 1] if len(order) >= places else (0.0, "")
    return {name for name, has in most.items() if (-round(has, 6), name) <= last}


class Families:
    """Who has what in a slice, by family: (owner, family, line)."""

    def __init__(self, oracle: Oracle, days: list[date]) -> None:
        self.oracle = oracle
        self.created = {
            (day, row["model_key"]): row["created_at"]
            for day in days
            for row in as_dictionaries(oracle.records[day])
            if row["created_at"]
        }
        self.large = {day: self._large(day) for day in days}

    def _large(self, day: date) -> set[str]:
        found: set[str] = set()
        derived = self._derived(day)
        known: dict[str, float] = defaultdict(float)
        for (model, root), credit in derived.items():
            known[model] += 0 if PACKED.search(root) else credit
        for slice_ in self.oracle.slices([day]):
            _, window, attribution, *_ = slice_
            if self.oracle.is_known(day, window):
                found |= self._large_by_downloads(slice_)
            lines: dict[tuple[str, str], float] = defaultdict(float)
            for row in as_dictionaries(self.oracle.rows(slice_)):
                model, root = row["model_key"], row["entity"]
                if not row["is_present"] or not self._is_created_within(window, model, day):
                    continue
                owner = self.oracle.canonical(row["owner"], day)
                if attribution == "publisher":
                    lines[owner, ""] += known[model]
                elif not PACKED.search(root):
                    lines[owner, family_and_line(root)[1]] += derived.get((model, root), 0.0)
            places = LARGEST_PUBLISHERS if attribution == "publisher" else LARGEST_LINES
            found |= self._owners(lines, places)
        for scope in ("all", "language_models"):
            months: dict[date, dict[tuple[str, str], float]] = defaultdict(
                lambda: defaultdict(float)
            )
            for row in as_dictionaries(
                self.oracle.rows((day, "all_time", "base_model", "all", scope))
            ):
                model, root = row["model_key"], row["entity"]
                created = self.created.get((day, model))
                if row["is_present"] and created and not PACKED.search(root):
                    line = self.oracle.canonical(row["owner"], day), family_and_line(root)[1]
                    months[created.date().replace(day=1)][line] += derived.get((model, root), 0.0)
            for lines in months.values():
                found |= self._owners(lines, LARGEST_LINES_OF_MONTH)
        return found

    def _large_by_downloads(self, slice_: Slice) -> set[str]:
        most: dict[str, float] = defaultdict(float)
        least: dict[str, float] = defaultdict(float)
        for row in as_dictionaries(self.oracle.credits(slice_)):
            owner = self.oracle.canonical(row["owner"], slice_[0])
            most[owner] += row["downloads"]
            if slice_[2] == "publisher" or (
                row["entity"] == row["model_id"] and not PACKED.search(row["entity"])
            ):
                least[owner] = max(least[owner], row["downloads"])
        return {owner for owner in leading(most, least, LARGEST_LINES) if most[owner] > 0}

    @staticmethod
    def _owners(lines: dict[tuple[str, str], float], places: int) -> set[str]:
        """Who has the largest lines, one for each owner."""
        largest: dict[str, float] = defaultdict(float)
        for (owner, _), has in lines.items():
            largest[owner] = max(largest[owner], has)
        return {owner for owner in leading(largest, largest, places) if largest[owner] > 0}

    def _family(self, entity: str, owner: str, slice_: Slice) -> Family:
        if slice_[2] == "base_model" and PACKED.search(entity):
            return UNKNOWN
        owner = self.oracle.canonical(owner, slice_[0])
        return (owner, *family_and_line(entity)) if owner in self.large[slice_[0]] else OTHER

    def _derived(self, day: date) -> dict[tuple[str, str], float]:
        """How much of each (model, root) was made of another, of what nobody knows too."""
        rows = self.oracle.rows((day, "30d", "base_model", "all", "all"))
        return {
            (row["model_key"], row["entity"]): float(row["credit"])
            for row in rows.to_dict("records")
            if row["entity"] != row["model_id"] or PACKED.search(row["entity"])
        }

    def _is_created_within(self, window: str, model: str, day: date) -> bool:
        """Whether a model was created on a whole day of a window, which ends before `day`."""
        if window not in DAYS:
            return True
        created = self.created.get((day, model))
        return created is not None and 1 <= (day - created.date()).days <= DAYS[window]

    def of(self, slice_: Slice) -> dict[str, dict[str, float]]:
        """Downloads, largest model, models and new derivatives by the label of the family."""
        day, window, attribution, *_ = slice_
        derived = self._derived(day)
        known: dict[str, float] = defaultdict(float)
        for (model, root), credit in derived.items():
            known[model] += 0 if PACKED.search(root) else credit
        parts: dict[tuple[Family, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for row in self.oracle.rows(slice_).to_dict("records"):
            model, downloads = row["model_key"], row[f"downloads_{window}"]
            part = parts[self._family(row["entity"], row["owner"], slice_), model]
            part["downloads"] += 0 if pd.isna(downloads) else float(downloads)
            part["models_count"] = row["is_present"]
            if row["is_present"] and self._is_created_within(window, model, day):
                part["new_derivatives"] += (
                    derived.get((model, row["entity"]), 0.0)
                    if attribution == "base_model"
                    else known[model]
                )
        families: dict[Family, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for (family, _), part in parts.items():
            for measure, value in part.items():
                families[family][measure] += value
            families[family]["largest"] = max(families[family]["largest"], part["downloads"])
        return self._shown(families)

    def _shown(self, families: dict[Family, dict[str, float]]) -> dict[str, dict[str, float]]:
        lines: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for (owner, _, line), family in families.items():
            for measure in ("downloads", "new_derivatives"):
                lines[owner, line][measure] += family[measure] * bool(line)
        shown = {
            line
            for measure in ("downloads", "new_derivatives")
            for line in sorted(lines, key=lambda one: (-round(lines[one][measure], 6), one))[
                :LARGEST_LINES
            ]
            if lines[line][measure] > 0
        }
        found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for (owner, name, line), family in families.items():
            is_shown = (owner, line) in shown
            label = found[f"{owner}/{name}" if is_shown else owner if not line else OTHER[0]]
            for measure, value in family.items():
                label[measure] += value if measure != "largest" else 0
            label["largest"] = max(label["largest"], family["largest"])
        return found


@pytest.mark.parametrize(
    "places", [(29, -1), pytest.param((), marks=pytest.mark.long)], ids=["some", "all"]
)
def test_every_slice_is_what_names_and_lineage_say(
    at_once: Built, oracle: Oracle, places: Sequence[int]
) -> None:
    days = [oracle.days[place] for place in places or range(len(oracle.days))]
    families = Families(oracle, days)
    table: dict[Any, dict[str, Any]] = defaultdict(dict)
    for row in at_once.rows("select * from marts.fct_family_share_daily"):
        table[tuple(row[name] for name in SLICE)][row["family"]] = row
    compared = set()
    for slice_ in oracle.slices(days):
        expected, found = families.of(slice_), table[slice_]
        whole = sum(family["downloads"] for family in expected.values())
        derived = sum(
            family["new_derivatives"] for name, family in expected.items() if name != UNKNOWN[0]
        )
        for name, row in found.items():
            family = expected[name]
            assert row["new_derivatives"] == pytest.approx(family["new_derivatives"], abs=1e-9)
            if row["derivatives_null_reason"] is None:
                share = family["new_derivatives"] / derived
                assert row["share_of_new_derivatives"] == pytest.approx(share, abs=1e-9)
            else:
                assert name == UNKNOWN[0] or derived == 0
            if name != OTHER[0]:
                assert row["models_count"] == family["models_count"], (slice_, name)
            if row["null_reason"] is not None:
                continue
            without = (family["downloads"] - family["largest"]) / (whole - family["largest"])
            assert row["downloads"] == pytest.approx(family["downloads"], abs=1e-5), (slice_, name)
            assert row["share_of_all"] == pytest.approx(family["downloads"] / whole, abs=1e-9)
            assert row["share_of_all_without_largest_model"] == pytest.approx(without, abs=1e-9)
            compared.add((slice_[1], slice_[2], name))
        measured = {name for name, family in expected.items() if family["downloads"] > 0}
        if any(row["null_reason"] is None for row in found.values()):
            assert measured <= found.keys(), slice_
    names = {name for *_, name in compared}
    assert {UNKNOWN[0], OTHER[0]} < names and len(names) > 50
    assert {window for window, *_ in compared} >= {"1d", "7d", "30d", "all_time"}


def test_months_are_those_in_which_what_is_left_was_created(at_once: Built, oracle: Oracle) -> None:
    day = oracle.days[-1]
    families = Families(oracle, [day])
    derived = families._derived(day)
    compared = 0
    for scope in ("all", "language_models"):
        slice_ = (day, "all_time", "base_model", "all", scope)
        months: dict[date, dict[Family, float]] = defaultdict(lambda: defaultdict(float))
        for row in as_dictionaries(oracle.rows(slice_)):
            credit = derived.get((row["model_key"], row["entity"]))
            created = families.created.get((day, row["model_key"]))
            if row["is_present"] and credit and created:
                family = families._family(row["entity"], row["owner"], slice_)
                months[created.date().replace(day=1)][family] += credit
        found = at_once.rows(
            f"select * from marts.fct_family_derivatives_monthly where scope = '{scope}'"
        )
        assert {row["snapshot_date"] for row in found} == {day}
        assert {row["month_start_date"] for row in found} == set(months)
        for month, credits in months.items():
            lines: dict[tuple[str, str], float] = defaultdict(float)
            for (owner, _, line), credit in credits.items():
                lines[owner, line] += credit if line else 0
            order = sorted(lines, key=lambda one: (-round(lines[one], 6), one))
            shown = {one for one in order[:20] if lines[one] > 0}
            expected: dict[str, float] = defaultdict(float)
            for (owner, name, line), credit in credits.items():
                is_shown = (owner, line) in shown
                expected[f"{owner}/{name}" if is_shown else owner if not line else OTHER[0]] += (
                    credit
                )
            rows = {row["family"]: row for row in found if row["month_start_date"] == month}
            whole = sum(credit for name, credit in expected.items() if name != UNKNOWN[0])
            assert rows.keys() == expected.keys()
            for name, credit in expected.items():
                assert rows[name]["new_derivatives"] == pytest.approx(credit, abs=1e-9)
                share = rows[name]["share_of_new_derivatives"]
                assert share == (None if name == UNKNOWN[0] else pytest.approx(credit / whole))
            compared += len(expected)
    assert compared > 50


def test_lines_are_those_of_the_worlds_truth(at_once: Built, world: World, tmp_path: Path) -> None:
    """Truth follows deleted parents to their roots, which no snapshot can."""
    write_truth(world, tmp_path, flows=False)
    truth = pd.read_parquet(tmp_path / "roots.parquet")
    models = pd.read_parquet(tmp_path / "models.parquet")
    roots = truth.merge(
        models[["model_key", "born_id"]].rename(
            columns={"model_key": "root_model_key", "born_id": "root_id"}
        ),
        on="root_model_key",
    )
    day = world.dates[-1]
    downloads = at_once.read(
        "select model_key, downloads_30d from intermediate.int_hub__model_downloads "
        f"where snapshot_date = '{day}'"
    )
    credits = roots.merge(downloads, on="model_key")
    line = credits["root_id"].map(lambda root: family_and_line(root)[1])
    true = (credits["downloads_30d"] * credits["weight"]).groupby(line).sum()
    found = at_once.read(
        "select split_part(family_line, '/', 2) as line, sum(downloads) as downloads "
        f"from marts.fct_family_share_daily where snapshot_date = '{day}' "
        "and window_name = '30d' and attribution = 'base_model' and cohort = 'all' "
        "and scope = 'all' and organization is not null group by all"
    ).set_index("line")["downloads"]
    largest = true.nlargest(10)
    assert found.reindex(largest.index).tolist() == pytest.approx(largest.tolist(), rel=0.02)
