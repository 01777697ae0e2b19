"""What a user would write instead, in pandas: two of the marts, of one day.

What belongs here: shares of countries and organizations by publisher, for every window, cohort and
scope, as a careful person computes them from the raw files of the days that the windows ask for.
Not here, as nobody would write it: lineage, families, corrected counters, bands of doubtful homes,
concentration, cadence, claims, quality, gates, and the rest of the published tables.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from orchestration.home import Home
from orchestration.snapshots import store
from orchestration.warehouse import generated_organizations_file

TASKS = (
    "text-generation", "text2text-generation", "image-text-to-text", "video-text-to-text",
    "audio-text-to-text", "any-to-any",
)  # fmt: skip
FLOWS = {"1d": 1, "7d": 7, "28d": 28, "365d": 365}


def shares(
    files: Mapping[date, Path], day: date, homes: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares of countries and of organizations on `day`, a row a slice and entity.

    `files` are the raw snapshots by day, `homes` has columns organization, country_code and
    is_international.
    """
    names = ["_id", "id", "author_type", "createdAt", "downloads", "downloadsAllTime", "tags"]
    models = pd.read_parquet(files[day], columns=[*names, "pipeline_tag"])
    models["organization"] = models["id"].str.partition("/")[0]
    country = homes["country_code"].mask(homes["is_international"], "international")
    country = models["organization"].map(country.set_axis(homes["organization"]))
    # Whom nobody curated: what the Hub says of him.
    kinds = {"user": "unattributed_individual", "org": "unattributed_organization"}
    other = models["author_type"].map(kinds).fillna("unattributed_unknown")
    models["country_key"] = country.fillna(other)
    is_new = models["createdAt"] > pd.Timestamp(day) - pd.Timedelta(days=365)
    by_tags = models["tags"].map(lambda tags: tags is not None and "conversational" in tags)
    is_language = models["pipeline_tag"].isin(TASKS) | (models["pipeline_tag"].isna() & by_tags)
    models["30d"] = models["downloads"]
    models["all_time"] = models["downloadsAllTime"]
    for window, days in FLOWS.items():
        start = day - timedelta(days=days)
        if start in files:
            before = pd.read_parquet(files[start], columns=["_id", "downloadsAllTime"])
            level = models["_id"].map(before.set_index("_id")["downloadsAllTime"])
            models[window] = models["downloadsAllTime"] - level.fillna(0)
    everything = pd.Series(True, index=models.index)
    found: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for window in ("30d", "all_time", *FLOWS):
        if window not in models:
            continue
        for cohort, in_cohort in {"all": everything, "new_365d": is_new}.items():
            for scope, in_scope in {"all": everything, "language_models": is_language}.items():
                chosen = models[in_cohort & in_scope]
                for told, entity in zip(found, ("country_key", "organization"), strict=True):
                    sums = chosen.groupby(entity)[window].agg(["sum", "max", "count"])
                    sums["share_of_all"] = sums["sum"] / sums["sum"].sum()
                    sums["rank"] = sums["sum"].rank(method="min", ascending=False)
                    told.append(sums.assign(window_name=window, cohort=cohort, scope=scope))
    countries, organizations = (pd.concat(told) for told in found)
    return countries, organizations


def main() -> None:
    """Print how many rows the two tables of the newest day of a home have."""
    home = Home(Path(sys.argv[1]))
    sealed = store.list_sealed(home)
    files = {day.snapshot_date: store.parquet_of(home, day) for day in sealed}
    # Where an organization moved, its last home.
    homes = pd.read_csv(generated_organizations_file(home)).drop_duplicates(
        "organization", keep="last"
    )
    print(*(len(table) for table in shares(files, max(files), homes)))


if __name__ == "__main__":
    main()
