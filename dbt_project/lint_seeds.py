"""Refuse seeds that say what nobody can check: `python dbt_project/lint_seeds.py [FOLDER]`.

What belongs here: rules over the CSV files alone, with file, row, field and cure, before dbt runs.
Rules that need the Hub's data are tests (tests/contract/test_seeds_reference.py). Exit 1 lists
every problem, not only the first.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

NAMESPACE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}", re.ASCII)
NOT_COUNTRIES = {
    "international",
    "unattributed_individual",
    "unattributed_organization",
    "unattributed_unknown",
}
CONFIDENCE = ("high", "medium", "low")
TYPES = ("company", "university", "research_institute", "non_profit", "government", "community")
COMPARISONS = ("equals", "at_least", "at_most", "greater_than", "less_than")


@dataclass(frozen=True)
class Problem:
    """What is wrong where, and what to do about it. `row` counts lines as an editor does."""

    file: str
    row: int
    field: str
    problem: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}, {self.field}: {self.problem}\n  Cure: {self.cure}"


@dataclass(frozen=True)
class Row:
    """One row with the line on which it ends."""

    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, field: str) -> str:
        return self.values[field]

    def refuse(self, field: str, problem: str, cure: str) -> Problem:
        return Problem(self.file, self.line, field, problem, cure)


@dataclass(frozen=True)
class Seed:
    """What a file must look like: its columns, the key it is sorted by, and what may be in them."""

    columns: str
    key: str
    may_be_empty: str = ""
    dates: str = ""
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


BOOLEAN = ("true", "false")
SEEDS = {
    "countries": Seed(
        "country_code country_name region sub_region is_eu",
        key="country_code",
        choices=(("is_eu", BOOLEAN),),
    ),
    "parent_organizations": Seed(
        "parent owner country_code evidence", key="parent", may_be_empty="owner"
    ),
    "hub_organizations": Seed(
        "organization canonical_organization country_code is_international "
        "alternative_country_code organization_type parent ultimate_parent aliases valid_from "
        "valid_to confidence evidence reviewed_on note",
        key="organization valid_from",
        may_be_empty="country_code alternative_country_code parent ultimate_parent aliases "
        "valid_from valid_to note",
        dates="valid_from valid_to reviewed_on",
        choices=(
            ("is_international", BOOLEAN),
            ("organization_type", TYPES),
            ("confidence", CONFIDENCE),
        ),
    ),
    "hub_individuals": Seed(
        "organization confidence evidence reviewed_on",
        key="organization",
        dates="reviewed_on",
        choices=(("confidence", CONFIDENCE),),
    ),
    "hub_namespace_renames": Seed(
        "old_namespace new_namespace renamed_on evidence", key="old_namespace", dates="renamed_on"
    ),
    "legacy_model_ids": Seed("model_id new_model_id", key="model_id"),
    "lineage_overrides": Seed(
        "model_id base_model_id evidence", key="model_id", may_be_empty="base_model_id"
    ),
    "release_date_corrections": Seed(
        "model_id hub_created_on released_on evidence",
        key="model_id",
        dates="hub_created_on released_on",
    ),
    "claims": Seed(
        "claim_id claim source source_url_or_citation claimed_period_from claimed_period_to "
        "claimed_value unit tolerance measure parameter entity_kind entity comparison "
        "window_name attribution cohort scope note",
        key="claim_id",
        may_be_empty="source_url_or_citation claimed_period_from claimed_period_to parameter "
        "entity_kind entity window_name attribution cohort scope note",
        dates="claimed_period_from claimed_period_to",
        choices=(
            ("entity_kind", ("country", "organization", "ultimate_parent", "family")),
            ("comparison", COMPARISONS),
            ("window_name", ("1d", "7d", "28d", "30d", "365d", "all_time")),
            ("attribution", ("publisher", "base_model")),
            ("cohort", ("all", "new_365d")),
            ("scope", ("all", "language_models")),
        ),
    ),
}


@dataclass(frozen=True)
class Measure:
    """What a claim of this measure must name: how many entities of which kind, a parameter."""

    kinds: tuple[str, ...] = ()
    at_least: int = 0
    at_most: int = 0
    parameter: bool = False


ANY = 99
MEASURES = {
    "counter_ratio_median": Measure(),
    "country_downloads": Measure(("country",), 1, ANY),
    "country_share": Measure(("country",), 1, ANY),
    "country_share_gap": Measure(("country",), 2, 2),
    "derivative_share": Measure(),
    "downloads_total": Measure(),
    "family_derivative_share": Measure(("family",), 1, 1),
    "family_models_count": Measure(("family",), 1, 1),
    "family_share": Measure(("family",), 1, 1),
    "launches_per_week_median": Measure(("organization",), 1, 1),
    "models_below_downloads_share": Measure(parameter=True),
    "models_count": Measure(),
    "organizations_in_top_k": Measure(
        ("country", "organization", "ultimate_parent"), 1, ANY, parameter=True
    ),
    "organizations_share": Measure(("organization",), 1, ANY),
    "overtakes_count": Measure(("country", "organization"), 2, 2),
    "share_of_weeks_with_launch": Measure(("organization",), 1, 1),
    "top_k_share": Measure(parameter=True),
    "top_percent_share": Measure(parameter=True),
    "weekly_gap_change": Measure(("country",), 2, 2),
}


def is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def listed(text: str) -> list[str]:
    return text.split(";") if text else []


def read(folder: Path, name: str, problems: list[Problem]) -> list[Row]:
    """The rows of one seed that have the right shape; what has not is a problem."""
    path, file = folder / f"{name}.csv", f"{name}.csv"
    columns = SEEDS[name].columns.split()
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        problems.append(Problem(file, 1, "file", "is not there", f"add it to {folder.name}/"))
        return []
    except UnicodeDecodeError as error:
        problems.append(Problem(file, 1, "file", f"is not UTF-8: {error.reason}", "save as UTF-8"))
        return []
    if "\r" in text or not text.endswith("\n"):
        problems.append(
            Problem(file, 1, "file", "has foreign line ends", "end every line with a newline alone")
        )
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n")))
    rows = []
    if next(reader, None) != columns:
        cure = "the first line must be " + ",".join(columns)
        problems.append(Problem(file, 1, "header", "has other columns", cure))
        return []
    for fields in reader:
        if len(fields) == len(columns):
            rows.append(Row(file, reader.line_num, dict(zip(columns, fields, strict=True))))
        else:
            cure = f"give {len(columns)} fields, and quote those with a comma"
            problem = f"has {len(fields)} fields"
            problems.append(Problem(file, reader.line_num, "row", problem, cure))
    return rows


def check_shape(seed: Seed, rows: list[Row]) -> Iterator[Problem]:
    """What holds for every file: filled, tidy, closed lists, dates, one row a key, sorted."""
    key = seed.key.split()
    optional = seed.may_be_empty.split()
    dates = seed.dates.split()
    seen: dict[tuple[str, ...], int] = {}
    last: tuple[str, ...] = ()
    for row in rows:
        for field, value in row.values.items():
            if not value and field not in optional:
                yield row.refuse(field, "is empty", f"every row needs its {field}")
            if value != value.strip() or "\n" in value:
                yield row.refuse(field, "has space around it or a line break", "take it out")
            if field == "evidence" and value and len(value.split()) < 2:
                yield row.refuse(field, f"{value!r} is one word", "say where a stranger can see it")
            if value and field in dates and not is_day(value):
                yield row.refuse(field, f"{value!r} is no day", "write YYYY-MM-DD")
        for field, choices in seed.choices:
            if row[field] and row[field] not in choices:
                cure = "choose one of " + ", ".join(choices)
                yield row.refuse(field, f"{row[field]!r} is unknown", cure)
        at = tuple(row[field] for field in key)
        if at in seen:
            problem = f"{', '.join(at)} is in row {seen[at]} already"
            yield row.refuse(key[0], problem, "keep one of the two")
        elif at < last:
            problem = f"{at[0]} is out of order"
            yield row.refuse(key[0], problem, f"sort by {', '.join(key)}, as bytes")
        seen.setdefault(at, row.line)
        last = max(at, last)


def check_namespaces(files: Iterable[list[Row]]) -> Iterator[Problem]:
    """A namespace is spelled in one way: the Hub knows no two that differ by case alone."""
    spellings: dict[str, str] = {}
    for row in (row for rows in files for row in rows):
        name = row["organization"]
        if not NAMESPACE.fullmatch(name):
            cure = "write the namespace as in the Hub's addresses"
            yield row.refuse("organization", f"{name!r} is no namespace", cure)
        spelled = spellings.setdefault(name.lower(), name)
        if spelled != name:
            cure = "keep the Hub's spelling, in one row"
            yield row.refuse("organization", f"is spelled {spelled} elsewhere", cure)


def check_individuals(individuals: list[Row], organizations: list[Row]) -> Iterator[Problem]:
    """No country for a person."""
    known = {row["organization"].lower(): row.line for row in organizations}
    for row in individuals:
        if row["organization"].lower() in known:
            line = known[row["organization"].lower()]
            problem = f"is in hub_organizations.csv, row {line}, too: no country for a person"
            yield row.refuse("organization", problem, "decide which it is, and delete the other")


def check_countries(rows: list[Row], fields: Iterable[str], codes: set[str]) -> Iterator[Problem]:
    for row in rows:
        for field in fields:
            if row[field] and row[field] not in codes:
                cure = "use an ISO 3166-1 alpha-2 code of countries.csv"
                yield row.refuse(field, f"{row[field]!r} is no country", cure)


def ultimate_owner(parent: str, owners: dict[str, str]) -> str | None:
    """The end of the chain of owners; None where it leads nowhere or in a circle."""
    seen: set[str] = set()
    while parent in owners and parent not in seen:
        seen.add(parent)
        if not owners[parent]:
            return parent
        parent = owners[parent]
    return None


def check_parents(parents: list[Row], organizations: list[Row]) -> Iterator[Problem]:
    """Chains of owners end, and an organization's last owner is the one that its row names."""
    owners = {row["parent"]: row["owner"] for row in parents}
    homes = {row["parent"]: row["country_code"] for row in parents}
    for row in parents:
        if ultimate_owner(row["parent"], owners) is None:
            problem = f"{row['owner']!r} is unknown, or the chain is a circle"
            yield row.refuse("owner", problem, "add a row for the owner, or leave it empty")
    for row in organizations:
        if row["parent"] and row["parent"] not in owners:
            problem = f"{row['parent']!r} is not in parent_organizations.csv"
            yield row.refuse("parent", problem, "add it there, or leave the field empty")
            continue
        last = ultimate_owner(row["parent"], owners) or ""
        if row["ultimate_parent"] != last:
            problem = f"{row['ultimate_parent']!r} is not the end of the chain from the parent"
            yield row.refuse("ultimate_parent", problem, f"write {last!r}")
        elif last and row["country_code"] != homes[last]:
            problem = f"differs from {homes[last]} of {last}"
            cure = "follow the owner, and name the other home in alternative_country_code"
            yield row.refuse("country_code", problem, cure)


