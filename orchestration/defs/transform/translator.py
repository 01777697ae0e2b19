"""How dbt nodes look in Dagster: keys, groups, owners, kinds.

What belongs here: labels, and a test's question where dbt's YAML has no words for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from orchestration.defs.fetch.resources import FRESH, OWNERS

# All that is registered from the raw snapshots themselves has one origin.
_SOURCES = {
    "hub_authors": "raw_hub__authors",
    "hub_datasets": "raw_hub__datasets",
    "hub_spaces": "raw_hub__spaces",
}


class Translator(DagsterDbtTranslator):
    """Names, groups and owners of dbt's models, seeds and sources."""

    def __init__(self) -> None:
        super().__init__(
            settings=DagsterDbtTranslatorSettings(
                enable_source_tests_as_checks=True,
                enable_duplicate_source_asset_keys=True,
            )
        )

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        is_mart = "marts" in props["fqn"]
        return spec.replace_attributes(
            key=asset_key(props),
            group_name=_group(manifest, props),
            owners=OWNERS,
            kinds={"dbt", "duckdb", props["resource_type"]} - {"model"},
            description=props["description"],
            freshness_policy=FRESH if is_mart else None,
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        props = self.get_resource_props(manifest, unique_id)
        return dg.AssetCheckSpec(
            spec.name,
            asset=spec.asset_key,
            description=props["description"] or _question(props),
            additional_deps=spec.additional_deps,
            # What a test only warns of, Dagster lets pass by the severity of its result.
            blocking=True,
            metadata=spec.metadata,
        )


def _question(test: Mapping[str, Any]) -> str:
    """What a dbt test asks, in words, where its author wrote none."""
    given = test["test_metadata"]["kwargs"]
    column = given.get("column_name", "the table")
    match test["test_metadata"]["name"]:
        case "not_null":
            return f"{column} is never null."
        case "unique":
            return f"No {column} comes twice."
        case "unique_grain":
            return f"No two rows share {', '.join(given['columns'])}."
        case "accepted_values":
            return f"{column} is one of {', '.join(map(str, given['values']))}."
        case "relationships":
            return f"Every {column} is a {given['field']} of {given['to']}."
        case "foreign_keys":
            keys = [
                key
                for kind in ("dates", "countries", "organizations", "models")
                for key in given.get(kind, ())
            ]
            return f"Its dimension has every {', every '.join(keys)}."
        case "shares_sum_to_one":
            return "The shares of every slice add up to 1."
        case "holds":
            return f"Every row holds {given['expression']}."
        case kind:
            return f"{kind} of {column}."


def asset_key(props: Mapping[str, Any]) -> dg.AssetKey:
    """The asset of a dbt model, seed or source."""
    if props["resource_type"] == "source":
        return dg.AssetKey(_SOURCES.get(props["name"], "raw_hub__models"))
    return dg.AssetKey(props["name"])


def _group(manifest: Mapping[str, Any], props: Mapping[str, Any]) -> str:
    """The folder of a model. What reads marts stands with them, or the groups' graph is a knot."""
    match props["resource_type"]:
        case "seed":
            return "seeds"
        case "model" if _reads_marts(manifest, props["unique_id"]):
            return "marts"
        case "model":
            return str(props["fqn"][1])
        case _:
            return "fetch"


def _reads_marts(manifest: Mapping[str, Any], unique_id: str) -> bool:
    """Whether a mart is among the ancestors of a node."""
    seen, todo = set(), list(manifest["parent_map"][unique_id])
    while todo:
        parent = todo.pop()
        if parent not in seen:
            seen.add(parent)
            todo += manifest["parent_map"][parent]
    return any("marts" in manifest["nodes"][one]["fqn"] for one in seen & manifest["nodes"].keys())
