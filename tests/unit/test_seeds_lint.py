"""The seeds' linter, from outside: what it accepts, and what it refuses with which words."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2] / "dbt_project"
LINTER = PROJECT / "lint_seeds.py"
Rows = list[dict[str, str]]
Edit = Callable[[Rows], object]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LINTER), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the real seeds, to be spoilt."""
    folder = tmp_path / "seeds"
    shutil.copytree(PROJECT / "seeds", folder)
    return folder


def row_of(rows: Rows, field: str, value: str) -> dict[str, str]:
    return next(row for row in rows if row[field] == value)


def organization(name: str, **changes: str) -> Edit:
    return lambda rows: row_of(rows, "organization", name).update(changes)


def claim(name: str, **changes: str) -> Edit:
    return lambda rows: row_of(rows, "claim_id", name).update(changes)


def first(**changes: str) -> Edit:
    return lambda rows: rows[0].update(changes)


def repeat_first(rows: Rows) -> None:
    rows.insert(1, dict(rows[0]))


def swap_first_two(rows: Rows) -> None:
    rows[0], rows[1] = rows[1], rows[0]


def add_person_as_organization(rows: Rows) -> None:
    rows.append(dict(row_of(rows, "organization", "Qwen"), organization="bartowski"))
    rows[-1]["canonical_organization"] = "bartowski"
    rows.sort(key=lambda row: (row["organization"], row["valid_from"]))


def extend_first_home(rows: Rows) -> None:
    home = next(row for row in rows if row["organization"] == "jinaai" and row["valid_to"])
    home["valid_to"] = "2026-01-01"


def shorten_first_home(rows: Rows) -> None:
    home = next(row for row in rows if row["organization"] == "jinaai" and row["valid_to"])
    home["valid_to"] = "2025-01-01"


def own_the_owner(rows: Rows) -> None:
    row_of(rows, "parent", "IBM")["owner"] = "Red Hat"


def point_back(rows: Rows) -> None:
    rows[0]["base_model_id"], rows[1]["base_model_id"] = rows[1]["model_id"], rows[0]["model_id"]


ORGANIZATIONS = "hub_organizations"
REFUSED: list[tuple[str, Edit, str, str]] = [
    (ORGANIZATIONS, organization("Qwen", evidence=""), "evidence", "is empty"),
    (ORGANIZATIONS, organization("Qwen", evidence="Alibaba"), "evidence", "is one word"),
    (ORGANIZATIONS, organization("Qwen", evidence=" Alibaba"), "evidence", "has space around"),
    (ORGANIZATIONS, organization("Qwen", reviewed_on="23/11/2026"), "reviewed_on", "is no day"),
    (ORGANIZATIONS, organization("nomic-ai", country_code="UK"), "country_code", "no country"),
    (ORGANIZATIONS, organization("nomic-ai", country_code=""), "country_code", "contradicts"),
    (
        ORGANIZATIONS,
        organization("allenai", alternative_country_code="US"),
        "alternative_country_code",
        "is no alternative",
    ),
    (ORGANIZATIONS, organization("Qwen", organization_type="firm"), "organization_type", "unknown"),
    (ORGANIZATIONS, organization("Qwen", confidence="sure"), "confidence", "unknown"),
    (ORGANIZATIONS, organization("Qwen", parent="Nobody"), "parent", "is not in parent_"),
    (ORGANIZATIONS, organization("Qwen", ultimate_parent="Google"), "ultimate_parent", "not the"),
    (
        ORGANIZATIONS,
        organization("RedHatAI", ultimate_parent="Red Hat"),
        "ultimate_parent",
        "Red Hat",
    ),
    (ORGANIZATIONS, organization("Qwen", country_code="SG"), "country_code", "differs from CN"),
    (ORGANIZATIONS, organization("zai-org", aliases=""), "aliases", "lack 'THUDM'"),
    (ORGANIZATIONS, organization("zai-org", aliases="THUDM;glm"), "aliases", "has no row"),
    (ORGANIZATIONS, organization("CohereLabs", aliases="THUDM"), "aliases", "an alias of"),
    (
        ORGANIZATIONS,
        organization("THUDM", canonical_organization="glm"),
        "canonical_organization",
        "leads nowhere",
    ),
    (ORGANIZATIONS, organization("Qwen", organization="qwen team"), "organization", "no namespace"),
    (ORGANIZATIONS, organization("Intel", organization="intel"), "organization", "out of order"),
    (ORGANIZATIONS, repeat_first, "organization", "already"),
    (ORGANIZATIONS, swap_first_two, "organization", "out of order"),
    (ORGANIZATIONS, extend_first_home, "valid_from", "overlaps"),
    (ORGANIZATIONS, shorten_first_home, "valid_from", "leaves a gap"),
    (
        ORGANIZATIONS,
        organization("Qwen", valid_from="2026-01-02", valid_to="2026-01-01"),
        "valid_to",
        "is before valid_from",
    ),
    (ORGANIZATIONS, add_person_as_organization, "organization", "no country for a person"),
    ("parent_organizations", own_the_owner, "owner", "is a circle"),
    ("parent_organizations", first(country_code="XX"), "country_code", "no country"),
    ("countries", first(is_eu="no"), "is_eu", "unknown"),
    ("lineage_overrides", first(base_model_id="gpt2"), "base_model_id", "no model id"),
    ("lineage_overrides", point_back, "base_model_id", "leads back"),
    ("legacy_model_ids", first(model_id="a/b"), "model_id", "has an owner"),
    ("legacy_model_ids", first(new_model_id="nobody/x"), "new_model_id", "unknown owner"),
    ("hub_namespace_renames", first(new_namespace="nobody"), "new_namespace", "has no row"),
    ("hub_namespace_renames", first(old_namespace="0"), "old_namespace", "is no alias"),
    (
        "release_date_corrections",
        lambda rows: rows[0].update(released_on=rows[0]["hub_created_on"]),
        "released_on",
        "the Hub's own",
    ),
    ("claims", claim("article-china-share", measure="power"), "measure", "unknown"),
    ("claims", claim("article-china-share", entity="China"), "entity", "no country"),
    ("claims", claim("article-china-share", claimed_value="17 %"), "claimed_value", "no number"),
    ("claims", claim("article-china-leads", entity="CN"), "entity", "another number"),
    ("claims", claim("pulse-top-10", parameter=""), "parameter", "does not fit"),
    ("claims", claim("pulse-top-10", entity_kind="country"), "entity_kind", "does not fit"),
    ("claims", claim("pulse-qwen-low", entity="qwen"), "entity", "does not name an owner"),
    ("claims", claim("atom-crossover", claimed_period_from=""), "claimed_period_from", "is empty"),
]


