"""Verifying a generation: is it whole, is it what its manifest says, does it hold?

What belongs here: what can be re-checked from a generation's folder at any time, by anybody.
What its numbers have to be is gate 3's, which is asked here too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, literal
from orchestration.errors import Refusal
from orchestration.gates import candidate as gate
from orchestration.gates.outcome import Check, CheckOutcome, Status
from orchestration.gates.tables import REQUIRED
from orchestration.home import Home
from orchestration.publication.generation import (
    DATABASE,
    Manifest,
    columns_of,
    content_sha256,
    damages,
    read_manifest,
)

Findings = list[dict[str, Any]]

_AGAIN = "go back with `observatory rollback`, or publish again"
CHECKS: tuple[Check, ...] = (
    Check(
        "manifest_readable",
        "The manifest can be read and names the folder's generation.",
        _AGAIN,
        "problems",
        most=0,
    ),
    Check(
        "files_as_published",
        "Every file is there with the SHA-256 that the manifest names, and no other is.",
        _AGAIN,
        "files",
        most=0,
    ),
    Check(
        "tables_as_published",
        "Rows and content of each table are those of the manifest.",
        _AGAIN,
        "tables",
        most=0,
    ),
    Check(
        "twins_equal",
        "Each Parquet file holds the same rows as its table.",
        _AGAIN,
        "tables",
        most=0,
    ),
)


def verify(
    folder: Path, home: Home | None = None, *, published: Path | None = None
) -> list[CheckOutcome]:
    """Re-check a generation: hashes, rows, content, twins, and gate 3 where `home` is given.

    Without `home` there are no raw snapshots to reconcile with. `published` is the DuckDB file
    of the generation before, for changes of history. A generation of an older program, which
    knew not all of today's tables, is asked no question about them.
    """
    outcomes = whole(folder)
    if home is not None and _has_tables_of_today(folder):
        outcomes += gate.judge(folder / DATABASE, home, published=published)
    return outcomes


def _has_tables_of_today(folder: Path) -> bool:
    """Whether it was published with every required table; a damaged one is asked all the same."""
    try:
        return set(REQUIRED) <= set(read_manifest(folder)["tables"])
    except Refusal:
        return True


def whole(folder: Path) -> list[CheckOutcome]:
    """The outcomes of `CHECKS`: whether the folder is what its manifest says."""
    try:
        manifest = read_manifest(folder)
    except Refusal as refusal:
        return [
            CHECKS[0].outcome("failed", refusal.problem),
            *(check.crashed("not asked: the manifest cannot be read") for check in CHECKS[1:]),
        ]
    asked = _Asked(folder, manifest)
    questions: tuple[Callable[[], Findings], ...] = (
        asked.misnamed,
        lambda: damages(folder, manifest),
        asked.changed_tables,
        asked.unequal_twins,
    )
    outcomes = []
    for check, question in zip(CHECKS, questions, strict=True):
        try:
            findings = question()
        except Exception as error:
            outcomes.append(check.crashed(f"{type(error).__name__}: {error}"))
        else:
            status: Status = "failed" if findings else "passed"
            outcomes.append(check.outcome(status, len(findings), sample=findings[:5]))
    return outcomes


Content = dict[str, tuple[int, str] | None]


class _Asked:
    """The questions about one generation; what two of them need is read once."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @cached_property
    def tables(self) -> Content:
        return _tables(self.folder, self.manifest)

    def misnamed(self) -> Findings:
        generation = self.manifest["generation"]
        # While it is built, a generation lies in a hidden folder.
        if self.folder.name in (generation, "current") or self.folder.name.startswith("."):
            return []
        return [{"folder": self.folder.name, "generation": generation}]

    def changed_tables(self) -> Findings:
        """The tables that are not the manifest's: by rows, and by content where it can be told.

        Content hashes are of the DuckDB that wrote them; under another version only rows are
        compared here, and content with the twins.
        """
        same_version = self.manifest["tools"]["duckdb"] == duckdb.__version__
        findings: Findings = []
        for name, listed in self.manifest["tables"].items():
            rows, content = self.tables[name] or (None, None)
            if rows != listed["rows"]:
                findings.append({"table": name, "rows": rows, "rows_in_manifest": listed["rows"]})
            elif same_version and content != listed["content_sha256"]:
                findings.append({"table": name, "problem": "other content than in the manifest"})
        return findings

    def unequal_twins(self) -> Findings:
        twins = _twins(self.folder, self.manifest)
        return [
            {"table": name, "rows": _rows(content), "rows_in_twin": _rows(twins[name])}
            for name, content in self.tables.items()
            if content is None or content != twins[name]
        ]


def _tables(folder: Path, manifest: Manifest) -> Content:
    """Rows and content hash of each listed table in the DuckDB file; None where it is missing."""
    with connect(folders=[folder]) as connection:
        connection.execute(f"attach {literal(folder / DATABASE)} as candidate (read_only)")
        found = columns_of(connection, "candidate", "main")
        return {
            name: content_sha256(connection, f"candidate.main.{name}", found[name])
            if name in found
            else None
            for name in manifest["tables"]
        }


def _twins(folder: Path, manifest: Manifest) -> Content:
    """The same of the Parquet files."""
    contents: Content = {}
    with connect(folders=[folder]) as connection:
        for name in manifest["tables"]:
            path = folder / f"{name}.parquet"
            twin = f"read_parquet({literal(path)})"
            contents[name] = None
            if path.exists():
                described = connection.execute(f"describe from {twin}").fetchall()
                columns = [(row[0], row[1]) for row in described]
                contents[name] = content_sha256(connection, twin, columns)
    return contents


def _rows(content: tuple[int, str] | None) -> int | None:
    return content[0] if content else None
