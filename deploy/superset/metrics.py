"""dbt's metrics as Superset's: an SQL expression on a dataset.

What belongs here: reading the semantic manifest. What the metrics are is said in
`dbt_project/models/metrics`. A measure that does not add up over days is of the newest day
there; here it is null unless one day is asked for, which an expression can say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]
_AGGREGATES = {
    "sum": "sum({})",
    "min": "min({})",
    "max": "max({})",
    "count_distinct": "count(distinct {})",
}
_REFERENCE = re.compile(r"\{\{\s*(Dimension|Entity)\('(?:\w+?__)?(\w+)'\)\s*\}\}")


@dataclass(frozen=True)
class Metric:
    """A metric on the table of its measures."""

    name: str
    label: str
    description: str
    expression: str


def metrics_of(semantic_manifest: Node) -> dict[str, list[Metric]]:
    """The metrics by published table; parts of metrics are not among them.

    A metric of measures of several tables is none that a dataset could have, and is left out.
    """
    measures = {
        measure["name"]: (model, measure)
        for model in semantic_manifest["semantic_models"]
        for measure in model["measures"]
    }
    found = defaultdict(list)
    for metric in semantic_manifest["metrics"]:
        inputs = [one["name"] for one in metric["type_params"]["input_measures"]]
        tables = {measures[name][0]["node_relation"]["alias"] for name in inputs}
        if metric["type_params"]["is_private"] or len(tables) != 1:
            continue
        found[tables.pop()].append(
            Metric(
                metric["name"],
                metric["label"],
                " ".join(metric["description"].split()),
                _expression(metric, {name: measures[name] for name in inputs}),
            )
        )
    return dict(found)


def _expression(metric: Node, inputs: Mapping[str, tuple[Node, Node]]) -> str:
    parts = {
        name: _aggregate(model, measure, metric["filter"])
        for name, (model, measure) in inputs.items()
    }
    formula = metric["type_params"]["expr"] or next(iter(parts))
    sql = re.sub(r"\w+", lambda word: parts.get(word[0], word[0]), formula)
    days = {
        measure["non_additive_dimension"]["name"]
        for _, measure in inputs.values()
        if measure["non_additive_dimension"]
    }
    for day in days:
        sql = f"case when count(distinct {day}) = 1 then {sql} end"
    return sql


def _aggregate(model: Node, measure: Node, where: Node | None) -> str:
    sql = _AGGREGATES[measure["agg"]].format(measure["expr"] or measure["name"])
    if where is None:
        return sql
    keys = {entity["name"]: entity["expr"] or entity["name"] for entity in model["entities"]}

    def column(reference: re.Match[str]) -> str:
        return str(keys.get(reference[2], reference[2]))

    conditions = [
        _REFERENCE.sub(column, one["where_sql_template"]) for one in where["where_filters"]
    ]
    return f"{sql} filter (where {' '.join(' and '.join(conditions).split())})"