def check_homes(organizations: list[Row]) -> Iterator[Problem]:
    """A country or none, never both; an alternative that is another one."""
    for row in organizations:
        international = row["is_international"] == "true"
        if international == bool(row["country_code"]):
            problem = "contradicts is_international"
            yield row.refuse("country_code", problem, "give a country, or say that there is none")
        alternative = row["alternative_country_code"]
        if alternative and alternative == row["country_code"]:
            problem = "is no alternative to the home"
            yield row.refuse("alternative_country_code", problem, "leave it empty")


def check_validity(organizations: list[Row]) -> Iterator[Problem]:
    """The rows of one organization follow each other, day by day, without gap or overlap."""
    periods: dict[str, list[Row]] = defaultdict(list)
    for row in organizations:
        if all(is_day(row[field]) for field in ("valid_from", "valid_to") if row[field]):
            periods[row["organization"]].append(row)
    for rows in periods.values():
        rows.sort(key=lambda row: row["valid_from"])
        for row in rows:
            if row["valid_to"] and row["valid_to"] < row["valid_from"]:
                yield row.refuse("valid_to", "is before valid_from", "swap the two")
        for before, row in pairwise(rows):
            end, start = before["valid_to"], row["valid_from"]
            if not end or not start or end >= start:
                problem = f"overlaps row {before.line}"
                yield row.refuse("valid_from", problem, "end that row on the day before this one")
            elif (date.fromisoformat(start) - date.fromisoformat(end)).days > 1:
                problem = f"leaves a gap after row {before.line}"
                yield row.refuse("valid_from", problem, "begin on the day after that row")


