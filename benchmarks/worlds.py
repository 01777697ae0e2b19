"""Homes of generated worlds for the benches, sealed without HTTP.

What belongs here: days of a world as raw snapshots in a home, as a crawl would have sealed them.
What is done with such a home is measured elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from local_hub import World, write_raw
from orchestration.database import connect, literal
from orchestration.home import Home, Universe, write_text_durably
from orchestration.snapshots import content, sealing, store
from orchestration.snapshots.contract import COLUMN_NAMES
from orchestration.snapshots.store import Sealed
from orchestration.warehouse import generated_organizations_file

CURATED = 2_000
# So many days before a day there must be a snapshot, for it to have all windows and changes.
WINDOWS_BEGIN = (365, 30, 28, 7, 1)


def seal_days(
    home: Home, world: World, dates: Iterable[date], organizations: int = CURATED
) -> list[Sealed]:
    """Seal `dates` of `world` in `home`: sorted by id, with the manifest a crawl would write.

    Of its `organizations` so many are curated, the largest of the first day that is sealed.
    Five million models take about a minute a day and 350 MB.
    """
    universe = Universe("world", world.name)
    home.create()
    home.claim_universe(universe)
    drawn = home.temporary / "drawn"
    sealed: list[Sealed] = []

    def seal(day: date, file: Path, rows: int) -> None:
        if not generated_organizations_file(home).exists():
            _tell_organizations(home, world, file, organizations)
        sealed.append(_seal(home, universe, day, file))
        file.unlink()

    try:
        write_raw(world, drawn, dates=dates, written=seal)
    finally:
        shutil.rmtree(drawn, ignore_errors=True)
    return sealed


def _tell_organizations(home: Home, world: World, file: Path, most: int) -> None:
    """Curate the largest owners: by default as many as the project's own seed names.

    A generated world knows the home of each of its 38,000 organizations (5 M models); every
    curated one is a row of each slice, which would measure what no seed will hold.
    """
    known = world.organizations()
    with connect(folders=[home.root]) as connection:
        largest = connection.execute(
            f"select split_part(id, '/', 1) from read_parquet({literal(file)}) group by all "
            f"order by sum(downloads) desc nulls last limit {most}"
        ).fetchall()
    curated = known[known["organization"].isin([name for (name,) in largest])]
    # Who was renamed is known by both names, as in the seed.
    names = {*curated["organization"], *curated["canonical_organization"].dropna()}
    curated = known[known["organization"].isin(names)]
    write_text_durably(generated_organizations_file(home), curated.to_csv(index=False))


def _seal(home: Home, universe: Universe, day: date, file: Path) -> Sealed:
    names = ", ".join(f'"{name}"' for name in COLUMN_NAMES)
    with connect(folders=[home.root], temporary=home.temporary / "spill") as connection:
        rows = f"read_parquet({literal(file)}, hive_partitioning = false)"
        found = content.measure(connection, rows, {})
        draft = Sealed(
            table=store.MODELS,
            snapshot_date=day,
            version=1,
            file="models.v1.parquet",
            rows=found.rows,
            downloads=found.downloads,
            rows_quarantined=0,
            downloads_quarantined=0,
            quarantined={},
            duplicates_dropped=0,
            source={"kind": "live", "endpoint": "generated"},
            universe={"kind": universe.kind, "name": universe.name},
            whole=True,
            observed_from=f"{day}T06:00:00+00:00",
            observed_to=f"{day}T06:30:00+00:00",
            requests=0,
            sha256="",
            content_sha256=found.sha256,
            unknown_fields={},
            blanked_values={},
            sealed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

        def write(path: Path) -> None:
            connection.execute(
                f"copy (select {names} from {rows} order by id) to {literal(path)} "
                "(format parquet, compression zstd)"
            )

        return sealing.seal(home, draft, write, None)
