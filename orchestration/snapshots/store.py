"""Sealed snapshots, as they lie on disk: finding, describing and checking them.

What belongs here: the manifest and how a reader finds the newest version of a day. How a day
comes to be sealed is `sealing.py`'s.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.snapshots import contract

log = logging.getLogger(__name__)

MODELS = contract.MODELS.table
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Source:
    """Where a day's records came from, and what is known of them as a whole.

    `whole` says that the records claim to be every model of the universe on that day.
    """

    kind: str
    universe: Universe
    detail: dict[str, Any]
    whole: bool
    observed_from: datetime | None = None
    observed_to: datetime | None = None
    requests: int = 0


@dataclass(frozen=True)
class Sealed:
    """One sealed version of one day: the content of `manifest.json`."""

    table: str
    snapshot_date: date
    version: int
    file: str
    rows: int
    downloads: int
    rows_quarantined: int
    downloads_quarantined: int
    quarantined: dict[str, int]
    duplicates_dropped: int
    source: dict[str, Any]
    universe: dict[str, str]
    whole: bool
    observed_from: str | None
    observed_to: str | None
    requests: int
    sha256: str
    content_sha256: str
    unknown_fields: dict[str, int]
    blanked_values: dict[str, int]
    sealed_at: str
    versions: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> str:
        found = asdict(self) | {"snapshot_date": self.snapshot_date.isoformat()}
        return json.dumps(found, indent=2, ensure_ascii=True) + "\n"


def folder_of(home: Home, snapshot_date: date, table: str = MODELS) -> Path:
    return home.raw / table / f"snapshot_date={snapshot_date.isoformat()}"


def parquet_of(home: Home, sealed: Sealed) -> Path:
    return folder_of(home, sealed.snapshot_date, sealed.table) / sealed.file


def read_manifest(path: Path) -> Sealed:
    """The manifest at `path`; a Refusal where it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if path.parent.name != f"snapshot_date={found['snapshot_date']}":
            raise ValueError(f"it is of {found['snapshot_date']}, its folder of another day")
        found["snapshot_date"] = date.fromisoformat(found["snapshot_date"])
        return Sealed(**found)
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal(
            f"the manifest of a sealed snapshot cannot be read ({error})",
            file=path,
            cure="restore the folder from a backup, or remove it and import the day again",
        ) from error


def find(home: Home, snapshot_date: date, table: str = MODELS) -> Sealed | None:
    """The newest sealed version of a day, or None."""
    path = folder_of(home, snapshot_date, table) / MANIFEST
    return read_manifest(path) if path.exists() else None


def list_sealed(home: Home, table: str = MODELS) -> list[Sealed]:
    """The newest version of every sealed day, oldest day first."""
    return [read_manifest(path) for path in _manifests(home, table)]


def list_readable(home: Home, table: str = MODELS) -> list[Sealed]:
    """The same of the days whose manifest can be read; a warning tells of each other.

    For what cannot wait until it is mended, as a crawl; nothing is published from less than
    `list_sealed` gives.
    """
    found = []
    for path in _manifests(home, table):
        try:
            found.append(read_manifest(path))
        except Refusal as refusal:
            log.warning("%s", refusal)
    return found


def _manifests(home: Home, table: str) -> list[Path]:
    return sorted((home.raw / table).glob(f"snapshot_date=*/{MANIFEST}"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