def check_aliases(organizations: list[Row]) -> Iterator[Problem]:
    """Each alias has a row of its own, so that a join finds it, and belongs to one alone."""
    canonical = {row["organization"]: row["canonical_organization"] for row in organizations}
    names: dict[str, set[str]] = defaultdict(set)
    for name, target in canonical.items():
        names[target].add(name)
    used: dict[str, str] = {}
    for row in organizations:
        name, target = row["organization"], row["canonical_organization"]
        if canonical.get(target) != target:
            cure = "name the namespace that is used now, in a row of its own"
            yield row.refuse("canonical_organization", f"{target!r} leads nowhere", cure)
        if listed(row["aliases"]) != sorted(set(listed(row["aliases"]))):
            yield row.refuse("aliases", "are out of order or twice there", "sort them")
        for alias in listed(row["aliases"]):
            if used.setdefault(alias, name) != name:
                problem = f"{alias!r} is an alias of {used[alias]} already"
                yield row.refuse("aliases", problem, "keep it in one place")
            if canonical.get(alias) != name:
                problem = f"{alias!r} has no row with this organization as canonical"
                yield row.refuse("aliases", problem, "add that row, or take the alias out")
        for missing in sorted(names[name] - {name} - set(listed(row["aliases"]))):
            yield row.refuse("aliases", f"lack {missing!r}, whose row points here", "add it")


