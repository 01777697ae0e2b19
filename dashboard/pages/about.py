"""About: definitions, sources, how to correct a mapping, and the tables behind the pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dashboard import tables, words
from dashboard.site import Site
from dashboard.tables import Column

SOURCES = {
    "hub": "Every figure comes from the public metadata of the Hugging Face Hub, listed once a "
    "day.",
    "panel": "Every figure comes from a recorded selection of the Hugging Face Hub's models. What "
    "the selection leaves out is not in any denominator.",
    "world": "Every figure comes from a generated world: models, organizations and downloads are "
    "simulated, to show and to test how the pipeline works.",
}


def write(site: Site) -> None:
    """Write `about.html`."""
    site.page(
        "about",
        "about.html",
        title="About",
        source_text=SOURCES.get(site.universe["kind"], SOURCES["panel"]),
        manifest_facts=_manifest_facts(site.manifest),
        tables=_tables(site),
    )


def _manifest_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (
            words.capital(name.replace("_", " ")),
            value if isinstance(value, str) else json.dumps(value),
        )
        for name, value in manifest.items()
        if isinstance(value, str | int | float) or (isinstance(value, dict) and len(value) <= 4)
    ]


def _tables(site: Site) -> Markup:
    publication = site.publication
    rows = [
        {"table": table, "rows": publication.count(table), "columns": publication.columns(table)}
        for table in publication.tables
    ]
    link = Markup('<a href="../{0}.parquet" download>{0}</a>')
    columns = [
        Column("Table", lambda row: link.format(row["table"]), "table", numeric=False),
        tables.number("Rows", "rows"),
        Column("Columns", lambda row: ", ".join(row["columns"]), numeric=False),
    ]
    return tables.table(rows, columns, caption="Published tables")
