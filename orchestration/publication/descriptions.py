"""What dbt says of the marts, for the comments of the published file.

What belongs here: reading dbt's manifest. dbt's own `persist_docs` would write them into the
private warehouse, a statement a column in every run, and only when a model runs again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestration.database import literal
from orchestration.errors import Refusal
from orchestration.warehouse import PROJECT

MANIFEST = PROJECT / "target" / "manifest.json"


def comments(
    schema: str, tables: Mapping[str, Sequence[str]], manifest: Path = MANIFEST
) -> Iterator[str]:
    """The statements that describe `tables` in `schema` and each of the columns they have.

    A table or column that dbt does not describe has none; a Refusal where dbt's manifest is not
    to be read.
    """
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    except (OSError, ValueError, KeyError) as error:
        raise Refusal(
            f"dbt's manifest cannot be read ({error})",
            file=manifest,
            cure="`make setup` writes it anew",
        ) from error
    described = {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}
    for table, columns in tables.items():
        if table not in described:
            continue
        node = described[table]
        yield f"comment on table {schema}.{table} is {_words(node['description'])}"
        for column in columns:
            if column in node["columns"]:
                said = _words(node["columns"][column]["description"])
                yield f'comment on column {schema}.{table}."{column}" is {said}'


def _words(text: str) -> str:
    return literal(" ".join(text.split()))
