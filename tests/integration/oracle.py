"""The same measures, computed a second time in pandas and plain Python.

What belongs here: definitions written down again without a look at the SQL, slow and plain.
Downloads of each window are taken as the warehouse has them per model and day; whose they are,
where they count and what follows from them is found anew.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from local_hub import World
from tests.integration.built_world import Built

COHORTS = ("all", "new_365d")
SCOPES = ("all", "language_models")
ATTRIBUTIONS = ("publisher", "base_model")
SLICE = ["snapshot_date", "window_name", "attribution", "cohort", "scope"]
READABLE = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")

Slice = tuple[date, str, str, str, str]
Floats = npt.NDArray[np.float64]


class Oracle:
    """All slices of some days of a built world."""

    def __init__(self, built: Built, world: World, days: list[date]) -> None:
        self.model_days = built.read("select * from intermediate.int_hub__model_days")
        self.downloads = built.read(
            "select model_downloads.*, coalesce(sighted_on, snapshot_date) as sighted_on "
            "from intermediate.int_hub__model_downloads as model_downloads "
            "left join intermediate.int_hub__absent_models using (snapshot_date, model_key)"
        )
        for frame in (self.model_days, self.downloads):
            for column in frame.columns.intersection(["snapshot_date", "sighted_on"]):
                frame[column] = frame[column].dt.date
        self.days = days
        self.windows = [
            column.removeprefix("downloads_")
            for column in self.downloads.columns
            if column.startswith("downloads_")
        ]
        # What any day tells of an owner holds for all; an organization is told by 'org'.
        types = self.model_days.groupby("organization")["author_type"].max()
        self.individuals = set(types[types == "user"].index)
        self.owners = list(csv.DictReader(io.StringIO(world.organizations_csv())))

    def slices(self) -> Iterator[Slice]:
        """Every slice of the days."""
        yield from itertools.product(self.days, self.windows, ATTRIBUTIONS, COHORTS, SCOPES)

    def credits(self, slice_: Slice) -> pd.DataFrame:
        """Who gets what in a slice: model_key, model_id, entity, owner, downloads.

        `entity` is the model that is counted: the model itself or a root of its lineage.
        """
        window = slice_[1]
        rows = self.rows(slice_)
        # Downloads that nobody knows are none; what is gone is there where it had some.
        known = rows[f"downloads_{window}"].notna() & (
            rows["is_present"] | (rows[f"downloads_{window}"] > 0)
        )
        rows = rows[known].assign(downloads=rows[f"downloads_{window}"] * rows["credit"])
        return rows[["model_key", "model_id", "entity", "owner", "credit", "downloads"]]

    def rows(self, slice_: Slice) -> pd.DataFrame:
        """All rows of a slice, whether their downloads are known or not."""
        day, _, attribution, cohort, scope = slice_
        rows = self._credits[day, attribution]
        if cohort == "new_365d":
            rows = rows[rows["is_new_365d"]]
        if scope == "language_models":
            rows = rows[rows["is_language_model"]]
        return rows

    @cached_property
    def _credits(self) -> dict[tuple[date, str], pd.DataFrame]:
        found: dict[Any, pd.DataFrame] = {}
        models = self.downloads[self.downloads["snapshot_date"].isin(self.days)]
        seen = self.model_days[self.model_days["snapshot_date"].isin(models["sighted_on"])]
        origins = pd.concat(
            roots(of_day).assign(sighted_on=day) for day, of_day in seen.groupby("snapshot_date")
        )
        for day, of_day in models.groupby("snapshot_date"):
            found[day, "publisher"] = of_day.assign(
                entity=of_day["model_id"], owner=of_day["organization"], credit=1.0
            )
            found[day, "base_model"] = of_day.merge(origins, on=["sighted_on", "model_key"])
        return found

    def canonical(self, owner: str, day: date) -> str:
        """The name under which an owner publishes now."""
        for row in self.owners:
            valid = (row["valid_from"] or "0") <= str(day) <= (row["valid_to"] or "9")
            if row["organization"] == owner and valid:
                return row["canonical_organization"] or owner
        return owner

    def home(self, owner: str, day: date) -> tuple[str | None, str | None, bool]:
        """Country key (None where nobody knows), other possible home, whether it is contested."""
        for row in self.owners:
            valid = (row["valid_from"] or "0") <= str(day) <= (row["valid_to"] or "9")
            if row["organization"] == owner and valid:
                key = "international" if row["is_international"] == "true" else row["country_code"]
                other = row["alternative_country_code"] or None
                return key or None, other, other is not None or row["confidence"] == "low"
        return None, None, False


def roots(models: pd.DataFrame) -> pd.DataFrame:
    """Where each model of one day descends from: model_key, entity, owner, credit."""
    by_id: dict[str, dict[Any, Any]] = {
        row["model_id"]: row
        for row in models[["model_id", "model_key", "organization", "base_model_tags"]]
        .astype(object)
        .to_dict("records")
    }
    prefix = re.compile(r"base_model:((finetune|quantized|adapter|merge):)?")
    parents = {
        name: sorted({prefix.sub("", tag, count=1) for tag in _list(row["base_model_tags"])})
        for name, row in by_id.items()
    }

    def above(model: str) -> set[str]:
        seen: set[str] = set()
        todo = [p for p in parents[model] if p in by_id]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += [p for p in parents[at] if p in by_id]
        return seen

    in_cycle = {model for model in by_id if model in above(model)}

    def weights(model: str) -> dict[str, float]:
        if model in in_cycle or not parents[model]:
            return {model: 1.0}
        found: dict[str, float] = defaultdict(float)
        for parent in parents[model]:
            part = 1 / len(parents[model])
            if not READABLE.fullmatch(parent):
                found[model] += part
            elif parent not in by_id:
                found[parent] += part
            else:
                for root, weight in weights(parent).items():
                    found[root] += part * weight
        return found

    def owner(root: str) -> str:
        if root in by_id:
            return str(by_id[root]["organization"])
        return root.partition("/")[0] if "/" in root else "(no namespace)"

    rows = [
        (row["model_key"], root, owner(root), weight)
        for model, row in by_id.items()
        for root, weight in weights(model).items()
    ]
    return pd.DataFrame(rows, columns=["model_key", "entity", "owner", "credit"])


def _list(tags: Any) -> list[str]:
    return [] if tags is None or tags is pd.NA else list(tags)


def gini(values: Floats) -> float:
    """Mean absolute difference of all pairs, by twice the mean."""
    return float(np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean()))
