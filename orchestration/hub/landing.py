"""The folder of one crawl: its pages, and a journal that says where to go on.

What belongs here: what survives a kill, and what of it is believed afterwards. A page counts
once its line is in the journal; a file without a line is asked for again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import orjson
import pyarrow as pa

from orchestration.home import Universe, write_text_durably
from orchestration.hub.client import HubGreeting
from orchestration.hub.pages import Page, Row, moment, read_rows

# After midnight (UTC) the Hub tells the counters of the next day: a crawl may only end there.
RESUMABLE_AFTER_ITS_DAY = timedelta(hours=2)
# One that has ended asks for no page any more, and waits to be sealed.
SEALABLE_AFTER_ITS_DAY = timedelta(days=1)
# Level 1: 2 ms for a page of 1 MB, an eighth of its size; level 3 takes twice as long.
_CODEC = pa.Codec("zstd", compression_level=1)


@dataclass(frozen=True)
class Entry:
    """One line of the journal: a page that is safely on disk, or (`page` 0) the proven end.

    `asked` and `next` are the paths of this page and the following; `listed` counts the rows
    that came, `rows` those kept; `size` is the file's in bytes; `requests`, `retries`, `waited`
    (seconds) and `received` (bytes from the network) are what it cost.
    """

    page: int
    asked: str
    next: str | None
    rows: int = 0
    listed: int = 0
    size: int = 0
    newest: str | None = None
    observed_at: str | None = None
    requests: int = 0
    retries: int = 0
    waited: float = 0.0
    received: int = 0


@dataclass(frozen=True)
class Begun:
    """What was true when the crawl began, and must be so still where it goes on."""

    table: str
    snapshot_date: date
    endpoint: str
    universe: Universe
    first: str
    observed_from: datetime


class Landing:
    """The folder of a crawl under way."""

    def __init__(self, folder: Path, begun: Begun, entries: list[Entry]) -> None:
        self.folder = folder
        self.begun = begun
        self.entries = entries

    @classmethod
    def begin(cls, folder: Path, begun: Begun) -> Landing:
        """A new crawl in `folder`; what was there is gone."""
        shutil.rmtree(folder, ignore_errors=True)
        text = json.dumps(
            {
                **asdict(begun),
                "snapshot_date": begun.snapshot_date.isoformat(),
                "observed_from": begun.observed_from.isoformat(),
            },
            indent=2,
        )
        write_text_durably(folder / "crawl.json", text + "\n")
        return cls(folder, begun, [])

    @classmethod
    def open(cls, folder: Path) -> Landing | None:
        """The crawl that was begun in `folder`, as far as it can be believed; or None.

        Changes nothing: a crawl may be writing there.
        """
        try:
            found = json.loads((folder / "crawl.json").read_text(encoding="utf-8"))
            begun = Begun(
                found["table"],
                date.fromisoformat(found["snapshot_date"]),
                found["endpoint"],
                Universe(**found["universe"]),
                found["first"],
                datetime.fromisoformat(found["observed_from"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        landing = cls(folder, begun, [])
        landing.entries = list(_believed(landing, _lines(landing.journal)))
        return landing

    @property
    def journal(self) -> Path:
        return self.folder / "journal.ndjson"

    @property
    def pages(self) -> list[Path]:
        return [self._file(entry.page) for entry in self.entries if entry.page]

    @property
    def is_complete(self) -> bool:
        return bool(self.entries) and self.entries[-1].page == 0

    def is_fit(self, greeting: HubGreeting, first: str) -> bool:
        """Whether a crawl of `first` may go on here: same Hub, same question, in good time.

        Where no page was kept there is nothing to go on with: a crawl begins, at its own time.
        """
        begun = self.begun
        is_same = (begun.endpoint, begun.universe, begun.first) == (
            greeting.endpoint,
            greeting.universe,
            first,
        )
        return is_same and self.is_in_time(greeting.server_time)

    def is_in_time(self, now: datetime) -> bool:
        """Whether there are pages to go on from, and their day is not over for too long."""
        begun = self.begun
        midnight = datetime.combine(begun.snapshot_date + timedelta(days=1), time(), UTC)
        after = SEALABLE_AFTER_ITS_DAY if self.is_complete else RESUMABLE_AFTER_ITS_DAY
        return bool(self.entries) and begun.observed_from <= now < midnight + after

    def keep(self, page: Page, entry: Entry) -> None:
        """Write `page`, then its line; both are on the disk when this returns."""
        content = _CODEC.compress(page.body, asbytes=True)
        target = self._file(entry.page)
        draft = target.with_name(f".{target.name}")
        _write(draft, content)
        draft.replace(target)
        self._append(replace(entry, size=len(content)))

    def mend(self) -> None:
        """Leave only what is believed in the journal. For who holds the home's lock."""
        if len(self.entries) < len(_lines(self.journal)):
            self._rewrite_journal()

    def drop_last(self) -> Entry:
        """Forget the last page, as if it had never come; its entry."""
        last = self.entries.pop()
        self._rewrite_journal()
        return last

    def end(self, entry: Entry) -> None:
        """Note that nothing follows the last page."""
        self._append(entry)

    def read(self, number: int) -> list[Row]:
        """The rows of a page that was kept."""
        with pa.input_stream(str(self._file(number)), compression="zstd") as stream:
            return read_rows(stream.read())

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"page-{number:05d}.json.zst"

    def _append(self, entry: Entry) -> None:
        with self.journal.open("ab") as file:
            file.write(orjson.dumps(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)

    def _rewrite_journal(self) -> None:
        lines = [orjson.dumps(entry).decode() + "\n" for entry in self.entries]
        write_text_durably(self.journal, "".join(lines))


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _lines(journal: Path) -> list[bytes]:
    with contextlib.suppress(FileNotFoundError):
        return journal.read_bytes().splitlines()
    return []


def _believed(landing: Landing, lines: list[bytes]) -> Iterator[Entry]:
    """The journal up to the first line that is torn, or whose page is not there whole."""
    expected = 1
    for line in lines:
        try:
            entry = Entry(**orjson.loads(line))
        except (ValueError, TypeError):
            return
        if entry.page:
            if entry.page != expected:
                return
            file = landing._file(entry.page)
            if not file.is_file() or file.stat().st_size != entry.size:
                return
            expected += 1
        yield entry


def newest_created_at(landing: Landing) -> datetime | None:
    """createdAt (UTC) of the newest repository that was listed."""
    texts = (entry.newest for entry in landing.entries if entry.newest)
    return next((found for text in texts if (found := moment(text))), None)
