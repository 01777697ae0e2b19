"""Pages of the documentation site that come from other files; a hook of MkDocs.

What belongs here: taking README and its like into the site, and writing the reference from
dbt's YAML. What is written for the site alone is Markdown beside this file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from orchestration.gates.tables import TABLES, Table

CHECKOUT = Path(__file__).parents[1]
MODELS = CHECKOUT / "dbt_project" / "models"

# Files of the checkout that are pages of the site.
TAKEN = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "local_hub/README.md": "local_hub.md",
    "examples/README.md": "examples.md",
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages that the navigation does not name among the explanations."""
    assert config.nav is not None
    named = re.findall(r"[\w/]+\.md", str(config.nav))
    (explanations,) = (part["Explanation"] for part in config.nav if "Explanation" in part)
    pages = sorted(path.name for path in Path(config.docs_dir).glob("*.md"))
    explanations += [page for page in [*pages, "security.md"] if page not in named]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are taken or written."""
    for source, page in TAKEN.items():
        text = (CHECKOUT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "tables.md", content=tables()))
    files.append(File.generated(config, "metric_reference.md", content=metric_reference()))
    # Written after the pages, by `docs/build.py`.
    files.append(File.generated(config, "dbt/index.html", content=""))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the checkout into links between pages."""
    sources = {taken: source for source, taken in TAKEN.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def moved(link: re.Match[str]) -> str:
        mark, text, target, anchor = link.groups()
        if not target or "://" in target:
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        inside = TAKEN.get(file) or file.removeprefix("docs/")
        if files.get_file_from_path(inside) is None:
            # Code and seeds are no pages.
            return text
        return f"{mark}[{text}]({inside}{anchor or ''})"

    return _LINK.sub(moved, markdown)


def described() -> dict[str, dict[str, Any]]:
    """What dbt's YAML says of each mart, by name."""
    return {
        model["name"]: model
        for file in sorted((MODELS / "marts").rglob("*.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])
    }


def tables() -> str:
    """The reference of the published tables."""
    models = described()
    parts = [
        "# Tables",
        "As published: `observatory.duckdb` (schema `main`), one Parquet file each, and PostgreSQL "
        "(schema `observatory`). Columns without a mark are never null.",
    ]
    for name, table in TABLES.items():
        if name in models:
            parts += _table(table, models[name])
    return "\n\n".join(parts) + "\n"


def _table(table: Table, model: dict[str, Any]) -> Iterator[str]:
    yield f"## {table.name}"
    yield _line(model["description"])
    yield f"One row a {', '.join(f'`{column}`' for column in table.grain)}."
    told = {column["name"]: _line(column["description"]) for column in model["columns"]}
    rows = [
        f"| `{column.name}` | {column.type.lower()}{', or null' * column.nullable} "
        f"| {_cell(told[column.name])} |"
        for column in table.columns
    ]
    yield "\n".join(["| column | type | |", "|---|---|---|", *rows])
    if table.foreign_keys:
        yield (
            "Keys: "
            + ", ".join(
                f"`{key.column}` in [{key.table}](#{key.table})" for key in table.foreign_keys
            )
            + "."
        )


def metric_reference() -> str:
    """The reference of the metrics that have a name."""
    rows = []
    for file in sorted((MODELS / "metrics").glob("*.yml")):
        for metric in yaml.safe_load(file.read_text(encoding="utf-8")).get("metrics", []):
            rows.append(f"| `{metric['name']}` | {_cell(_line(metric['description']))} |")
    return "\n".join(
        [
            "# Metrics",
            "",
            "[How to ask for them](metrics.md). Each is null where it cannot be given.",
            "",
            "| metric | |",
            "|---|---|",
            *sorted(rows),
            "",
        ]
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
