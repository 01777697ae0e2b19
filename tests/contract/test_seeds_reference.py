"""The seeds against the recorded Hub and against another project's mapping."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
HUB = Path(__file__).parents[3] / "shared" / "hub"

pytestmark = pytest.mark.skipif(
    not HUB.is_dir(), reason="recorded Hub metadata (../shared/hub) is absent"
)

SNAPSHOTS = sorted((HUB / "snapshots").glob("*.ndjson.gz"))
ARCHIVE = HUB / "archive_feature_extraction_daily.parquet"
LARGEST = 300


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def current(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {row["organization"]: row for row in rows if not row["valid_to"]}


@pytest.fixture(scope="module")
def organizations() -> dict[str, dict[str, str]]:
    return current(read(SEEDS / "hub_organizations.csv"))


@pytest.fixture(scope="module")
def individuals() -> set[str]:
    return {row["organization"] for row in read(SEEDS / "hub_individuals.csv")}


def authors(snapshot: Path) -> dict[str, int]:
    """Downloads by author of one recorded day, the largest first; owner-less ids as they moved."""
    moved = {row["model_id"]: row["new_model_id"] for row in read(SEEDS / "legacy_model_ids.csv")}
    columns = "{'id': 'varchar', 'downloads': 'bigint'}"
    with duckdb.connect() as connection:
        records = connection.execute(
            f"select id, downloads from read_json(?, columns = {columns})", [str(snapshot)]
        ).fetchall()
    total: dict[str, int] = {}
    for model_id, downloads in records:
        author = moved.get(model_id, model_id).split("/")[0]
        total[author] = total.get(author, 0) + (downloads or 0)
    return dict(sorted(total.items(), key=lambda item: -item[1]))


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.name[:10])
def test_the_largest_recorded_authors_are_known(
    snapshot: Path, organizations: dict[str, dict[str, str]], individuals: set[str]
) -> None:
    unknown = [
        author
        for author in list(authors(snapshot))[:LARGEST]
        if author not in organizations and author not in individuals
    ]
    assert unknown == []


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.name[:10])
def test_nearly_all_recorded_downloads_are_attributed(
    snapshot: Path, organizations: dict[str, dict[str, str]], individuals: set[str]
) -> None:
    downloads = authors(snapshot)
    known = organizations.keys() | individuals
    covered = sum(count for author, count in downloads.items() if author in known)
    assert covered / sum(downloads.values()) >= 0.97


def test_organizations_of_the_recorded_series_are_mapped_and_its_persons_are_not(
    organizations: dict[str, dict[str, str]],
) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select author, max(author_type), sum(downloads) from read_parquet(?) group by author",
            [str(ARCHIVE)],
        ).fetchall()
    mapped = sum(count for author, kind, count in rows if kind == "org" and author in organizations)
    assert mapped / sum(count for _, kind, count in rows if kind == "org") >= 0.99
    assert [author for author, kind, _ in rows if kind == "user" and author in organizations] == []


def region(row: dict[str, str], regions: dict[str, str]) -> str:
    """The other project's five regions, from our row."""
    if row["is_international"] == "true":
        return "unknown"
    named = {"US": "us", "CN": "china"}.get(row["country_code"])
    return named or ("eu" if regions[row["country_code"]] == "Europe" else "other")


def test_each_disagreement_with_another_mapping_is_explained(
    organizations: dict[str, dict[str, str]], individuals: set[str]
) -> None:
    regions = {row["country_code"]: row["region"] for row in read(SEEDS / "countries.csv")}
    theirs = read(HUB / "reference" / "atom_organization_regions.csv")
    assert theirs
    for other in theirs:
        name = other["hf_org"]
        if name in individuals:
            continue
        assert name in organizations, f"{name} is missing"
        row = organizations[name]
        if region(row, regions) != other["region"]:
            assert "ATOM" in row["note"], f"{name}: {other['region']} there, no note here"


def test_release_dates_agree_with_the_reference() -> None:
    path = HUB / "reference" / "atom_release_date_corrections.csv"
    with path.open(encoding="utf-8", newline="") as file:
        theirs = list(csv.DictReader(line for line in file if not line.startswith("#")))
    ours = {row["model_id"]: row for row in read(SEEDS / "release_date_corrections.csv")}
    assert theirs
    for other in theirs:
        row = ours[other["model_id"]]
        dates = (other["hf_created_at"], other["actual_release_date"])
        assert (row["hub_created_on"], row["released_on"]) == dates


def test_recorded_creation_dates_are_those_that_the_corrections_correct() -> None:
    """Else a correction would be applied to another upload than it was made for."""
    ours = {row["model_id"]: row for row in read(SEEDS / "release_date_corrections.csv")}
    columns = "{'id': 'varchar', 'createdAt': 'timestamp'}"
    with duckdb.connect() as connection:
        recorded = connection.execute(
            f"select distinct id, strftime(createdAt, '%Y-%m-%d') "
            f"from read_json(?, columns = {columns}) where createdAt is not null",
            [[str(path) for path in SNAPSHOTS]],
        ).fetchall()
    wrong = {
        model_id: day
        for model_id, day in recorded
        if model_id in ours and ours[model_id]["hub_created_on"] != day
    }
    assert wrong == {}
