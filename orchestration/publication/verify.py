"""Verifying a generation: is it whole, is it what its manifest says, does it hold?

What belongs here: what can be re-checked from a generation's folder at any time, by anybody.
What its numbers have to be is gate 3's, which is asked here too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect, literal, literals
from orchestration.errors import Refusal
from orchestration.gates import candidate as gate
from orchestration.gates.outcome import Check, CheckOutcome, Status
from orchestration.gates.tables import REQUIRED
from orchestration.home import Home
from orchestration.publication import weeks
from orchestration.publication.generation import (
    DATABASE,
    PUT_BACK,
    Hashes,
    Manifest,
    columns_of,
    content_sha256,
    damages,
    read_manifest,
)
from orchestration.publication.weeks import Weeks
from orchestration.snapshots import store

Findings = list[dict[str, Any]]

# Rows are read once and summed up: with more, DuckDB keeps in memory what nobody asks for again.
MEMORY = "512MiB"

_AGAIN = "go back with `observatory rollback`, or publish again"
CHECKS: tuple[Check, ...] = (
    Check(
        "manifest_readable",
        "The manifest can be read and names the folder's generation.",
        PUT_BACK,
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
    Check(
        "revisions_kept",
        "The log of revisions was taken over from all that readers had seen: none was damaged.",
        "what the generations named here had logged, and no other, is lost; where it matters, put "
        "them back from a backup to another place and look there",
        "generations",
        most=0,
        blocking=False,
    ),
)


def verify(
    folder: Path,
    home: Home | None = None,
    *,
    seen: Path | None = None,
    hashes: Hashes | None = None,
    is_candidate: bool = False,
) -> list[CheckOutcome]:
    """Re-check a generation: hashes, rows, content, twins, and gate 3 where `home` is given.

    Without `home` there are no raw snapshots to reconcile with. `seen` is the generation before,
    which readers see: changes of history are asked against it, and weeks that it holds bit for
    bit are compared by these bits and by the hashes of their files alone. Without it everything
    is asked anew. With `is_candidate` it is asked of every sealed day, as nothing is sealed while
    it is being published; without, days that were sealed since are left out. A generation of an
    older program, which knew not all of today's tables, is asked no question about them.
    """
    outcomes = whole(folder, seen, hashes)
    if home is not None and _has_tables_of_today(folder):
        outcomes += gate.judge(
            folder / DATABASE,
            home,
            published=seen / DATABASE if seen else None,
            since=weeks.unsettled_from(read_manifest(seen), read_manifest(folder))
            if seen
            else None,
            sealed_later=() if is_candidate else _sealed_since(home, folder),
            sealed_anew=_sealed_since(home, seen) if seen else (),
        )
    return outcomes


def _sealed_since(home: Home, folder: Path) -> set[date]:
    """The sealed days of which the generation had other records, or none.

    Its manifest tells by their content: a clock that was wrong when a day was sealed, or when
    it was published, decides nothing. None where the manifest does not tell.
    """
    try:
        sources = read_manifest(folder)["sources"]
    except (Refusal, KeyError):
        return set()
    built_from = {source["snapshot_date"]: source["content_sha256"] for source in sources}
    return {
        day.snapshot_date
        for day in store.list_sealed(home)
        if built_from.get(day.snapshot_date.isoformat()) != day.content_sha256
    }


def _has_tables_of_today(folder: Path) -> bool:
    """Whether it was published with every required table; a damaged one is asked all the same."""
    try:
        return set(REQUIRED) <= set(read_manifest(folder)["tables"])
    except Refusal:
        return True


def whole(
    folder: Path, seen: Path | None = None, hashes: Hashes | None = None
) -> list[CheckOutcome]:
    """The outcomes of `CHECKS`: whether the folder is what its manifest says."""
    try:
        manifest = read_manifest(folder)
    except Refusal as refusal:
        return [
            CHECKS[0].outcome("failed", refusal.problem),
            *(check.crashed("not asked: the manifest cannot be read") for check in CHECKS[1:]),
        ]
    asked = _Asked(folder, manifest, seen)
    questions: tuple[Callable[[], Findings], ...] = (
        asked.misnamed,
        lambda: damages(folder, manifest, hashes),
        asked.changed_tables,
        asked.unequal_twins,
        asked.lost_revisions,
    )
    outcomes = []
    for check, question in zip(CHECKS, questions, strict=True):
        try:
            findings = question()
        except Exception as error:
            outcomes.append(check.crashed(f"{type(error).__name__}: {error}"))
        else:
            bad: Status = "failed" if check.blocking else "warned"
            status = bad if findings else "passed"
            outcomes.append(check.outcome(status, len(findings), sample=findings[:5]))
    return outcomes


# Rows and content hash of a table, None where it is missing.
Content = dict[str, tuple[int, str] | None]


class _Asked:
    """The questions about one generation; what two of them need is read once."""

    def __init__(self, folder: Path, manifest: Manifest, seen: Path | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self.before = read_manifest(seen) if seen else None

    def _settled(self, name: str) -> Weeks:
        """The weeks of a table that were looked at when `seen` was published.

        Where its twin is divided, those of which it has the same file, too.
        """
        listed = weeks.of_manifest(self.manifest, name)
        if self.before is None or not weeks.is_taken_over(listed):
            return {}
        settled = {
            week: listed[week]
            for week in weeks.same(self.before, self.manifest, name)
            if listed[week].generation != self.name
        }
        if not self._is_divided(name):
            return settled
        files = [
            {path: entry["sha256"] for path, entry in manifest["files"].items()}
            for manifest in (self.before, self.manifest)
        ]
        twins = {week: weeks.twin_of_week(Path(), name, week).as_posix() for week in settled}
        return {
            week: one
            for week, one in settled.items()
            if files[0].get(twins[week], "") == files[1].get(twins[week])
        }

    def _is_divided(self, name: str) -> bool:
        return weeks.twin_of(self.folder, name).is_dir()

    @property
    def name(self) -> str:
        return str(self.manifest["generation"])

    @cached_property
    def tables(self) -> Content:
        """Of the DuckDB file. A settled week counts as its bits say."""
        with connect(folders=[self.folder], memory=MEMORY) as connection:
            connection.execute(f"attach {literal(self.folder / DATABASE)} as candidate (read_only)")
            found = columns_of(connection, "candidate", "main")
            return {
                name: self._content(connection, f"candidate.main.{name}", found[name], name)
                if name in found
                else None
                for name in self.manifest["tables"]
            }

    def _content(
        self,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        columns: list[tuple[str, str]],
        name: str,
    ) -> tuple[int, str]:
        settled = self._settled(name)
        if not settled:
            return content_sha256(connection, relation, columns)
        return weeks.in_all(columns, weeks.measure(connection, relation, columns, settled))

    def misnamed(self) -> Findings:
        # While it is built, a generation lies in a hidden folder.
        if self.folder.name in (self.name, "current") or self.folder.name.startswith("."):
            return []
        return [{"folder": self.folder.name, "generation": self.name}]

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
        twins = self._twins()
        return [
            {"table": name, "rows": _rows(content), "rows_in_twin": _rows(twins[name])}
            for name, content in self.tables.items()
            if content is None or content != twins[name]
        ]

    def lost_revisions(self) -> Findings:
        return [{"generation": name} for name in self.manifest.get("revisions_lost", [])]

    def _twins(self) -> Content:
        """Of the Parquet files. A settled week's file is told by its hash, as published."""
        contents: Content = {}
        with connect(folders=[self.folder], memory=MEMORY) as connection:
            for name in self.manifest["tables"]:
                path = weeks.twin_of(self.folder, name)
                contents[name] = None
                if not path.exists():
                    continue
                twin = f"read_parquet({literal(path)})"
                described = connection.execute(f"describe from {twin}").fetchall()
                columns = [(row[0], row[1]) for row in described]
                settled = self._settled(name)
                if not self._is_divided(name):
                    contents[name] = self._content(connection, twin, columns, name)
                    continue
                others = {weeks.twin_of_week(self.folder, name, week) for week in settled}
                files = sorted(set(path.iterdir()) - others)
                twin = f"read_parquet({literals(files)})"
                anew = weeks.measure(connection, twin, columns, {}) if files else {}
                contents[name] = weeks.in_all(columns, settled | anew)
        return contents


def _rows(content: tuple[int, str] | None) -> int | None:
    return content[0] if content else None
