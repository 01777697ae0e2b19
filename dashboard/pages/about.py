"""About: definitions, sources, how to correct a mapping, and the tables behind the pages.

What belongs here: what explains all pages, and nothing measured.
"""

from __future__ import annotations

from markupsafe import Markup

from dashboard import tables
from dashboard.publication import Row
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
        manifest_facts=_manifest_facts(site),
        tables=_tables(site),
    )


def _manifest_facts(site: Site) -> list[tuple[str, str]]:
    manifest = site.manifest
    universe = manifest.get("universe") or {}
    facts = {
        "Of": universe.get("label") or f"{site.universe['kind']} {site.universe['name']}",
        "Generation": manifest.get("generation"),
        "Published at": manifest.get("published_at"),
        "Code version": manifest.get("code_version"),
        "Content, SHA-256": manifest.get("content_sha256"),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _tables(site: Site) -> Markup:
    publication = site.publication
    rows = [
        {"table": table, "rows": publication.count(table), "columns": publication.columns(table)}
        for table in publication.tables
    ]
    whole = Markup('<a href="../{0}.parquet" download>{0}</a>')
    divided = Markup(
        '{0} <span class="note">{0}.parquet/, a file a week; also in '
        '<a href="../observatory.duckdb" download>observatory.duckdb</a></span>'
    )

    def twin(row: Row) -> Markup:
        shown = divided if publication.is_divided(row["table"]) else whole
        return shown.format(row["table"])

    columns = [
        Column("Table", twin, "table", numeric=False),
        tables.number("Rows", "rows"),
        Column("Columns", lambda row: ", ".join(row["columns"]), numeric=False),
    ]
    return tables.table(rows, columns, caption="Published tables")
