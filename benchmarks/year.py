"""A home of a year whose days were not all built: a few were, the others are drawn from them.

What belongs here: days that are sealed and in the warehouse without a build. Building a year of
5 million models takes a day; what a day costs that has a year behind it hangs on the files, the
tables and the published file of that year, and on the days on which its windows begin.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb

from benchmarks.worlds import WINDOWS_BEGIN, seal_days
from local_hub import World
from orchestration import warehouse
from orchestration.database import connect
from orchestration.gates import verdicts
from orchestration.gates.raw_metrics import Day
from orchestration.gates.tables import TABLES
from orchestration.home import Home
from orchestration.publication.weeks import DAY, accumulates
from orchestration.snapshots import compaction, store
from orchestration.warehouse import FINISHED

# So many days before the newest one a day is built: where its windows begin, what the day before
# it is compared with, and the day before that, for the rise of its counters in one day.
BUILT = sorted({*WINDOWS_BEGIN, 2, 3}, reverse=True)
# Of each day, beside the marts: counts of the whole day. What tells of models is left out, so
# that on a drawn day none comes, goes or falls.
OF_EACH_DAY = ("int_hub__snapshot_days",)
# The rise of a day's counters is that one's everywhere: what rises unlike the fortnight before it
# waits for the next day, and is built again with it.
RISES = "int_hub__counter_days"
OF_EVENTS = ("fct_flow_adjustments",)


def make(home: Home, world: World, publish: Callable[[Home, str], object]) -> date:
    """Make `home` one of all days of `world` but the newest, which is told and yet to be sealed.

    `publish` builds and publishes what is sealed: the built days, and at last the day before the
    newest with all that was drawn.
    """
    newest = world.dates[-1]
    *built, before = [newest - timedelta(days=back) for back in BUILT]
    seal_days(home, world, built)
    publish(home, "the days that are built")
    drawn = [day for day in world.dates if built[0] < day < before and day not in built]
    draw(home, drawn, built)
    # Readers have seen another year: all of this one is published from nothing.
    shutil.rmtree(home.published)
    seal_days(home, world, [before])
    publish(home, f"the day before the newest, and {len(drawn)} drawn days published")
    if waiting := warehouse.days_again(home):
        raise SystemExit(f"{waiting} wait for the next snapshot: a day would be measured with them")
    return newest


@contextmanager
def put_back(home: Home, kept: Path) -> Iterator[None]:
    """Give `home` back afterwards what it has now, kept in the folder `kept` meanwhile."""
    only_added_to = (home.raw, home.published)
    for folder in (each for each in home.root.iterdir() if each.is_dir()):
        copied = os.link if folder in only_added_to else shutil.copy2
        shutil.copytree(folder, kept / folder.name, symlinks=True, copy_function=copied)
    for file in (each for each in home.root.iterdir() if each.is_file()):
        shutil.copy2(file, kept)
    yield
    shutil.rmtree(home.root)
    kept.rename(home.root)


def compact(home: Home, newest: date) -> None:
    """Compact the days on which windows of `newest` begin, but the day before it, which is whole.

    Retention has compacted all older ones: of these nothing is read.
    """
    for day in store.list_sealed(home):
        back = (newest - day.snapshot_date).days
        if back > 1 and back in WINDOWS_BEGIN:
            compaction.compact(home, day)


def draw(home: Home, days: list[date], built: list[date]) -> None:
    """Seal `days`, and add them to the warehouse, each like one of the `built` days in turn.

    So no two neighbours have the same figures. Where a window of the day before the newest begins
    it is the built day before, as counters do not fall.
    """
    before = max(built) + timedelta(days=1)
    begins = {before - timedelta(days=back) for back in WINDOWS_BEGIN}
    source = {
        day: max(one for one in built if one < day) if day in begins else built[place % len(built)]
        for place, day in enumerate(days)
    }
    contents = {day.isoformat(): _seal_like(home, day, like) for day, like in source.items()}
    _compare_with_the_day_before(home)
    with connect(home.warehouse, folders=[home.root]) as connection:
        tables = [name for name in TABLES if accumulates(name) and name not in OF_EVENTS]
        for name in (*OF_EACH_DAY, *tables):
            _add(connection, name, source)
        _add(connection, RISES, dict.fromkeys(days, max(built)))
        (text,) = connection.execute(f"select built_from from raw.{FINISHED}").fetchall()[0]
        record = json.loads(text)
        record["days"] = dict(sorted((record["days"] | contents).items()))
        connection.execute(f"update raw.{FINISHED} set built_from = ?", [json.dumps(record)])


def _seal_like(home: Home, day: date, like: date) -> str:
    """Seal the snapshot of `like` as that of `day`, as a link; the hash of its content."""
    sealed, target = store.find(home, like), store.folder_of(home, day)
    if sealed is None or (verdict := verdicts.kept(home, sealed)) is None:
        raise SystemExit(f"{like} is not sealed, or was not judged: nothing can be drawn from it")
    target.mkdir(parents=True)
    (target / sealed.file).hardlink_to(store.parquet_of(home, sealed))
    (target / store.MANIFEST).write_text(
        replace(sealed, snapshot_date=day).to_json(), encoding="utf-8"
    )
    verdicts.keep(home, replace(verdict, snapshot_date=day))
    return sealed.content_sha256


def _compare_with_the_day_before(home: Home) -> None:
    """Have each verdict say that its day was compared with the one before it, as it now is."""
    for before, sealed in pairwise(store.list_sealed(home)):
        verdict = verdicts.kept(home, sealed)
        assert verdict is not None
        metrics = verdict.metrics | Day(sealed, before).compared_with
        verdicts.keep(home, replace(verdict, metrics=metrics))


def _add(connection: duckdb.DuckDBPyConnection, name: str, source: dict[date, date]) -> None:
    """Add the rows of drawn days to a table; other days in a row move with its own.

    A view shows them by what it is made from.
    """
    found = connection.execute(
        "select schema_name, column_name, data_type from duckdb_columns() "
        "where table_name = ? and schema_name in ('marts', 'intermediate') "
        "and table_oid in (select table_oid from duckdb_tables()) order by column_index",
        [name],
    ).fetchall()
    if not found:
        return
    columns = ", ".join(
        f'(rows."{column}" + (drawn.to_day - drawn.from_day)::integer)::date as "{column}"'
        if kind == "DATE"
        else f'rows."{column}"'
        for _, column, kind in found
    )
    table = f"{found[0][0]}.{name}"
    connection.execute(
        f"insert into {table} by name select {columns} from {table} as rows "
        "inner join (select unnest(?::date[]) as to_day, unnest(?::date[]) as from_day) as drawn "
        f"on rows.{DAY} = drawn.from_day",
        [list(source), list(source.values())],
    )