def check_models(rows: list[Row], fields: Iterable[str]) -> Iterator[Problem]:
    for row in rows:
        for field in fields:
            if row[field] and not MODEL_ID.fullmatch(row[field]):
                cure = "write owner/name as in the Hub's addresses"
                yield row.refuse(field, f"{row[field]!r} is no model id", cure)


def check_renames(
    renames: list[Row], legacy: list[Row], organizations: list[Row]
) -> Iterator[Problem]:
    """The old name is an alias of the new one, and what had no owner went to somebody known."""
    canonical = {row["organization"]: row["canonical_organization"] for row in organizations}
    for row in renames:
        new = row["new_namespace"]
        if canonical.get(new) != new:
            problem = f"{new!r} has no row as a canonical organization"
            yield row.refuse("new_namespace", problem, "add it to hub_organizations.csv")
        elif canonical.get(row["old_namespace"]) != new:
            problem = f"{row['old_namespace']!r} is no alias of {new}"
            cure = f"give it a row in hub_organizations.csv with {new} as canonical"
            yield row.refuse("old_namespace", problem, cure)
    for row in legacy:
        if "/" in row["model_id"]:
            yield row.refuse("model_id", "has an owner", "only ids without one belong here")
        if row["new_model_id"].split("/")[0] not in canonical:
            yield row.refuse("new_model_id", "has an unknown owner", "add the owner")


def check_lineage(overrides: list[Row]) -> Iterator[Problem]:
    bases = {row["model_id"]: row["base_model_id"] for row in overrides}
    for row in overrides:
        model, seen = row["model_id"], set()
        while bases.get(model) and model not in seen:
            seen.add(model)
            model = bases[model]
        if model in seen:
            yield row.refuse("base_model_id", "leads back to the model", "name its real origin")


def check_dates(corrections: list[Row]) -> Iterator[Problem]:
    for row in corrections:
        if row["hub_created_on"] == row["released_on"]:
            yield row.refuse("released_on", "is the Hub's own date", "delete the row")


