"""Recorded days of models: archives on disk, and the dataset that archives the Hub.

What belongs here: which files or revisions are asked for, and as whose records they are sealed.
"""

from __future__ import annotations

import logging
import shutil
from datetime import date
from pathlib import Path

from orchestration import due
from orchestration.defs.fetch.live import land_generated_organizations
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.hub import dataset_archive
from orchestration.hub.client import HubClient
from orchestration.hub.dataset_archive import Revision
from orchestration.snapshots import importing, store
from orchestration.snapshots.importing import Imported
from orchestration.snapshots.store import Source

log = logging.getLogger(__name__)


def import_archive(
    home: Home, path: Path, panel: str, first: date | None, last: date | None
) -> Imported:
    """Seal the days of the archive at `path`, records of `panel`."""
    source = Source(
        kind="archive",
        universe=Universe("panel", panel),
        detail={"archive": path.name},
        whole=False,
    )
    return importing.import_archive(home, path, source, first=first, last=last, said=log.info)


def import_dataset(home: Home, dataset: str, first: date | None, last: date | None) -> Imported:
    """Seal the last revision of each day of a daily archive of the whole Hub.

    A file has 1.1 GB: it lies in a cache of our own, which is emptied once its day is read,
    and a revision that is sealed already is not fetched again. Nor is one of a day that we
    crawled ourselves: that day stays.
    """
    client = HubClient()
    universe = client.contact().universe
    home.check_universe(universe)
    land_generated_organizations(home, client, universe)
    imported = Imported()
    for revision in dataset_archive.list_revisions(client, dataset, first=first, last=last):
        before = store.find(home, revision.snapshot_date)
        if before is not None and before.source.get("revision") == revision.commit:
            imported.unchanged.append(before)
            continue
        if known := due.had(home, revision.snapshot_date):
            log.info("%s was crawled here, and stays as it is", revision.snapshot_date)
            imported.unchanged.append(known)
            continue
        try:
            day = _import_revision(home, client, revision, universe)
        except Refusal as refusal:
            imported.refused[revision.snapshot_date] = refusal
            continue
        imported.sealed += day.sealed
        imported.unchanged += day.unchanged
        imported.refused |= day.refused
    if not imported.dates and not imported.refused:
        raise Refusal(
            f"the dataset {dataset} has no revision of the days asked for",
            cure="check --from and --to",
        )
    return imported


def _import_revision(
    home: Home, client: HubClient, revision: Revision, universe: Universe
) -> Imported:
    cache = home.temporary / "dataset_cache"
    fetched = dataset_archive.fetch(client, revision, home.temporary / "dataset", cache=cache)
    source = Source(
        kind="dataset",
        universe=universe,
        detail={
            "dataset": revision.dataset,
            "revision": revision.commit,
            "committed_at": revision.committed_at.isoformat(),
            "left_out": fetched.left_out,
        },
        whole=True,
    )
    try:
        return importing.import_archive(home, fetched.path, source, said=log.info)
    finally:
        fetched.path.unlink(missing_ok=True)
        shutil.rmtree(cache, ignore_errors=True)
