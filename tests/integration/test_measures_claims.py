"""Claims: every measure a second time in pandas, and every verdict by trying what may be true."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from local_hub import World
from orchestration.home import Home
from tests.integration.built_world import Built, run_dbt
from tests.integration.oracle import SLICE, Oracle, Slice

pytestmark = pytest.mark.xdist_group("measures")

Range = tuple[float, float, float]
Claim = dict[str, Any]
SLICES = (
    ("1d", "publisher", "all", "all"),
    ("7d", "base_model", "all", "language_models"),
    ("30d", "publisher", "new_365d", "all"),
    ("30d", "base_model", "all", "all"),
    ("all_time", "publisher", "all", "language_models"),
)
COMPARISONS = ("equals", "at_least", "at_most", "greater_than", "less_than")
# Compared with the marts that have tests of their own.
ELSEWHERE = ("weekly_gap_change", "family_share", "family_derivative_share")
UNMAPPED = ("unattributed_organization", "unattributed_unknown")
HOMELESS = "unattributed_individual;unattributed_organization;unattributed_unknown;international"


def made_claims(built: Built) -> list[Claim]:
    """Claims of every measure about who is large in this world, with all comparisons."""
    countries, owners, parents = (
        [
            row["entity"]
            for row in built.rows(
                f"select {column} as entity from marts.fct_organization_share_daily "
                f"where {column} is not null and window_name = '30d' and organization <> '(other)' "
                "group by 1 order by sum(downloads) desc, 1 limit 6"
            )
        ]
        for column in ("country_code", "canonical_organization", "parent")
    )
    asked: list[tuple[str, float | None, str | None, str | None]] = [
        ("country_share", None, "country", countries[0]),
        ("country_share", None, "country", HOMELESS),
        ("country_share", None, "country", "international"),
        ("country_share", None, "country", f"{countries[0]};{countries[1]}"),
        ("country_downloads", None, "country", countries[1]),
        ("country_share_gap", None, "country", f"{countries[0]};{countries[1]}"),
        ("country_share_gap", None, "country", f"{countries[3]};{countries[2]}"),
        ("weekly_gap_change", None, "country", f"{countries[0]};{countries[1]}"),
        ("weekly_gap_change", None, "country", f"{countries[1]};{countries[0]}"),
        ("downloads_total", None, None, None),
        ("organizations_share", None, "organization", f"{owners[0]};{owners[4]}"),
        ("organizations_in_top_k", 5, "organization", f"{owners[0]};{owners[1]}"),
        ("organizations_in_top_k", 10, "country", countries[0]),
        ("organizations_in_top_k", 80, "country", f"{countries[0]};{countries[2]}"),
        ("organizations_in_top_k", 80, "country", HOMELESS),
        ("organizations_in_top_k", 20, "ultimate_parent", ";".join(parents)),
        ("top_k_share", 7, None, None),
        ("top_percent_share", 2.5, None, None),
        ("models_below_downloads_share", 200, None, None),
        ("derivative_share", None, None, None),
    ]
    claims: list[tuple[Any, ...]] = []
    comparisons = itertools.cycle(COMPARISONS)
    for slice_, (measure, parameter, kind, entity) in itertools.product(SLICES, asked):
        claims.append((measure, parameter, kind, entity, *slice_, next(comparisons)))
    for measure in ("share_of_weeks_with_launch", "launches_per_week_median"):
        claims += [
            (measure, None, "organization", owner, None, None, None, None, "at_least")
            for owner in owners
        ]
    (family,) = built.rows(
        "select family_line as line from marts.fct_family_share_daily where organization is not "
        "null and window_name = 'all_time' group by 1 order by sum(downloads) desc, 1 limit 1"
    )
    for measure in ("family_share", "family_derivative_share"):
        for slice_ in (*SLICES, ("30d", "base_model", "all", "language_models")):
            claims.append((measure, None, "family", family["line"], *slice_, "at_least"))
    no_slice = (None, None, "all", "language_models")
    claims.append(("family_models_count", None, "family", family["line"], *no_slice, "at_most"))
    claims.append(("models_count", None, None, None, *no_slice, "at_most"))
    claims.append(("counter_ratio_median", None, None, None, *[None] * 4, "equals"))
    names = ["measure", "parameter", "entity_kind", "entity", *SLICE[1:], "comparison"]
    return [
        dict(zip(names, claim, strict=True)) | {"claim_id": f"claim-{place:03}"}
        for place, claim in enumerate(claims)
    ]


@pytest.fixture(scope="module")
def claims(at_once: Built) -> list[Claim]:
    return made_claims(at_once)


@pytest.fixture(scope="module")
def judged(
    at_once: Built, claims: list[Claim], world: World, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """The same world asked these claims: only rows of the seed are others."""
    home = Home(tmp_path_factory.mktemp("judged"))
    shutil.copytree(at_once.home.raw, home.raw, copy_function=os.link, dirs_exist_ok=True)
    home.warehouse.parent.mkdir()
    shutil.copy(at_once.home.warehouse, home.warehouse)
    rows = pd.DataFrame(claims).assign(
        claim="It is so.",
        source="A test",
        claimed_period_from=world.dates[2],
        claimed_period_to=world.dates[-2],
        unit="share",
        # Values on every side of what this world has, some nearly met.
        claimed_value=[[0.1, 0.3, 0.5, 0.02, 1000.0, 2.0][n % 6] for n in range(len(claims))],
        tolerance=[[0.0, 0.05, 0.2][n % 3] for n in range(len(claims))],
    )
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.register("rows", rows)
        connection.execute("delete from seeds.claims")
        connection.execute("insert into seeds.claims by name select * from rows")
    run_dbt(home, "run", "--full-refresh", "--select", "int_hub__claim_measures", "fct_claims")
    return Built(home)


def homes_of(oracle: Oracle, owner: str, day: date) -> tuple[str, set[str]]:
    """Where an owner is counted, and everywhere where it may belong; `?` is any home or none."""
    home, alternative, contested = oracle.home(owner, day)
    if home in UNMAPPED:
        return home, {"?"}
    return home, {home, alternative or "?"} if contested else {home}


def counts(oracle: Oracle, owner: str, day: date, entities: list[str]) -> tuple[bool, bool, bool]:
    """Whether an owner is one of the entities, surely is, and may be."""
    home, possible = homes_of(oracle, owner, day)
    # Nobody who is not a person becomes one, and nobody becomes unmapped.
    are_homes = any(not entity.startswith("unattributed") for entity in entities)
    may_be = bool(possible & set(entities)) or ("?" in possible and are_homes)
    return home in entities, possible <= set(entities), home in entities or may_be


def share_of(oracle: Oracle, slice_: Slice, *entities: str) -> Range:
    """Their share, and the least and most of it over all homes that owners may have."""
    downloads = oracle.credits(slice_).groupby("owner")["downloads"].sum()
    found = np.zeros(3)
    for owner, amount in downloads.items():
        found += amount * np.array(counts(oracle, str(owner), slice_[0], list(entities)))
    value, low, high = (float(amount) for amount in found / downloads.sum())
    return value, low, high


def measured(oracle: Oracle, claim: Claim, slice_: Slice) -> Range:
    credits = oracle.credits(slice_)
    total = float(credits["downloads"].sum())
    entities = (claim["entity"] or "").split(";")
    match claim["measure"]:
        case "country_share":
            return share_of(oracle, slice_, *entities)
        case "country_downloads":
            value, low, high = share_of(oracle, slice_, *entities)
            return value * total, low * total, high * total
        case "country_share_gap":
            one, other = (share_of(oracle, slice_, name) for name in entities)
            return one[0] - other[0], one[1] - other[2], one[2] - other[1]
        case "downloads_total":
            return (total,) * 3
        case "organizations_share":
            owners = credits["owner"].map(lambda name: canonical(oracle, name, slice_[0]))
            return (credits.loc[owners.isin(entities), "downloads"].sum() / total,) * 3
        case "organizations_in_top_k":
            return in_top(oracle, claim, slice_, entities)
        case "derivative_share":
            keys = set(credits["model_key"]) & derivatives(oracle, slice_[0])
            return (credits.loc[credits["model_key"].isin(keys), "downloads"].sum() / total,) * 3
    largest = np.sort(credits.groupby("entity")["downloads"].sum().to_numpy())[::-1]
    match claim["measure"]:
        case "top_k_share":
            return (largest[: int(claim["parameter"])].sum() / total,) * 3
        case "top_percent_share":
            count = -int(-len(largest) * claim["parameter"] // 100)
            return (largest[:count].sum() / total,) * 3
    assert claim["measure"] == "models_below_downloads_share"
    return (float((largest < claim["parameter"]).mean()),) * 3


def row_of(oracle: Oracle, owner: str, day: date) -> dict[str, str]:
    return oracle.curated(owner, day) or {"canonical_organization": owner, "parent": ""}


def canonical(oracle: Oracle, owner: str, day: date) -> str:
    return row_of(oracle, owner, day)["canonical_organization"]


def in_top(oracle: Oracle, claim: Claim, slice_: Slice, entities: list[str]) -> Range:
    downloads = oracle.credits(slice_).groupby("owner")["downloads"].sum()
    found = np.zeros(3)
    for owner, amount in downloads.items():
        row = row_of(oracle, str(owner), slice_[0])
        belongs = {
            "country": counts(oracle, str(owner), slice_[0], entities),
            "organization": (row["canonical_organization"] in entities,) * 3,
            "ultimate_parent": (row["parent"] in entities,) * 3,
        }[claim["entity_kind"]]
        found += np.array(belongs) * int((downloads > amount).sum() < claim["parameter"])
    value, low, high = (float(count) for count in found)
    return value, low, high


def derivatives(oracle: Oracle, day: date) -> set[str]:
    """Keys of the models that declare a parent on the day on which they were last seen."""
    models = oracle.counted(day)
    declares = models["tags"].map(lambda tags: any(tag.startswith("base_model:") for tag in tags))
    return set(models.loc[declares, "model_key"])


@pytest.mark.parametrize(
    "places", [(2, -1), pytest.param((), marks=pytest.mark.long)], ids=["some", "all"]
)
def test_measures_are_those_of_the_definitions(
    judged: Built, claims: list[Claim], oracle: Oracle, places: Sequence[int]
) -> None:
    days = [oracle.days[place] for place in places or range(len(oracle.days))]
    found = {
        (row["snapshot_date"], row["claim_id"]): row
        for row in judged.rows("select * from marts.fct_claims")
    }
    compared, doubted = 0, set()
    for day, claim in itertools.product(days, claims):
        if claim["window_name"] is None or claim["measure"] in ELSEWHERE:
            continue
        row = found[day, claim["claim_id"]]
        window, attribution, cohort, scope = (claim[name] for name in SLICE[1:])
        slice_ = (day, window, attribution, cohort, scope)
        if row["measured_value"] is None:
            downloads = oracle.credits(slice_)["downloads"].sum()
            if claim["measure"] == "country_share_gap" and downloads:
                # The gap mart has the countries that have downloads.
                shares = [share_of(oracle, slice_, name) for name in claim["entity"].split(";")]
                downloads = min(share for share, _, _ in shares)
            assert downloads == 0, (row["why"], claim)
            assert row["verdict_today"] == "not measurable yet"
            continue
        expected = measured(oracle, claim, slice_)
        values = [row[f"measured_{name}"] for name in ("value", "low", "high")]
        assert values == pytest.approx(expected, abs=1e-9, rel=1e-9), claim
        compared += 1
        if expected[1] < expected[2]:
            doubted.add(claim["measure"])
    assert compared > 100
    assert doubted == {
        "country_share", "country_downloads", "country_share_gap", "organizations_in_top_k",
    }  # fmt: skip


def test_what_is_claimed_of_a_rhythm_is_that_of_the_cadence_marts(
    judged: Built, claims: list[Claim], world: World
) -> None:
    last = world.dates[-1]
    rows = judged.rows(f"select * from marts.fct_claims where snapshot_date = date '{last}'")
    found = {row["claim_id"]: row["measured_value"] for row in rows}
    shares = {
        row["organization"]: row["share_of_weeks_with_launch"]
        for row in judged.rows(
            "select * from marts.fct_organization_cadence_daily "
            f"where snapshot_date = date '{last}'"
        )
    }
    this_week = pd.Timestamp(last) - pd.Timedelta(days=last.weekday())
    weeks = [(this_week - pd.Timedelta(weeks=n)).date() for n in range(52)]
    launches = {
        (row["organization"], row["week_start_date"]): row["launches_count"]
        for row in judged.rows(
            "select * from marts.fct_release_cadence_weekly where release_type = 'all'"
        )
    }
    compared = 0
    for claim in claims:
        owner = claim["entity"]
        if claim["measure"] == "share_of_weeks_with_launch":
            assert found[claim["claim_id"]] == pytest.approx(shares.get(owner, 0))
            compared += found[claim["claim_id"]] > 0
        if claim["measure"] == "launches_per_week_median":
            counts = [launches.get((owner, week), 0) for week in weeks]
            assert found[claim["claim_id"]] == np.median(counts)
        if claim["measure"] == "models_count":
            (models,) = judged.rows(
                "select count(*) as n from intermediate.int_hub__model_days "
                f"where is_language_model and snapshot_date = date '{last}'"
            )
            assert found[claim["claim_id"]] == models["n"]
    assert compared > 2


def test_what_is_claimed_of_a_family_is_that_of_its_whole_line(
    judged: Built, claims: list[Claim], world: World
) -> None:
    shares = judged.read("select * from marts.fct_family_share_daily")
    rows = judged.rows("select * from marts.fct_claims where starts_with(measure, 'family')")
    assert len({row["measure"] for row in rows}) == 3
    known = set()
    for row in rows:
        of_line = shares[
            shares["family"].str.startswith(row["entity"])
            & (shares["snapshot_date"] == pd.Timestamp(row["snapshot_date"]))
        ]
        for name in SLICE[1:]:
            of_line = of_line[of_line[name] == row[name]]
        if row["measure"] == "family_models_count":
            owner, _, brand = row["entity"].partition("/")
            (expected,) = judged.rows(
                "select count(*) as n from intermediate.int_hub__model_days as models "
                "join intermediate.int_hub__release_classes using (model_key) "
                "join intermediate.int_hub__owner_days using (snapshot_date, organization) "
                f"where snapshot_date = date '{row['snapshot_date']}' "
                f"and starts_with(family, '{brand}') and canonical_organization = '{owner}'"
            )
            assert row["measured_value"] == expected["n"]
        elif row["measured_value"] is not None:
            column = "of_all" if row["measure"] == "family_share" else "of_new_derivatives"
            assert row["measured_value"] == pytest.approx(of_line[f"share_{column}"].sum())
        else:
            assert not of_line["share_of_all"].notna().any() or row["why"]
        known.add((row["measure"], bool(row["measured_value"])))
    assert {measure for measure, is_known in known if is_known} == {row["measure"] for row in rows}


def test_the_counters_of_thirty_days_are_compared_model_by_model(
    judged: Built, oracle: Oracle
) -> None:
    rows = judged.rows("select * from marts.fct_claims where measure = 'counter_ratio_median'")
    known = 0
    for row in rows:
        day = row["snapshot_date"]
        before = oracle.records.get((pd.Timestamp(day) - pd.Timedelta(days=30)).date())
        if before is None:
            assert row["measured_value"] is None and "30 days before" in row["why"]
            continue
        both = oracle.records[day].merge(before, on="model_key", suffixes=("", "_before"))
        both = both[both["rolling"].fillna(0) >= 1000]
        ratios = (both["all_time"] - both["all_time_before"]) / both["rolling"]
        assert row["measured_value"] == pytest.approx(ratios.astype(float).median(), rel=1e-12)
        known += 1
    assert known > 10


def test_new_derivatives_of_a_period_are_those_of_its_months(judged: Built, world: World) -> None:
    """By the newest day: what was created then and is still there."""
    rows = judged.rows(
        "select * from marts.fct_claims where measure = 'family_derivative_share' and "
        f"snapshot_date = date '{world.dates[-1]}' and attribution = 'base_model' "
        "and cohort = 'all'"
    )
    months = judged.read("select * from marts.fct_family_derivatives_monthly")
    first, last = pd.Timestamp(world.dates[2]).replace(day=1), pd.Timestamp(world.dates[-2])
    of_period = months[months["month_start_date"].between(first, last)]
    assert len(rows) == 3
    for row in rows:
        of_scope = of_period[of_period["scope"] == row["scope"]]
        of_family = of_scope[of_scope["family"].str.startswith(row["entity"])]
        known = of_scope.loc[of_scope["family"] != "(unknown)", "new_derivatives"].sum()
        expected = of_family["new_derivatives"].sum() / known
        assert 0 < row["measured_value_for_period"] == pytest.approx(expected, abs=1e-9)
        assert row["why_for_period"].endswith("of what was created then and is still there")
        assert row["verdict_for_period"] in ("holds", "does not hold")


def test_a_rise_of_every_week_is_refuted_by_one_and_known_after_a_year(
    judged: Built, claims: list[Claim]
) -> None:
    gaps = judged.read("select * from marts.fct_country_gap_daily where gap_change_7d is not null")
    rows = judged.rows("select * from marts.fct_claims where measure = 'weekly_gap_change'")
    assert rows
    refuted = 0
    for row in rows:
        one, other = row["entity"].split(";")
        of_pair = gaps[
            (gaps["country_key"] == min(one, other))
            & (gaps["other_country_key"] == max(one, other))
            & (gaps["snapshot_date"] <= pd.Timestamp(row["snapshot_date"]))
        ]
        for name in SLICE[1:]:
            of_pair = of_pair[of_pair[name] == row[name]]
        changes = of_pair["gap_change_7d"] * (1 if one < other else -1)
        if len(changes):
            assert row["measured_value"] == pytest.approx(changes.min(), abs=1e-12)
        if not len(changes) or changes.min() > 0:
            assert row["verdict_today"] == "not measurable yet"
        refuted += row["verdict_today"] == "does not hold"
    assert refuted


def allows(claim: dict[str, Any], value: float) -> bool:
    """Whether a value fits what is claimed."""
    claimed, tolerance = claim["claimed_value"], claim["tolerance"]
    fits: dict[str, bool] = {
        "equals": abs(value - claimed) <= tolerance + 1e-9,
        "at_least": value >= claimed - tolerance - 1e-9,
        "at_most": value <= claimed + tolerance + 1e-9,
        "greater_than": value > claimed + tolerance + 1e-9,
        "less_than": value < claimed - tolerance - 1e-9,
    }
    return fits[claim["comparison"]]


def test_a_verdict_is_that_of_all_that_may_be_true(judged: Built) -> None:
    rows = judged.rows("select * from marts.fct_claims")
    verdicts = set()
    for row in rows:
        if row["verdict_today"] == "not measurable yet":
            continue
        low, high = row["measured_low"], row["measured_high"]
        tried = [*np.linspace(low, high, 50), min(max(row["claimed_value"], low), high)]
        fits = {allows(row, float(value)) for value in tried}
        expected = "undecided" if len(fits) > 1 else "holds" if True in fits else "does not hold"
        assert row["verdict_today"] == expected, row
        verdicts.add((row["comparison"], expected))
    assert {verdict for _, verdict in verdicts} == {"holds", "does not hold", "undecided"}
    assert {comparison for comparison, _ in verdicts} == set(COMPARISONS)


def test_a_period_is_the_mean_of_its_days(judged: Built, world: World) -> None:
    """Days without a snapshot stand in the day after them, and a missing end is no end."""
    rows = judged.read(
        "select * from marts.fct_claims where measure = 'downloads_total' and window_name = '1d'"
    ).sort_values("snapshot_date")
    first, last = pd.Timestamp(world.dates[2]), pd.Timestamp(world.dates[-2])
    known = rows[rows["measured_value"].notna()]
    of_period = known[known["snapshot_date"].between(first, last)]
    assert len(of_period) > 10
    weights = of_period["snapshot_date"].diff().dt.days
    weights.iloc[0] = (of_period["snapshot_date"].iloc[0] - first).days + 1
    expected = float((of_period["measured_value"] * weights).sum() / weights.sum())
    told = rows[rows["measured_value_for_period"].notna()]
    assert set(told["snapshot_date"]) == set(
        rows.loc[rows["snapshot_date"] >= last, "snapshot_date"]
    )
    assert told["measured_value_for_period"].tolist() == pytest.approx([expected] * len(told))