def test_the_seeds_of_the_project_pass() -> None:
    done = run(PROJECT / "seeds")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("name", "edit", "field", "words"), REFUSED)
def test_a_bad_row_is_refused_with_its_place_and_a_cure(
    seeds: Path, name: str, edit: Edit, field: str, words: str
) -> None:
    rows = read(seeds / f"{name}.csv")
    edit(rows)
    write(seeds / f"{name}.csv", rows)
    done = run(seeds)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    found = [at for at, line in enumerate(lines) if f", {field}: " in line and words in line]
    assert found, done.stdout
    assert ", row " in lines[found[0]]
    assert lines[found[0] + 1].startswith("  Cure: ")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not UTF-8"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")), "line ends"),
        (lambda path: path.write_text("region\nEurope\n"), "other columns"),
        (lambda path: path.write_text(path.read_text() + "ZZ,No,Land\n"), "has 3 fields"),
    ],
)
def test_a_file_that_is_no_seed_is_refused(
    seeds: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(seeds / "countries.csv")
    done = run(seeds)
    assert done.returncode == 1
    assert any("countries.csv" in line and words in line for line in done.stdout.splitlines())


def test_the_row_is_the_line_that_an_editor_shows(seeds: Path) -> None:
    path = seeds / "hub_individuals.csv"
    rows = read(path)
    rows[41]["evidence"] = ""
    write(path, rows)
    assert "hub_individuals.csv, row 43, evidence: is empty" in run(seeds).stdout


def test_linter_and_dbt_know_the_same_columns_and_measures(seeds: Path) -> None:
    """The descriptions of dbt are of the files that the linter reads."""
    described = yaml.safe_load((PROJECT / "seeds" / "_seeds.yml").read_text(encoding="utf-8"))
    for seed in described["seeds"]:
        header = list(read(PROJECT / "seeds" / f"{seed['name']}.csv")[0])
        assert [column["name"] for column in seed["columns"]] == header
        types = {column["name"]: column["data_type"] for column in seed["columns"]}
        assert seed["config"]["column_types"] == types
        assert all(column["description"] for column in seed["columns"])
    claims = next(seed for seed in described["seeds"] if seed["name"] == "claims")
    column = next(column for column in claims["columns"] if column["name"] == "measure")
    (accepted,) = (test["accepted_values"] for test in column["data_tests"])
    rows = read(seeds / "claims.csv")
    rows[0]["measure"] = "?"
    write(seeds / "claims.csv", rows)
    (cure,) = (line for line in run(seeds).stdout.splitlines() if "choose one of counter" in line)
    known = cure.removeprefix("  Cure: choose one of ").split(", ")
    assert known == accepted["arguments"]["values"]
