"""Dagster's SQLite files, cheap to write for the time of a run.

What belongs here: how our own processes open these files. What is written is Dagster's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine


@contextmanager
def quick_event_log(instance: dg.DagsterInstance) -> Iterator[None]:
    """Spare a run of some 1,000 events the disk's answer to each of them.

    Dagster opens and closes a file for each event, and the last to close one checkpoints it:
    7,500 fdatasync for the events of three runs, 445 with one connection kept open a file.
    It also makes an engine for each, which compiles every statement anew: 2 s of a day.
    In WAL mode NORMAL cannot corrupt; a power cut may lose the last log lines of a run, which
    is then repeated. What is published does not depend on them.
    """
    kept: dict[str, sqlite3.Connection] = {}

    def on_connect(connection: Any, _: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.execute("pragma synchronous = normal")
        file = connection.execute("pragma database_list").fetchone()[2]
        if file and file not in kept:
            # Before the file is in WAL mode, a second connection would keep nothing open.
            if connection.execute("pragma journal_mode").fetchone()[0] != "wal":
                return
            kept[file] = sqlite3.connect(file, check_same_thread=False)
            kept[file].execute("select count(*) from sqlite_master").fetchone()

    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        url = storage.conn_string_for_shard(shard)
        if url not in engines:
            # Dagster's own way sees to it that the file is there, with its tables.
            with first_connect(shard):
                engines[url] = create_engine(url)
        with storage._db_lock, engines[url].begin() as connection:
            yield connection

    storage: Any = instance.event_log_storage
    first_connect = storage._connect
    event.listen(Engine, "connect", on_connect)
    storage._connect = connect
    try:
        yield
    finally:
        storage._connect = first_connect
        event.remove(Engine, "connect", on_connect)
        for engine in engines.values():
            engine.dispose()
        for connection in kept.values():
            connection.close()