def check_claims(
    claims: list[Row], organizations: list[Row], parents: list[Row], codes: set[str]
) -> Iterator[Problem]:
    """A claim names a measure that exists, with the entities and numbers that it needs."""
    known = {
        "country": codes | NOT_COUNTRIES,
        "organization": {row["canonical_organization"] for row in organizations},
        "ultimate_parent": {row["parent"] for row in parents if not row["owner"]},
    }
    for row in claims:
        for field in ("claimed_value", "tolerance", "parameter"):
            if row[field] and not is_number(row[field]):
                yield row.refuse(field, f"{row[field]!r} is no number", "write 0.171, not 17.1 %")
        begin, end = row["claimed_period_from"], row["claimed_period_to"]
        if begin and end and end < begin:
            yield row.refuse("claimed_period_to", "is before the period begins", "swap the two")
        if row["measure"] == "overtakes_count" and not (begin and end):
            yield row.refuse("claimed_period_from", "or its end is empty", "say when it was")
        measure = MEASURES.get(row["measure"])
        if measure is None:
            cure = "choose one of " + ", ".join(sorted(MEASURES))
            yield row.refuse("measure", f"{row['measure']!r} is unknown", cure)
            continue
        if measure.parameter != bool(row["parameter"]):
            cure = "give one" if measure.parameter else "leave it empty"
            yield row.refuse("parameter", f"does not fit {row['measure']}", cure)
        entities = listed(row["entity"])
        if row["entity_kind"] not in (measure.kinds or ("",)):
            cure = "choose " + (" or ".join(measure.kinds) or "none")
            yield row.refuse("entity_kind", f"does not fit {row['measure']}", cure)
        elif not measure.at_least <= len(entities) <= measure.at_most:
            cure = f"give {measure.at_least}" + ("" if measure.at_most < ANY else " or more")
            yield row.refuse("entity", f"{row['measure']} wants another number of them", cure)
        for entity in entities:
            if row["entity_kind"] in known and entity not in known[row["entity_kind"]]:
                problem = f"{entity!r} is no {row['entity_kind'].replace('_', ' ')} that we know"
                yield row.refuse("entity", problem, "add it to the seed where it belongs")
            owner, _, brand = entity.partition("/")
            if row["entity_kind"] == "family" and not (brand and owner in known["organization"]):
                problem = f"{entity!r} does not name an owner that we know and a brand"
                yield row.refuse("entity", problem, "write it as meta-llama/llama-3")


def lint(folder: Path) -> list[Problem]:
    """Every problem of the seeds in `folder`, in the order of the files and rows."""
    problems: list[Problem] = []
    rows = {name: read(folder, name, problems) for name in SEEDS}
    for name, seed in SEEDS.items():
        problems += check_shape(seed, rows[name])
    codes = {row["country_code"] for row in rows["countries"]}
    organizations, parents = rows["hub_organizations"], rows["parent_organizations"]
    individuals, claims = rows["hub_individuals"], rows["claims"]
    homes = ("country_code", "alternative_country_code")
    problems += check_countries(organizations, homes, codes)
    problems += check_countries(parents, ("country_code",), codes)
    problems += check_namespaces((organizations, individuals))
    problems += check_individuals(individuals, organizations)
    problems += check_homes(organizations)
    problems += check_parents(parents, organizations)
    problems += check_validity(organizations)
    problems += check_aliases(organizations)
    problems += check_models(rows["lineage_overrides"], ("model_id", "base_model_id"))
    problems += check_models(rows["release_date_corrections"], ("model_id",))
    problems += check_models(rows["legacy_model_ids"], ("new_model_id",))
    problems += check_lineage(rows["lineage_overrides"])
    problems += check_dates(rows["release_date_corrections"])
    problems += check_renames(
        rows["hub_namespace_renames"], rows["legacy_model_ids"], organizations
    )
    problems += check_claims(claims, organizations, parents, codes)
    order = {f"{name}.csv": place for place, name in enumerate(SEEDS)}
    return sorted(problems, key=lambda problem: (order[problem.file], problem.row, problem.field))


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).parent / "seeds"
    problems = lint(folder)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems in {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
