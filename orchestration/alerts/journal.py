"""The journal of alerts: what was told, what waits for the webhook.

What belongs here: the memory that makes an alert happen once, and with it states that are noted
and not told. SQLite, because a transaction is what it takes: two daemons, a kill or a power cut
leave it whole.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.alerts.rules import Alert
from orchestration.errors import Refusal

_SCHEMA = """
create table if not exists alerts (
    id integer primary key,
    rule text not null,
    subject text not null,
    state text not null,
    as_of text not null,
    -- Empty where the state is only noted.
    text text not null,
    link text not null,
    asset text not null,
    raised_at text not null,
    -- Null while the webhook has not taken it; empty where none was configured.
    sent_at text,
    attempts integer not null default 0,
    trouble text
)
"""
# A webhook may keep another process waiting while it is sent to.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Raised:
    """An alert as the journal keeps it; `id` counts from 1 and is never used again."""

    id: int
    rule: str
    raised_at: str
    alert: Alert
    attempts: int


class NotTaken(Exception):
    """The webhook did not take an alert; `is_down`: it would take no other either."""

    def __init__(self, why: str, *, is_down: bool) -> None:
        self.is_down = is_down
        super().__init__(why)


class Journal:
    """The alerts of one home, in the SQLite file `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def raise_new(self, rule: str, alerts: Iterable[Alert]) -> list[Raised]:
        """Keep those alerts that were not told yet, and give them.

        New is what puts its subject into another state than the one noted last, by newer data.
        After a rollback the data are older: nothing is told, nor again when it is undone. What
        has no words, or begins silently and was never seen, is noted and waits for nobody.
        """
        raised = []
        with self._transaction() as connection:
            for alert in alerts:
                noted = connection.execute(
                    "select state, as_of from alerts where subject = ? order by id desc limit 1",
                    [alert.subject],
                ).fetchone()
                if noted is not None and (alert.state == noted[0] or alert.as_of <= noted[1]):
                    continue
                text = "" if noted is None and alert.begins_silently else alert.text
                now = _now()
                added = connection.execute(
                    "insert into alerts (rule, subject, state, as_of, text, link, asset, "
                    "raised_at, sent_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
                    [
                        *(rule, alert.subject, alert.state, alert.as_of),
                        *(text, alert.link, alert.asset, now, None if text else ""),
                    ],
                ).fetchone()
                if text:
                    raised.append(Raised(added[0], rule, now, alert, 0))
        return raised

    def deliver(self, rule: str, send: Callable[[Raised], None]) -> list[str]:
        """Send what waits, oldest first; give the troubles. What is not taken waits on.

        An alert is sent inside the transaction that marks it, so no other process sends it too.
        """
        troubles: list[str] = []
        last = 0
        while True:
            with self._transaction() as connection:
                row = connection.execute(
                    "select id, rule, raised_at, attempts, subject, state, as_of, text, link, "
                    "asset from alerts where rule = ? and sent_at is null and id > ? "
                    "order by id limit 1",
                    [rule, last],
                ).fetchone()
                if row is None:
                    return troubles
                last = row[0]
                try:
                    send(Raised(row[0], row[1], row[2], Alert(*row[4:]), row[3]))
                except NotTaken as trouble:
                    connection.execute(
                        "update alerts set attempts = attempts + 1, trouble = ? where id = ?",
                        [str(trouble), last],
                    )
                    troubles.append(str(trouble))
                    if trouble.is_down:
                        return troubles
                else:
                    connection.execute(
                        "update alerts set attempts = attempts + 1, trouble = null, sent_at = ? "
                        "where id = ?",
                        [_now(), last],
                    )

    def settle(self, rule: str) -> None:
        """No webhook is configured: what was told to the log does not wait for one."""
        with self._transaction() as connection:
            connection.execute(
                "update alerts set sent_at = '' where rule = ? and sent_at is null", [rule]
            )

    def last(self, most: int) -> list[dict[str, str | None]]:
        """The newest alerts, the newest first: raised_at, rule, text, link, sent_at, trouble.

        A Refusal where the file cannot be read.
        """
        # Empty is what a sensor leaves that ended before its first commit.
        if not self.path.exists() or self.path.stat().st_size == 0:
            return []
        try:
            # Whoever delivers holds the file for writing: reading neither waits nor writes.
            with contextlib.closing(
                sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)
            ) as connection:
                answer = connection.execute(
                    "select raised_at, rule, text, link, sent_at, trouble from alerts "
                    "where text <> '' order by id desc limit ?",
                    [most],
                )
                names = [column[0] for column in answer.description]
                return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        except sqlite3.Error as error:
            raise Refusal(
                f"the journal of alerts cannot be read ({error})",
                file=self.path,
                cure="let this user read it; what a killed process left half done, the next "
                "minute of `make dev` ends; if it is damaged, move it to another place: a new one "
                "is begun, and tells again what is still new",
            ) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        try:
            connection.execute("begin immediate")
            connection.execute(_SCHEMA)
            yield connection
            connection.execute("commit")
        finally:
            # What was not committed is rolled back with its connection.
            connection.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
