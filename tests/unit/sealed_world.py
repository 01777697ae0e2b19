"""Days of a generated world, sealed without going through the importer.

What belongs here: the quick way to many clean sealed days. What the importer does to records
is tested where it belongs.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from local_hub.world.files import write_day
from local_hub.world.named import named_world
from orchestration.home import Home, Universe
from orchestration.snapshots import sealing
from orchestration.snapshots.store import Sealed


def seal_world(home: Home, name: str) -> list[date]:
    """Seal every day of the world called `name` as a whole snapshot."""
    world = named_world(name)
    home.claim_universe(Universe("world", name))
    for day in world.dates:
        file = home.temporary / f"{day}.parquet"
        rows = write_day(world, day, file)
        seal_file(home, day, file, rows, {"kind": "world", "name": name})
    return list(world.dates)


def seal_file(home: Home, day: date, file: Path, rows: int, universe: dict[str, str]) -> None:
    """Seal the raw columns that lie in `file`, which is moved."""
    with duckdb.connect() as connection:
        (downloads,) = connection.execute(
            f"select coalesce(sum(downloads), 0)::bigint from '{file}'"
        ).fetchall()[0]
    draft = Sealed(
        table="hub_models",
        snapshot_date=day,
        version=1,
        file="models.v1.parquet",
        rows=rows,
        downloads=downloads,
        rows_quarantined=0,
        downloads_quarantined=0,
        quarantined={},
        duplicates_dropped=0,
        source={"kind": "archive"},
        universe=universe,
        whole=True,
        observed_from=None,
        observed_to=None,
        requests=0,
        sha256="",
        content_sha256=f"{day}",
        unknown_fields={},
        blanked_values={},
        sealed_at="2026-11-01T00:00:00+00:00",
    )

    def move(target: Path) -> None:
        file.replace(target)

    sealing.seal(home, draft, move, None)
