"""A plausible published DuckDB file, small and quick, with hostile names in it.

What belongs here: the tables of a publication, with the published columns and invented numbers
that hang together (shares sum to 1, bands hold the share). How marts are computed does not
belong here: the dashboard only reads them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from orchestration.gates.tables import TABLES

LAST_DAY = dt.date(2026, 8, 22)
DAYS = 45
WINDOWS = ("7d", "30d", "365d", "all_time")
COHORTS = ("all", "new_365d")
SCOPES = ("all", "language_models")
Slices = Sequence[tuple[str, str, str]]
HOSTILE = '<script>alert("x")</script>\u202eevil\u0007'
FORMULA = '=HYPERLINK("http://evil.example","x")'
MANIFEST = {
    "generation": "2026-08-22T06-00-00Z-example",
    "published_at": "2026-08-22T06:00:00+00:00",
    "code_version": "0.1.0",
    "universe": {"kind": "world", "name": "example"},
    "source": {"kind": "live", "endpoint": "http://127.0.0.1:8000"},
}

_COUNTRIES = (
    ("US", "United States"),
    ("CN", "China"),
    ("FR", "France"),
    ("GB", "United Kingdom"),
    ("DE", "Germany"),
    ("KR", "South Korea"),
    ("CA", "Canada"),
    ("JP", "Japan"),
    ("IL", "Israel"),
    ("AE", "United Arab Emirates"),
    ("IN", "India"),
    ("SG", "Singapore"),
    ("CH", "Switzerland"),
    ("FI", "Finland"),
    ("NL", "Netherlands"),
    ("ES", "Spain"),
    ("IT", "Italy"),
    ("SE", "Sweden"),
    ("TW", "Taiwan"),
    ("HK", "Hong Kong"),
    ("BR", "Brazil"),
    ("RU", "Russia"),
    ("PL", "Poland"),
    ("NO", "Norway"),
    ("AU", "Australia"),
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("DK", "Denmark"),
    ("IE", "Ireland"),
    ("VN", "Vietnam"),
    ("GR", "Greece"),
    ("TR", "Turkey"),
)
_NO_COUNTRY = (
    "unattributed_individual",
    "unattributed_organization",
    "unattributed_unknown",
    "international",
)
_SYLLABLES = (
    "al",
    "ba",
    "cor",
    "den",
    "el",
    "far",
    "gan",
    "hel",
    "ira",
    "jo",
    "ka",
    "lum",
    "mir",
    "nor",
    "op",
    "pra",
    "qui",
    "ral",
    "sol",
    "tev",
    "ur",
    "vex",
)
_RELEASE_TYPES = ("base", "finetune", "adapter", "merge", "quantization", "format_conversion")


def write(path: Path, *, without: Collection[str] = (), small: bool = False) -> Path:
    """Write the example publication to `path`, leaving out the tables `without`.

    A `small` one has a single window, cohort and scope.

    The columns and types are those that publications declare.
    """
    frames = _tables([("30d", "all", "all")] if small else list(product(WINDOWS, COHORTS, SCOPES)))
    with duckdb.connect(str(path)) as connection:
        for name, table in TABLES.items():
            if name in without or name not in frames:
                continue
            # A column that the contract gained since is there, and empty.
            frame = frames[name].reindex(columns=[column.name for column in table.columns])
            connection.register("frame", frame)
            columns = ", ".join(
                f"{column.name}::{column.type} as {column.name}" for column in table.columns
            )
            connection.execute(f"create table {name} as select {columns} from frame")
            connection.unregister("frame")
    return path


def _tables(slices: Slices) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(7)
    dates = pd.date_range(end=LAST_DAY, periods=DAYS, freq="D")
    organizations = _organizations(random)
    levels = _levels(random, organizations)
    shares = _organization_shares(organizations, levels, dates, slices)
    countries = _country_shares(shares, organizations)
    weeks = pd.date_range(end="2026-08-17", periods=52, freq="W-MON")
    cadence = _cadence(random, organizations, weeks)
    return {
        "dim_countries": pd.DataFrame(
            [(code, code, name, False) for code, name in _COUNTRIES]
            + [(key, None, key, False) for key in _NO_COUNTRY],
            columns=["country_key", "country_code", "country_name", "is_eu"],
        ).assign(region=None, sub_region=None),
        "dim_dates": _dates(),
        "dim_organizations": organizations.drop(columns=["size", "origin"]),
        "dim_models": _models(random, organizations),
        "fct_organization_share_daily": shares,
        "fct_country_share_daily": countries,
        "fct_mapping_coverage_daily": _coverage(countries),
        "fct_release_cadence_weekly": cadence,
        "fct_country_cadence_weekly": _country_cadence(cadence, organizations),
        "fct_organization_cadence_daily": _rhythm(random, organizations),
        "fct_concentration_daily": _concentration(countries),
        "fct_overtakes": _overtakes(countries),
        "fct_claims": _claims(dates),
        "fct_family_share_daily": _families(random, dates, slices),
        "fct_relative_adoption": _adoption(random, organizations),
        "fct_flow_adjustments": _adjustments(dates),
        "fct_revisions": _revisions(dates),
        "fct_snapshot_quality_daily": _quality(random, dates),
    }


def _dates() -> pd.DataFrame:
    days = pd.date_range("2024-12-30", LAST_DAY, freq="D")
    weeks = days - pd.to_timedelta(days.day_of_week, unit="D")
    iso = days.isocalendar()
    return pd.DataFrame(
        {
            "date_day": days,
            "week_start_date": weeks,
            "iso_year": iso.year.to_numpy(),
            "iso_week": iso.week.to_numpy(),
            "month_start_date": days.to_period("M").start_time,
            "has_snapshot": days > days[-1] - pd.Timedelta(days=DAYS),
        }
    )


def _organizations(random: np.random.Generator) -> pd.DataFrame:
    names = [HOSTILE, FORMULA, "Mixed-Case", "mixed-case", "(no namespace)"]
    while len(names) < 160:
        name = "".join(random.choice(_SYLLABLES, size=random.integers(2, 4)))
        if name not in names:
            names.append(name)
    random.shuffle(names)
    weights = np.array([0.6**k + 0.02 for k in range(len(_COUNTRIES))])
    codes = [code for code, _ in _COUNTRIES]
    homes = list(random.choice(codes, size=len(names), p=weights / weights.sum()))
    homes[: len(codes)] = codes
    for place in range(40, len(names), 9):
        homes[place] = _NO_COUNTRY[(place // 9) % 4]
    contested = {5: "CN", 9: "US", 12: "DE", 25: "GB"}
    origin = [
        codes[int(k)] for k in random.choice(6, size=len(names), p=(0.2, 0.5, 0.1, 0.1, 0.05, 0.05))
    ]
    size = 1e8 / np.arange(1, len(names) + 1) ** 1.1
    return pd.DataFrame(
        {
            "organization": names,
            "valid_from": dt.date(2022, 1, 1),
            "canonical_organization": names,
            "country_key": homes,
            "alternative_country_key": [contested.get(k) for k in range(len(names))],
            "organization_type": random.choice(
                ["company", "university", "non-profit", "community"], len(names)
            ),
            "parent": [names[0] if k in (7, 8, 30) else None for k in range(len(names))],
            "confidence": random.choice(["high", "medium", "low"], len(names), p=(0.8, 0.15, 0.05)),
            "evidence": "an invented registry",
            "valid_to": pd.Series([None] * len(names), dtype="object"),
            "is_current": True,
            "size": size,
            "origin": origin,
        }
    )


def _levels(random: np.random.Generator, organizations: pd.DataFrame) -> np.ndarray:
    drift = random.normal(0, 0.004, size=len(organizations))
    steps = random.normal(drift, 0.012, size=(DAYS, len(organizations)))
    # One rising organization, so that the two first countries change places in the window.
    second = organizations.index[organizations.country_key == "CN"][0]
    steps[:, second] = 0.0155
    return np.asarray(organizations["size"].to_numpy() * np.exp(np.cumsum(steps, axis=0)))


_OWNER = ["organization", "canonical_organization", "parent", "country_key"]
_SLICE = ["snapshot_date", "window_name", "attribution", "cohort", "scope"]
_KEYS = ", ".join(_SLICE)


def _organization_shares(
    organizations: pd.DataFrame, levels: np.ndarray, dates: pd.DatetimeIndex, slices: Slices
) -> pd.DataFrame:
    scale = {"7d": 7 / 30, "30d": 1.0, "all_time": 20.0}
    placed = ~organizations.country_key.isin(_NO_COUNTRY).to_numpy()
    shift = {"all": 1.0, "new_365d": 1.6, "language_models": 0.7}
    count = len(organizations)
    every = {name: np.tile(organizations[name], len(dates)) for name in _OWNER}
    code = np.tile(organizations.country_key.where(placed, None), len(dates))
    frames = []
    for (window, cohort, scope), attribution in product(slices, ("publisher", "base_model")):
        tilt = np.where(organizations.country_key == "CN", shift[cohort] / shift[scope], 1.0)
        if attribution == "base_model":
            tilt = tilt * np.where(organizations.origin == "CN", 1.8, 0.8)
        blank = window == "365d"
        downloads = levels * tilt * (np.nan if blank else scale[window])
        share = downloads / downloads.sum(axis=1, keepdims=True)
        attributed = share / share[:, placed].sum(axis=1, keepdims=True) * placed
        provisional = (window != "30d") & (np.arange(len(dates)) >= len(dates) - 3)
        frames.append(
            pd.DataFrame(
                {
                    "snapshot_date": np.repeat(dates, count),
                    "window_name": window,
                    "attribution": attribution,
                    "cohort": cohort,
                    "scope": scope,
                    **every,
                    "country_code": code,
                    "downloads": downloads.ravel(),
                    "models_count": np.tile(np.arange(count, 0, -1), len(dates)),
                    "share_of_all": share.ravel(),
                    "share_of_attributed": attributed.ravel(),
                    "share_of_all_without_largest_model": (share * 0.8).ravel(),
                    "rank": (np.argsort(np.argsort(-share, axis=1), axis=1) + 1).ravel(),
                    "share_change_7d": _change(share, 7).ravel(),
                    "share_change_30d": _change(share, 30).ravel(),
                    "downloads_uncorrected": downloads.ravel(),
                    "is_provisional": np.repeat(provisional, count),
                    "null_reason": "history starts on 2026-06-24" if blank else None,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _change(values: np.ndarray, days: int) -> np.ndarray:
    change = np.full(values.shape, np.nan)
    change[days:] = values[days:] - values[:-days]
    return change


def _country_shares(shares: pd.DataFrame, organizations: pd.DataFrame) -> pd.DataFrame:
    """Sums by country; the band from contested homes and organizations of unknown home."""
    with duckdb.connect() as connection:
        connection.register("shares", shares)
        connection.register("organizations", organizations)
        return connection.execute(
            f"""
            with doubted as (
                select shares.*, alternative_country_key as other
                from shares join organizations using (organization)
                where alternative_country_key is not null
            ),
            lost as (
                select {_KEYS}, country_key, sum(share_of_all) as lost from doubted group by all
            ),
            won as (
                select {_KEYS}, other as country_key, sum(share_of_all) as won
                from doubted group by all
            ),
            loose as (
                select {_KEYS}, sum(share_of_all) as loose from shares
                where country_key = 'unattributed_organization' group by all
            ),
            sums as (
                select {_KEYS}, country_key, any_value(country_code) as country_code,
                    sum(downloads) as downloads, sum(models_count) as models_count,
                    sum(share_of_all) as share_of_all,
                    sum(share_of_attributed) as share_of_attributed,
                    0.93 * sum(share_of_all) as share_of_all_without_largest_model,
                    sum(downloads) as downloads_uncorrected,
                    bool_or(is_provisional) as is_provisional, any_value(null_reason) as null_reason
                from shares group by all
            )
            select sums.*,
                rank() over (partition by {_KEYS} order by share_of_all desc) as rank,
                share_of_all - lag(share_of_all, 7) over days as share_change_7d,
                share_of_all - lag(share_of_all, 30) over days as share_change_30d,
                if(country_code is null, null, share_of_all - coalesce(lost, 0))
                    as share_of_all_low,
                if(country_code is null, null, share_of_all + coalesce(won, 0) + coalesce(loose, 0))
                    as share_of_all_high
            from sums
            left join lost using ({_KEYS}, country_key)
            left join won using ({_KEYS}, country_key)
            left join loose using ({_KEYS})
            window days as (
                partition by window_name, attribution, cohort, scope, country_key
                order by snapshot_date
            )
            """
        ).df()


def _coverage(countries: pd.DataFrame) -> pd.DataFrame:
    placed = countries[countries.country_code.notna()]
    sums = placed.groupby(_SLICE)["share_of_all"].sum(min_count=1)
    table = sums.rename("downloads_attributed_share").reset_index()
    table["downloads_with_known_lineage_share"] = 0.66
    table["downloads_accounted_share"] = table.downloads_attributed_share + 0.01
    table["organizations_mapped_count"] = 142
    table["null_reason"] = None
    table["unattributed_top_organization"] = HOSTILE
    return table


def _cadence(
    random: np.random.Generator, organizations: pd.DataFrame, weeks: pd.DatetimeIndex
) -> pd.DataFrame:
    rows = []
    for place, name in enumerate(organizations.organization[:110]):
        pace = 3.0 / (1 + place % 17)
        for week in weeks:
            for kind, weight in zip(_RELEASE_TYPES, (0.4, 1, 0.5, 0.1, 1.2, 0.9), strict=True):
                count = int(random.poisson(pace * weight))
                if count:
                    rows.append((week, name, kind, count, (count + 1) // 2))
    names = ["week_start_date", "organization", "release_type", "releases_count", "launches_count"]
    counted = pd.DataFrame(rows, columns=names)
    # Sums over types and over owners are rows of their own.
    for column, whole in (("release_type", "all"), ("organization", "(all)")):
        rest = [name for name in names[:3] if name != column]
        sums = counted.groupby(rest, as_index=False)[names[3:]].sum().assign(**{column: whole})
        counted = pd.concat([counted, sums], ignore_index=True)
    return counted


def _country_cadence(cadence: pd.DataFrame, organizations: pd.DataFrame) -> pd.DataFrame:
    home = organizations.set_index("organization").country_key.to_dict()
    return (
        cadence.assign(country_key=cadence.organization.map(home))
        .dropna(subset="country_key")
        .groupby(["week_start_date", "country_key", "release_type"], as_index=False)
        .agg(
            releases_count=("releases_count", "sum"),
            launches_count=("launches_count", "sum"),
            organizations_count=("organization", "nunique"),
        )
    )


def _rhythm(random: np.random.Generator, organizations: pd.DataFrame) -> pd.DataFrame:
    count = 110
    median = np.round(random.gamma(2.0, 6.0, size=count), 1)
    return pd.DataFrame(
        {
            "snapshot_date": pd.Timestamp(LAST_DAY),
            "organization": organizations.organization[:count],
            "launches_365d": random.integers(2, 90, size=count),
            "releases_365d": random.integers(90, 400, size=count),
            "median_days_between_launches": np.where(np.arange(count) % 13 == 5, np.nan, median),
            "p90_days_between_launches": np.where(np.arange(count) % 13 == 5, np.nan, median * 2.5),
            "share_of_weeks_with_launch": random.random(count),
            "current_week_streak": random.integers(0, 20, size=count),
            "days_since_last_launch": random.integers(0, 60, size=count),
        }
    )


def _concentration(countries: pd.DataFrame) -> pd.DataFrame:
    slices = countries[_SLICE].drop_duplicates()
    slices = slices[slices.window_name != "365d"]
    frames = []
    for level, scale in (("model", 1.0), ("organization", 1.7)):
        day = (slices.snapshot_date - slices.snapshot_date.min()).dt.days
        frames.append(
            slices.assign(
                level=level,
                hhi=80 * scale + day * 0.2,
                gini=0.97 + 0.0001 * day,
                top_1_share=0.05 * scale,
                top_10_share=0.22 * scale + day * 0.0002,
                top_100_share=0.47 * scale,
                top_1000_share=min(0.72 * scale, 1.0),
                top_1_percent_share=min(0.96, 0.6 * scale),
            )
        )
    return pd.concat(frames, ignore_index=True)


def _overtakes(countries: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for key, slice_ in countries.groupby(_SLICE[1:]):
        wide = slice_.pivot_table(
            index="snapshot_date", columns="country_key", values="share_of_all"
        )
        if wide.empty or not {"US", "CN"} <= set(wide):
            continue
        ahead = wide["CN"] > wide["US"]
        for day in wide.index[ahead & ~ahead.shift(1, fill_value=bool(ahead.iloc[0]))]:
            shares = wide.CN[day], wide.US[day]
            rows.append((day, *key, "country", "CN", "US", *shares, True, key[0] != "30d"))
    names = [
        "overtaken_on",
        *_SLICE[1:],
        "entity_kind",
        "leader",
        "follower",
        "leader_share",
        "follower_share",
        "confirmed",
        "is_certain",
    ]
    return pd.DataFrame(rows, columns=names)


def _claims(dates: pd.DatetimeIndex) -> pd.DataFrame:
    """Claims of every verdict, in several units; one changes its verdict on the way."""
    year, new = ("365d", "publisher", "new_365d", "all"), (None,) * 4
    late = "the counters are known since 2026-06-24, after the window begins"
    before = "what is published begins on 2026-07-09, after its period"
    rows: list[dict[str, object]] = []

    def add(
        day: object,
        claim_id: str,
        claim: str,
        period: str | None,
        claimed: tuple[float, float, str, str],
        measure: str,
        slice_: Sequence[str | None],
        measured: tuple[float, float, float] | None,
        verdict: str,
        verdict_for_period: str = "not measurable yet",
    ) -> None:
        value, low, high = measured or (None, None, None)
        is_known = verdict_for_period != "not measurable yet"
        rows.append(
            {
                "snapshot_date": day,
                "claim_id": claim_id,
                "claim": claim,
                "source": "An example of a source",
                "citation": "example.org, 2026" if claim_id == "market" else None,
                "claimed_period": period,
                **dict(
                    zip(("claimed_value", "tolerance", "unit", "comparison"), claimed, strict=True)
                ),
                "measure": measure,
                **dict(zip(("window_name", "attribution", "cohort", "scope"), slice_, strict=True)),
                "measured_value": value,
                "measured_low": low,
                "measured_high": high,
                "measured_value_for_period": value if is_known else None,
                "verdict_for_period": verdict_for_period,
                "verdict_today": verdict,
                "why": late if value is None else "measured so; the claim wants so",
                "why_for_period": "measured so" if is_known else before,
                "note": "How it is read: models of their first year",
                "downloads_attributed_share": 0.713 if slice_[0] else None,
                "is_provisional": slice_[0] == "1d",
            }
        )

    for place, day in enumerate(dates):
        share = 0.17 + place / 1000
        verdict = "undecided" if place < 30 else "does not hold"
        band = (share, share - 0.02, share + 0.05) if place < 30 else (share, share - 0.01, 0.24)
        add(
            day, "china-17", "China has 17.1 % of the model downloads on the Hub.",
            "2024-09-01 to 2025-08-31", (0.171, 0.005, "share", "equals"), "country_share",
            ("30d", "publisher", "all", "all"), band, verdict,
        )  # fmt: skip
        add(
            day, "leads", "China is ahead of the United States.", "2024-09-01 to 2025-08-31",
            (0.0, 0.0, "share", "greater_than"), "country_share_gap",
            ("30d", "publisher", "all", "all"), (0.02, -0.04, 0.07), "undecided",
        )  # fmt: skip
        add(
            day, "weekly", "DeepSeek releases almost every week.", "2026-07-09 to 2026-08-20",
            (0.8, 0.05, "share of weeks", "at_least"), "share_of_weeks_with_launch", new,
            (0.79, 0.79, 0.79), "holds", "holds",
        )  # fmt: skip
        add(
            day, "daily", "The Hub serves about 103 million model downloads a day.", None,
            (103e6, 3e6, "downloads", "equals"), "downloads_total",
            ("1d", "publisher", "all", "all"), (101.2e6,) * 3, "holds", "holds",
        )  # fmt: skip
        add(
            day, "absent", "OpenAI, Google and Meta are absent from the ranking.", None,
            (0.0, 0.0, "organizations", "equals"), "organizations_in_top_k",
            ("30d", "publisher", "all", "all"), (3.0,) * 3, "does not hold", "does not hold",
        )  # fmt: skip
        add(
            day, "market", "The market is 2.2 billion downloads in twelve months.",
            "2024-09-01 to 2025-08-31", (2.2e9, 5e7, "downloads", "equals"), "downloads_total",
            year, None, "not measurable yet",
        )  # fmt: skip
    return pd.DataFrame(rows)


def _families(random: np.random.Generator, dates: pd.DatetimeIndex, slices: Slices) -> pd.DataFrame:
    lines = [f"{a}/{b}" for a, b in zip(_SYLLABLES, reversed(_SYLLABLES), strict=True)]
    lines[3] = f"{HOSTILE}/{FORMULA}"
    names = [f"{line}-{version}.0" for line in lines for version in (1, 2)]
    names += ["(other)", "(unknown)"]
    line_of = [*np.repeat(lines, 2), "(other)", "(unknown)"]
    owners = [*(line.partition("/")[0] for line in line_of[:-2]), None, None]
    size = 1 / np.arange(1, len(names) + 1)
    # What new models are built on changes hands within the days that are shown.
    rising = np.ones((len(dates), len(names)))
    rising[:, 4] = np.linspace(0.1, 8, len(dates))
    rising[:, 0] = np.linspace(3, 0.3, len(dates))
    frames = []
    for (window, cohort, scope), attribution in product(slices, ("publisher", "base_model")):
        path = size * np.exp(np.cumsum(random.normal(0, 0.02, (len(dates), len(names))), axis=0))
        if attribution == "publisher":
            path[:, -1] = 0
        share = path / path.sum(axis=1, keepdims=True)
        made = np.round(900 * size * rising, 1)
        chosen = made / made[:, :-1].sum(axis=1, keepdims=True)
        chosen[:, -1] = np.nan
        blank = window == "365d"
        frames.append(
            pd.DataFrame(
                {
                    "snapshot_date": np.repeat(dates, len(names)),
                    "window_name": window,
                    "attribution": attribution,
                    "cohort": cohort,
                    "scope": scope,
                    "family": np.tile(names, len(dates)),
                    "family_line": np.tile(line_of, len(dates)),
                    "organization": np.tile(np.array(owners, dtype=object), len(dates)),
                    "downloads": np.nan if blank else (share * 1e9).ravel(),
                    "models_count": 10,
                    "share_of_all": np.nan if blank else share.ravel(),
                    "share_of_all_without_largest_model": np.nan
                    if blank
                    else (share * 0.7).ravel(),
                    "rank": 1,
                    "downloads_uncorrected": np.nan if blank else (share * 1e9).ravel(),
                    "new_derivatives": made.ravel(),
                    "share_of_new_derivatives": chosen.ravel(),
                    "is_provisional": False,
                    "null_reason": "history starts on 2026-06-24" if blank else None,
                    "derivatives_null_reason": [
                        "their root is unknown" if name == "(unknown)" else None
                        for name in np.tile(names, len(dates))
                    ],
                }
            )
        )
    every = pd.concat(frames, ignore_index=True)
    change = every.groupby(["window_name", "attribution", "cohort", "scope", "family"])
    return every.assign(
        share_change_7d=change["share_of_all"].diff(7),
        share_change_30d=change["share_of_all"].diff(30),
    )


def _adoption(random: np.random.Generator, organizations: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for number in range(30):
        owner = organizations.organization[number % 5]
        name = HOSTILE if number == 2 else f"{owner}/modelo-{number}-Instruct"
        released = LAST_DAY - dt.timedelta(days=9 + 8 * number)
        known = number % 6 != 5
        level = 5e5 * 0.85**number
        for age in (7, 14, 30, 60, 90, 180, 365):
            if released + dt.timedelta(days=age) > LAST_DAY:
                break
            level *= 1.3 + random.random()
            median = 3e4 * age**1.1
            rows.append(
                {
                    "model": name,
                    "age_days": age,
                    "organization": owner,
                    "released_on": released,
                    "size_bucket": ("1-5B", "5-10B", "250B+")[number % 3] if known else None,
                    "measured_on": released + dt.timedelta(days=age),
                    "downloads": level,
                    "reference_median": median if known else None,
                    "reference_date": released + dt.timedelta(days=age) if known else None,
                    "relative_adoption": level / median if known else None,
                    "null_reason": None if known else "the source tells no number of parameters",
                }
            )
    return pd.DataFrame(rows)


def _adjustments(dates: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "snapshot_date": dates[-20:-8],
            "model_key": [HOSTILE, *[f"m{k}" for k in range(11)]],
            "kind": ["stall"] * 6 + ["rollback"] * 6,
            "amount": np.arange(12) * 1000.0,
            "models_count": 1,
            "counter_before": None,
            "counter_after": None,
            "why": "the counter stood still and caught up later",
        }
    )


def _revisions(dates: pd.DatetimeIndex) -> pd.DataFrame:
    day = {"recorded_at": dates, "snapshot_date": dates, "reason": "first published"}
    came = pd.DataFrame(day).assign(table_name="(all)", column_name="(all)", key="(all)")
    shares = pd.DataFrame(
        {
            "recorded_at": dates[-3:],
            "table_name": "fct_country_share_daily",
            "column_name": "share_of_all",
            "snapshot_date": dates[-6:-3],
            "key": "7d|publisher|new_365d|all|CN",
            "old_value": [0.201, 0.202, 0.203],
            "new_value": [0.204, 0.205, 0.206],
            "reason": "corrected counter",
        }
    )
    others = pd.DataFrame(
        {
            "recorded_at": dates[-1],
            "table_name": ["fct_claims", "fct_organization_share_daily", "fct_country_share_daily"],
            "column_name": ["verdict_today", "share_of_all", "(all)"],
            "snapshot_date": dates[-9],
            "key": ["china-17", f"30d|publisher|all|all|{HOSTILE}", "(rounding)"],
            "old_value": [None, 0.0231, 0.1012],
            "new_value": [None, None, 0.1013],
            "old_text": ["undecided", None, None],
            "new_text": ["does not hold", None, None],
            "reason": "new mapping",
            "changes_count": [1, 1, 312],
        }
    )
    frame = pd.concat([came, shares, others], ignore_index=True)
    return frame.fillna({"changes_count": 1})


def _quality(random: np.random.Generator, dates: pd.DatetimeIndex) -> pd.DataFrame:
    checks = (
        "rows_against_history",
        "ids_readable",
        "counts_in_range",
        "ids_unique",
        "largest_owner_present",
    )
    rows = []
    for place, day in enumerate(dates):
        for check in checks:
            status = "warned" if (place, check) == (DAYS - 9, "rows_against_history") else "passed"
            observed = float(random.random())
            rows.append((day, check, status, observed, "at least 0.995", int(place % 11 == 0) * 3))
    names = [
        "snapshot_date",
        "check_name",
        "status",
        "observed_value",
        "threshold",
        "rows_quarantined",
    ]
    return pd.DataFrame(rows, columns=names)


def _models(random: np.random.Generator, organizations: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for place, name in enumerate(organizations.organization):
        for number in range(8):
            created = LAST_DAY - dt.timedelta(days=int(random.integers(0, 900)))
            kind = _RELEASE_TYPES[int(random.integers(0, 6))]
            root = organizations.organization[11 - int(random.integers(0, 144) ** 0.5)]
            rows.append(
                {
                    "model_key": f"k{place}-{number}",
                    "model_id": f"{name}/model-{number}-{kind}",
                    "organization": name,
                    "created_at": pd.Timestamp(created),
                    "release_type": kind,
                    "release_group": f"model-{number}",
                    "root_organization": name if kind == "base" else root,
                    "library_name": "transformers",
                    "pipeline_tag": "text-generation",
                    "license": "apache-2.0",
                    "parameters_count": 7_000_000_000,
                    "first_seen_on": created,
                    "last_seen_on": LAST_DAY,
                }
            )
    return pd.DataFrame(rows)
