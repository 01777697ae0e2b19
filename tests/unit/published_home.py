"""A home whose generations are written by hand, for what reads `published/current`.

What belongs here: the least that a reader of a generation needs. Real generations are built by
the publisher, in the tests of publication.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from orchestration.gates.tables import TABLES
from orchestration.home import Home, Universe
from orchestration.publication.build import write_manifest
from orchestration.publication.generation import DATABASE, file_entries

Rows = Sequence[Mapping[str, Any]]
HUB = Universe("hub")
COUNTRIES: Rows = [
    {"country_key": "CN", "country_code": "CN", "country_name": "China"},
    {"country_key": "US", "country_code": "US", "country_name": "United States"},
]


def publish(
    home: Home,
    newest: date,
    tables: Mapping[str, Rows],
    *,
    kinds: Sequence[str] = ("live",),
    universe: Universe = HUB,
) -> str:
    """Write a generation of `tables` whose newest day is `newest`, show it, give its name.

    Columns that a row does not name are null. `kinds` are those of its days' sources.
    """
    name = f"{newest:%Y%m%d}T060000Z-00000000"
    folder = home.published / name
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        for table, rows in {"dim_countries": COUNTRIES, **tables}.items():
            columns = TABLES[table].columns
            connection.execute(
                f"create table {table} ({', '.join(f'{c.name} {c.type}' for c in columns)})"
            )
            for row in rows:
                connection.execute(
                    f"insert into {table} values ({', '.join('?' for _ in columns)})",
                    [row.get(column.name) for column in columns],
                )
    manifest: dict[str, Any] = {
        "generation": name,
        "snapshot_dates": [newest.isoformat()],
        "source": {"kind": kinds[-1]},
        "sources": [{"kind": kind} for kind in kinds],
        "universe": {
            "kind": universe.kind,
            "name": universe.name,
            "is_generated": universe.is_generated,
        },
        "files": file_entries(folder),
    }
    write_manifest(folder, manifest)
    current = home.published / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(name)
    return name
