"""Sealing: one day's checked rows become an immutable, versioned Parquet file.

What belongs here: writing files so that a crash leaves the old state or the new one, never
half. Which rows are good is decided in `importing.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from orchestration.home import Home, sync_folder, write_text_durably
from orchestration.snapshots import store
from orchestration.snapshots.store import MANIFEST, Sealed


def next_version(home: Home, sealed_before: Sealed | None) -> int:
    return 1 if sealed_before is None else sealed_before.version + 1


def seal(
    home: Home,
    draft: Sealed,
    write: Callable[[Path], None],
    write_quarantine: Callable[[Path], None] | None,
) -> Sealed:
    """Write `draft`'s rows and manifest; the manifest comes last and makes the version count.

    `write` and `write_quarantine` are called with the path of a Parquet file to write. A
    version that was sealed before stays beside the new one.
    """
    before = store.find(home, draft.snapshot_date, draft.table)
    folder = store.folder_of(home, draft.snapshot_date, draft.table)
    if write_quarantine is not None:
        target = quarantine_file(home, draft)
        write_file(target, write_quarantine)
    target = folder / draft.file
    write_file(target, write)
    versions: list[dict[str, object]] = []
    if before is not None:
        older = asdict(before) | {"snapshot_date": before.snapshot_date.isoformat()}
        versions = [older | {"versions": []}, *before.versions]
    sealed = Sealed(**(asdict(draft) | {"sha256": store.sha256_of(target), "versions": versions}))
    write_text_durably(folder / MANIFEST, sealed.to_json())
    return sealed


def quarantine_file(home: Home, sealed: Sealed) -> Path:
    """Where the rows that were set aside from a version lie."""
    return (
        home.quarantine
        / sealed.table
        / f"snapshot_date={sealed.snapshot_date.isoformat()}"
        / f"rows.v{sealed.version}.parquet"
    )


def write_file(target: Path, write: Callable[[Path], None]) -> None:
    """Have `write` write a file, and put it to its name once it is whole and on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)
    sync_folder(target.parent)
