"""The same measures, computed a second time in pandas and plain Python, from the raw files.

What belongs here: definitions written down again without a look at the SQL, slow and plain:
who a record is about, whose it is, where it counts, and what follows. Flows are found in
`flows_oracle`. Nothing of the warehouse is read, and nothing here asserts.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from tests.integration.flows_oracle import WINDOWS, Flows, Seen

COHORTS = ("all", "new_365d")
SCOPES = ("all", "language_models")
ATTRIBUTIONS = ("publisher", "base_model")
SLICE = ["snapshot_date", "window_name", "attribution", "cohort", "scope"]
ALL_WINDOWS = ("1d", "7d", "28d", "30d", "365d", "all_time")
LANGUAGE_TASKS = {
    "text-generation", "text2text-generation", "image-text-to-text", "video-text-to-text",
    "audio-text-to-text", "any-to-any",
}  # fmt: skip
# The architectures of language models that generated worlds know, and the Hub's own two tags.
LANGUAGE_TAGS = {
    "conversational", "text-generation-inference",
    "llama", "mistral", "qwen3", "gemma3", "gpt2", "phi3",
}  # fmt: skip
UNKNOWN_DATES = {datetime(2022, 3, 2, 23, 29, 4), datetime(2022, 3, 2, 23, 29, 5)}
READABLE = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")
HOMELESS = ("unattributed_organization", "unattributed_unknown")

FLAGS = ["is_new_365d", "is_language_model", "is_present"]
PARTS = ["snapshot_date", "attribution", "owner", "country_key", "model_key", *FLAGS]

Row = Mapping[str, Any]
Slice = tuple[date, str, str, str, str]
Floats = npt.NDArray[np.float64]


class Oracle:
    """All slices of the days of `history`, which are raw rows in the Hub's field names.

    `organizations` is a CSV of curated owners, in the shape of the seed.
    """

    def __init__(self, history: Mapping[date, Sequence[Row]], organizations: str) -> None:
        self.records = {day: records(day, rows) for day, rows in history.items()}
        self.days = sorted(self.records)
        self.flows = Flows(
            {
                day: {
                    row["model_key"]: Seen(
                        row["all_time"],
                        row["rolling"],
                        row["created_at"] and row["created_at"].date(),
                    )
                    for row in as_dictionaries(frame)
                }
                for day, frame in self.records.items()
            }
        )
        self.owners: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in csv.DictReader(io.StringIO(organizations)):
            self.owners[row["organization"]].append(row)
        # What any day tells of an owner holds for all.
        told = pd.concat(self.records.values()).groupby("organization")["author_type"]
        self.types = {
            owner: "organization" if "org" in set(types) else
            "individual" if "user" in set(types) else "unknown"
            for owner, types in told
        }  # fmt: skip
        self._origins: dict[date, pd.DataFrame] = {}
        self._counted: dict[date, pd.DataFrame] = {}
        self._credited: dict[tuple[date, str], pd.DataFrame] = {}
        self._parts: dict[tuple[date, ...], pd.DataFrame] = {}

    def slices(self, days: Sequence[date]) -> Iterator[Slice]:
        """Every slice of `days`."""
        yield from itertools.product(days, ALL_WINDOWS, ATTRIBUTIONS, COHORTS, SCOPES)

    def is_known(self, day: date, window: str, series: str = "corrected") -> bool:
        """Whether the history tells the downloads of a window."""
        return window not in WINDOWS or self.flows.is_known(series, day, window)

    def credits(self, slice_: Slice) -> pd.DataFrame:
        """Who gets what in a slice: model_key, model_id, entity, owner, downloads.

        `entity` is the model that is counted: the model itself or a root of its lineage.
        """
        window = slice_[1]
        rows = self.rows(slice_)
        # Downloads that nobody knows are none; what is gone is there where it had some.
        downloads = rows[f"downloads_{window}"]
        rows = rows[downloads.notna() & (rows["is_present"] | (downloads > 0))]
        return rows.assign(downloads=rows[f"downloads_{window}"])[
            ["model_key", "model_id", "entity", "owner", "credit", "downloads"]
        ]

    def rows(self, slice_: Slice) -> pd.DataFrame:
        """All rows of a slice, whether their downloads are known or not."""
        day, _, attribution, cohort, scope = slice_
        rows = self.credited(day, attribution)
        return rows[in_cut(rows, cohort, scope)]

    def credited(self, day: date, attribution: str) -> pd.DataFrame:
        """Every model of a day, gone ones too, once for each root that has a part of it."""
        if (day, attribution) not in self._credited:
            rows = self.counted(day)
            if attribution == "publisher":
                rows = rows.assign(entity=rows["model_id"], owner=rows["organization"], credit=1.0)
            else:
                seen = sorted(set(rows["sighted_on"]))
                origins = pd.concat(self.origins(on).assign(sighted_on=on) for on in seen)
                rows = rows.merge(origins, on=["sighted_on", "model_key"])
            for column in amounts(rows):
                rows[column] = rows[column] * rows["credit"]
            self._credited[day, attribution] = rows
        return self._credited[day, attribution]

    def origins(self, day: date) -> pd.DataFrame:
        """`roots` of the models of a day."""
        if day not in self._origins:
            self._origins[day] = roots(self.records[day])
        return self._origins[day]

    def counted(self, day: date) -> pd.DataFrame:
        """The models of a day and their downloads in every window; null where unknown.

        What is gone, or not there yet, is there too where a window has downloads of it, as it
        was when last seen.
        """
        if day in self._counted:
            return self._counted[day]
        rows = self.records[day].assign(sighted_on=day, is_present=True)
        flows = pd.DataFrame(
            {
                f"{name}_{window}": pd.Series(
                    {
                        model: float(found)
                        for model, found in self.flows.downloads(series, day, window).items()
                    }
                    if self.flows.is_known(series, day, window)
                    else {},
                    dtype="float64",
                )
                for name, series in (("downloads", "corrected"), ("uncorrected", "uncorrected"))
                for window in WINDOWS
            }
        ).rename_axis("model_key")
        gone = flows.index[(flows.fillna(0) != 0).any(axis=1)].difference(
            pd.Index(rows["model_key"])
        )
        sights = [self._sight(model, day) for model in gone]
        rows = pd.concat([rows, pd.DataFrame(sights, columns=rows.columns)], ignore_index=True)
        rows = rows.astype(dict.fromkeys(FLAGS, bool)).merge(flows, on="model_key", how="left")
        for window, column in (("30d", "rolling"), ("all_time", "all_time")):
            rows[f"downloads_{window}"] = rows[column].where(rows["is_present"]).astype("float64")
        self._counted[day] = rows
        return rows

    def _sight(self, model: str, day: date) -> dict[Any, Any]:
        seen = self._sights[model]
        before = [on for on in seen if on < day]
        on = before[-1] if before else seen[0]
        frame = self.records[on]
        row = frame[frame["model_key"] == model].iloc[0].to_dict()
        # What is gone is as it was, and grows older.
        is_new = is_new_365d(row["created_at"], day)
        return row | {"sighted_on": on, "is_present": False, "is_new_365d": is_new}

    @cached_property
    def _sights(self) -> dict[str, list[date]]:
        found: dict[str, list[date]] = defaultdict(list)
        for day, frame in self.records.items():
            for model in frame["model_key"]:
                found[model].append(day)
        return found

    def canonical(self, owner: str, day: date) -> str:
        """The name under which an owner publishes now."""
        row = self.curated(owner, day)
        return (row and row["canonical_organization"]) or owner

    def curated(self, owner: str, day: date) -> dict[str, str] | None:
        """The row of the seed about an owner on a day."""
        for row in self.owners.get(owner, ()):
            if (row["valid_from"] or "0") <= str(day) <= (row["valid_to"] or "9"):
                return row
        return None

    def home(self, owner: str, day: date) -> tuple[str, str | None, bool]:
        """Country key, other possible home, whether it is contested."""
        row = self.curated(owner, day)
        if row is None:
            return f"unattributed_{self.types.get(owner, 'unknown')}", None, False
        is_international = {"true": True, "false": False}[row["is_international"].lower()]
        key = "international" if is_international else row["country_code"]
        other = row["alternative_country_code"] or None
        return key or HOMELESS[0], other, other is not None or row["confidence"] == "low"

    def possible_homes(self, owner: str, day: date) -> set[str]:
        """Where an owner may belong, its own home among them; `(anywhere)` for every country."""
        home, other, is_contested = self.home(owner, day)
        if home in HOMELESS:
            return {"(anywhere)"}
        if not is_contested:
            return {home}
        return {home, other} if other else {home, "(anywhere)"}

    def parts(self, days: Sequence[date]) -> pd.DataFrame:
        """One row a slice, owner and model: what the owner has of it in the slice's window."""
        if tuple(days) in self._parts:
            return self._parts[tuple(days)]
        found = []
        for day, attribution in itertools.product(days, ATTRIBUTIONS):
            rows = self.credited(day, attribution)
            homes = {owner: self.home(owner, day)[0] for owner in rows["owner"].unique()}
            found.append(
                rows.assign(
                    snapshot_date=day, attribution=attribution, country_key=rows["owner"].map(homes)
                )
            )
        rows = pd.concat(found, ignore_index=True)
        of_windows = pd.concat(
            rows[PARTS].assign(
                window_name=window,
                downloads=rows[f"downloads_{window}"],
                uncorrected=rows[f"{'uncorrected' if window in WINDOWS else 'downloads'}_{window}"],
            )
            for window in ALL_WINDOWS
        )
        self._parts[tuple(days)] = pd.concat(
            [
                of_windows[in_cut(of_windows, cohort, scope)].assign(cohort=cohort, scope=scope)
                for cohort, scope in itertools.product(COHORTS, SCOPES)
            ],
            ignore_index=True,
        )
        return self._parts[tuple(days)]

    def shares(self, level: str, days: Sequence[date]) -> pd.DataFrame:
        """The mart of shares by `level`, country_key or owner, again; all but what it repeats."""
        parts = self.parts(days)
        keys = list(dict.fromkeys([*SLICE, level, "country_key"]))
        # The part of one model that an entity has, however many roots it comes by.
        of_models = parts.groupby([*keys, "model_key"], as_index=False)
        # Where no part of it is known, a sum is not known.
        models = of_models[["downloads", "uncorrected"]].sum(min_count=1)
        models["is_present"] = of_models["is_present"].max()["is_present"]
        grouped = models.groupby(keys, as_index=False)
        found = grouped[["downloads", "uncorrected", "is_present"]].sum(min_count=1)
        found["largest"] = grouped["downloads"].max()["downloads"]
        is_there = found["is_present"] > 0
        found = found[is_there | (found["downloads"] > 0) | (found["uncorrected"].fillna(0) != 0)]
        if level == "country_key":
            found = self._with_possible_homes(found, parts)
        found = found.rename(
            columns={"uncorrected": "downloads_uncorrected", "is_present": "models_count"}
        )
        is_country = found["country_key"].str.len() == 2
        slices = [found[name] for name in SLICE]
        downloads, largest = found["downloads"], found.pop("largest")
        whole = downloads.groupby(slices).transform("sum")
        placed = downloads.where(is_country).groupby(slices).transform("sum")
        found["share_of_all"] = downloads / whole
        found["share_of_attributed"] = (downloads / placed).where(is_country)
        found["share_of_all_without_largest_model"] = (downloads - largest) / (whole - largest)
        is_ranked = is_country if level == "country_key" else pd.Series(True, found.index)
        # Nobody is the largest of nothing.
        ranked = downloads.round(6).where(is_ranked & (whole > 0))
        found["rank"] = ranked.groupby(slices).rank(method="min", ascending=False)
        if level == "country_key":
            found = found.merge(self._bands(parts, found[keys]), on=keys, how="left")
            for name in ("low", "high"):
                band = found.pop(name).fillna(0) / whole.to_numpy()
                found[f"share_of_all_{name}"] = band.where(
                    is_country.to_numpy() & found["downloads"].notna()
                )
        self._forget_what_is_unknown(found)
        return found

    def _with_possible_homes(self, found: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
        """With a row for each other home of an owner that has downloads."""
        owners = parts[parts["downloads"] > 0][[*SLICE, "owner"]].drop_duplicates()
        homes = [
            self.home(owner, day)
            for owner, day in owners[["owner", "snapshot_date"]].itertuples(index=False)
        ]
        other = [None if home in HOMELESS else other for home, other, _ in homes]
        named = (
            owners.assign(country_key=pd.Series(other, owners.index))[[*SLICE, "country_key"]]
            .dropna()
            .drop_duplicates()
        )
        listed = found.merge(named, on=[*SLICE, "country_key"], how="outer", indicator="side")
        measures = found.columns.difference([*SLICE, "country_key"])
        listed.loc[listed.pop("side") == "right_only", measures] = 0
        return listed

    def _bands(self, parts: pd.DataFrame, countries: pd.DataFrame) -> pd.DataFrame:
        """What each of `countries` has if no doubtful owner belongs to it, and if all do."""
        owners = parts.groupby([*SLICE, "owner", "country_key"], as_index=False)["downloads"].sum()
        pairs = owners[["owner", "snapshot_date"]].drop_duplicates()
        homes = pd.DataFrame(
            [
                (owner, day, home, len(possible) == 1 and home != "(anywhere)")
                for owner, day in pairs.itertuples(index=False)
                for possible in [self.possible_homes(owner, day)]
                for home in possible
            ],
            columns=["owner", "snapshot_date", "possible", "is_certain"],
        )
        owners = owners.merge(homes, on=["owner", "snapshot_date"])
        anywhere = owners[owners["possible"] == "(anywhere)"].drop(columns="country_key")
        anywhere = anywhere.merge(countries, on=SLICE)
        # Whoever may be anywhere may be at home too: once.
        named = owners[owners["possible"] != "(anywhere)"].assign(country_key=owners["possible"])
        possible = pd.concat([named, anywhere]).drop_duplicates([*SLICE, "owner", "country_key"])
        possible["low"] = possible["downloads"].where(possible["is_certain"], 0.0)
        bands = possible.groupby([*SLICE, "country_key"], as_index=False)[["low", "downloads"]]
        found: pd.DataFrame = bands.sum().rename(columns={"downloads": "high"})
        return found

    def _forget_what_is_unknown(self, found: pd.DataFrame) -> None:
        for day, window in (
            found[["snapshot_date", "window_name"]].drop_duplicates().itertuples(index=False)
        ):
            here = (found["snapshot_date"] == day) & (found["window_name"] == window)
            if not self.is_known(day, window):
                counts = [*SLICE, "owner", "country_key", "models_count", "downloads_uncorrected"]
                found.loc[here, found.columns.difference(counts)] = np.nan
            if not self.is_known(day, window, "uncorrected"):
                found.loc[here, "downloads_uncorrected"] = np.nan


def read_days(folder: Path) -> dict[date, list[Row]]:
    """The raw rows that lie as files in `folder`."""
    return {
        date.fromisoformat(file.parent.name.partition("=")[2]): pq.read_table(
            file, partitioning=None
        ).to_pylist()
        for file in sorted(folder.glob("snapshot_date=*/*.parquet"))
    }


def records(day: date, raw: Sequence[Row]) -> pd.DataFrame:
    """The models of one day: who they are, and what matters of them."""
    rows = []
    for row in raw:
        namespace, slash, _ = row["id"].partition("/")
        created = None if row["createdAt"] in UNKNOWN_DATES else row["createdAt"]
        tags = row["tags"] or []
        task = row["pipeline_tag"]
        rows.append(
            {
                "model_key": row["_id"] or row["id"],
                "model_id": row["id"],
                "organization": namespace if slash else row["author"] or "(no namespace)",
                "author_type": row["author_type"],
                "created_at": created,
                "is_new_365d": is_new_365d(created, day),
                "is_language_model": task in LANGUAGE_TASKS
                if task
                else not LANGUAGE_TAGS.isdisjoint(tags),
                "rolling": row["downloads"],
                "all_time": row["downloadsAllTime"],
                "tags": tags,
            }
        )
    frame = pd.DataFrame(rows)
    for column in ("author_type", "created_at", "rolling", "all_time"):
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def is_new_365d(created: datetime | None, day: date) -> bool:
    """Whether what was `created` then is in the cohort of new models on a day."""
    year_before = datetime.combine(day, datetime.min.time()) - timedelta(days=365)
    return created is not None and created > year_before


def as_dictionaries(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """One dictionary a row."""
    return frame.to_dict("records")


def amounts(rows: pd.DataFrame) -> list[str]:
    """The columns that hold downloads."""
    return [name for name in rows.columns if name.startswith(("downloads_", "uncorrected_"))]


def in_cut(rows: pd.DataFrame, cohort: str, scope: str) -> pd.Series:
    """Which rows are in a cohort and a scope."""
    found = pd.Series(True, rows.index)
    if cohort == "new_365d":
        found &= rows["is_new_365d"]
    if scope == "language_models":
        found &= rows["is_language_model"]
    return found


def roots(models: pd.DataFrame) -> pd.DataFrame:
    """Where each model of one day descends from: model_key, entity, owner, credit."""
    by_id: dict[str, dict[Any, Any]] = {
        row["model_id"]: row
        for row in models[["model_id", "model_key", "organization", "tags"]].to_dict("records")
    }
    prefix = re.compile(r"base_model:((finetune|quantized|adapter|merge):)?")
    parents = {
        name: sorted({prefix.sub("", tag, count=1) for tag in row["tags"] if prefix.match(tag)})
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


def gini(values: Floats) -> float:
    """Mean absolute difference of all pairs, by twice the mean."""
    return float(np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean()))
