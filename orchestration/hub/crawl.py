"""The crawl of a whole listing: begun, gone on with, ended, and what it brought.

What belongs here: the loop over pages and the decisions around it (which date, where to go
on, whether the end is the end). Believing a page is `pages`, keeping it `landing`, waiting
`patience`. The caller holds the home's lock.
"""

from __future__ import annotations

import functools
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.hub import aside
from orchestration.hub.client import Answer, HubClient, HubGreeting
from orchestration.hub.landing import Begun, Entry, Landing, newest_created_at
from orchestration.hub.pages import (
    LISTINGS,
    Page,
    Position,
    limit_of,
    read_page,
    with_limit,
    without,
)
from orchestration.hub.patience import DeadlinePassed, Nonsense, Outage, Patience
from orchestration.hub.progress import Progress, Watch

__all__ = ["CrawlStopped", "Landed", "Progress", "crawl", "discard", "may_be_ended", "resumable"]

log = logging.getLogger(__name__)

# Seconds. Once the first page has come, an outage of half an hour must not end a crawl.
OUTAGE, OUTAGE_BEFORE_FIRST_PAGE = 3600.0, 30.0
QUICK = 20.0
# Between first contact and first page we wait an hour at most, as a 429 asks.
SLACK = timedelta(hours=2)


class CrawlStopped(Refusal):
    """The crawl did not end whole. Its pages stay, and the next run goes on from them.

    `name`: `outage`, `deadline`, `disk`, or the nonsense that came (`not JSON`, `missing link`).
    """

    def __init__(self, name: str, problem: str, *, cure: str) -> None:
        self.name = name
        super().__init__(problem, cure=cure)


@dataclass(frozen=True)
class Landed:
    """A whole crawl, not sealed yet. `bytes` came over the network; times are the Hub's, UTC.

    `requests`, `retries` and `waited_seconds` count every process that worked on it.
    """

    folder: Path
    pages: list[Path]
    table: str
    snapshot_date: date
    observed_from: datetime
    observed_to: datetime
    endpoint: str
    universe: Universe
    requests: int
    retries: int
    waited_seconds: float
    bytes: int
    rows: int
    newest_created_at: datetime | None
    resumed: bool

    @property
    def passed_midnight(self) -> bool:
        """Whether it ended on a later day than the one whose date it bears."""
        return self.observed_to.date() > self.snapshot_date

    def discard(self) -> None:
        """Remove the pages: they are sealed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def set_aside(self, home: Home, failed: str, reason: str) -> Path:
        """Keep the pages, with what failed and why, where no crawl goes on from them."""
        return aside.put(home, self.folder, self.table, self.snapshot_date, failed, reason)


def resumable(
    home: Home,
    greeting: HubGreeting,
    table: str = "hub_models",
    *,
    had: Callable[[date], object] = lambda _: False,
) -> date | None:
    """The date of a crawl of this Hub that may still be ended or sealed; else None.

    The pages of a day that is `had` were left behind by a kill.
    """
    first = LISTINGS[table].first
    folders = sorted((home.landing / table).glob("????-??-??"), reverse=True)
    found = (Landing.open(folder) for folder in folders)
    fit = (landing for landing in found if landing is not None and landing.is_fit(greeting, first))
    dates = (landing.begun.snapshot_date for landing in fit)
    return next((on for on in dates if not had(on)), None)


def may_be_ended(home: Home, table: str, snapshot_date: date, now: datetime) -> bool:
    """Whether a crawl of that day is there to be gone on with or sealed, as far as a clock tells.

    Asks no Hub: whether it is still the same one, the crawl sees.
    """
    landing = Landing.open(_folder(home, table, snapshot_date))
    return landing is not None and landing.is_in_time(now)


def discard(home: Home, table: str, snapshot_date: date) -> None:
    """Remove the pages of a day that is sealed, where a kill has left them."""
    shutil.rmtree(_folder(home, table, snapshot_date), ignore_errors=True)


def crawl(
    home: Home,
    client: HubClient,
    *,
    table: str = "hub_models",
    snapshot_date: date | None = None,
    deadline: timedelta | None = None,
    progress: Callable[[Progress], None] | None = None,
    expected_rows: int | None = None,
    outage: float = OUTAGE,
) -> Landed:
    """List every repository of `table`, page by page, into `home.landing`.

    Goes on where a crawl of the same date stopped, until two hours after its day at most.
    `snapshot_date` must be the Hub's own date, or that of such a crawl: Refusal otherwise, with
    nothing touched.
    `deadline` is for this process; `outage` the seconds to bear without an answer;
    `expected_rows` lets `progress` tell the time to go. CrawlStopped where it does not end.
    """
    watch = Watch(client, progress, expected_rows)
    before = (client.requests, client.bytes)
    greeting = client.contact(tell=watch.note)
    home.check_universe(greeting.universe)
    try:
        landing = _landing(home, greeting, table, snapshot_date)
    except OSError as error:
        raise _unwritable(home.landing, error) from None
    patience = Patience(outage=outage)
    if deadline is not None:
        patience.deadline = client.clock.now() + deadline.total_seconds()
    work = _Crawl(landing, client, patience, watch, before)
    try:
        work.run()
    except (Nonsense, Outage, DeadlinePassed, OSError) as error:
        raise _stopped(error, work.landing, client) from None
    return work.landed()


def _landing(home: Home, greeting: HubGreeting, table: str, wanted: date | None) -> Landing:
    """The landing to go on with, or a new one; Refusal for a date that cannot be had."""
    first = LISTINGS[table].first
    on = wanted or resumable(home, greeting, table) or greeting.snapshot_date
    folder = _folder(home, table, on)
    found = Landing.open(folder)
    if found is not None and found.is_fit(greeting, first):
        found.mend()
        return found
    if on != greeting.snapshot_date:
        raise Refusal(
            f"{greeting.endpoint} lives on {greeting.snapshot_date}, and a Hub tells its counters "
            f"of that day only; {on} was asked for",
            cure="leave the date out, or take that day from an archive",
        )
    _drop_stale(home, greeting, table)
    begun = Begun(table, on, greeting.endpoint, greeting.universe, first, greeting.server_time)
    return Landing.begin(folder, begun)


def _folder(home: Home, table: str, on: date) -> Path:
    return home.landing / table / on.isoformat()


def _drop_stale(home: Home, greeting: HubGreeting, table: str) -> None:
    """Remove the pages of earlier days that no crawl may go on with any more."""
    for folder in (home.landing / table).glob("????-??-??"):
        old = Landing.open(folder)
        is_of_use = old is not None and old.is_fit(greeting, LISTINGS[table].first)
        if folder.name < greeting.snapshot_date.isoformat() and not is_of_use:
            log.warning(
                "the crawl of %s was not ended in time, and the Hub lives on %s: "
                "its pages are dropped",
                folder.name,
                greeting.snapshot_date,
            )
            shutil.rmtree(folder, ignore_errors=True)


class _Crawl:
    """One process's work on a landing."""

    def __init__(
        self,
        landing: Landing,
        client: HubClient,
        patience: Patience,
        watch: Watch,
        before: tuple[int, int],
    ) -> None:
        self.landing = landing
        self.client = client
        self.patience = patience
        self.outage = patience.outage
        self.watch = watch
        self.resumed = bool(landing.entries)
        self.position = _position(landing)
        self.observed_at = landing.begun.observed_from
        self._counted: tuple[float, ...] = (*before, 0, 0.0)
        self._stepped_back_to = 0
        self._has_read = False
        self._asked_at = client.clock.now()

    def run(self) -> None:
        """Read on to the proven end. Raises Nonsense, Outage, DeadlinePassed."""
        if self.landing.is_complete:
            return
        self.watch.begin(self.landing)
        step = self._go_on
        while True:
            try:
                asked = step()
            except Nonsense as error:
                asked = self._recover(error)
            if asked is None:
                break
            step = functools.partial(self._step, asked)
        self.landing.end(self._entry(page=0, asked="", next=None))

    def landed(self) -> Landed:
        begun, entries = self.landing.begun, self.landing.entries
        rows = sum(entry.rows for entry in entries)
        if rows == 0:
            self.landing.remove()
            raise Refusal(
                f"{begun.endpoint} lists nothing at {LISTINGS[begun.table].path}",
                cure="check HF_ENDPOINT",
            )
        seen = [datetime.fromisoformat(e.observed_at) for e in entries if e.observed_at]
        return Landed(
            folder=self.landing.folder,
            pages=self.landing.pages,
            table=begun.table,
            snapshot_date=begun.snapshot_date,
            observed_from=begun.observed_from,
            observed_to=max(seen, default=begun.observed_from),
            endpoint=begun.endpoint,
            universe=begun.universe,
            requests=sum(entry.requests for entry in entries),
            retries=sum(entry.retries for entry in entries),
            waited_seconds=sum(entry.waited for entry in entries),
            bytes=sum(entry.received for entry in entries),
            rows=rows,
            newest_created_at=newest_created_at(self.landing),
            resumed=self.resumed,
        )

    def _go_on(self) -> str | None:
        """Take the first step of this process; the path of the next, None at the end."""
        if not self.landing.entries:
            return self._step(self.landing.begun.first)
        last = self.landing.entries[-1]
        if last.next is not None:
            return self._step(last.next)
        return self._beyond(last)

    def _recover(self, error: Nonsense) -> str:
        """Where to go on after nonsense; raises it where there is no more to try.

        The Link that led to it can have been wrong: the page that bore it is asked for again,
        once. A cursor that an earlier process was given can be too old: the crawl begins anew.
        """
        entries = self.landing.entries
        if self.resumed and not self._has_read and error.status in (400, 404, 410, 422):
            log.warning("the Hub knows the old cursor no more (%s): the crawl begins anew", error)
            asked = self._begin_anew()
        elif entries and entries[-1].page > self._stepped_back_to and self._is_quick():
            self._stepped_back_to = entries[-1].page
            log.warning("%s; the page before is asked for again", error)
            dropped = self.landing.drop_last()
            cost = (dropped.requests, dropped.received, dropped.retries, dropped.waited)
            self._counted = tuple(a - b for a, b in zip(self._counted, cost, strict=True))
            asked = dropped.asked
        else:
            raise error
        self.position = _position(self.landing)
        self.watch.begin(self.landing)
        return asked

    def _begin_anew(self) -> str:
        """Drop the pages and begin at this hour; a Refusal where the Hub's day is another now."""
        begun = self.landing.begun
        greeting = self.client.contact(tell=self.watch.note)
        if greeting.snapshot_date != begun.snapshot_date:
            self.landing.remove()
            raise Refusal(
                f"the Hub knows the cursor of the crawl of {begun.snapshot_date} no more, and it "
                f"lives on {greeting.snapshot_date}: that crawl's pages are dropped",
                cure="run again: the Hub's own day is crawled",
            )
        now = replace(begun, observed_from=greeting.server_time)
        self.landing = Landing.begin(self.landing.folder, now)
        self.resumed = False
        self.observed_at = now.observed_from
        return now.first

    def _is_quick(self) -> bool:
        """Whether there is time to step back: nonsense must be refused within a minute."""
        return self.client.clock.now() - self._asked_at < QUICK

    def _step(self, asked: str) -> str | None:
        page = self._get(asked, self.position)
        if page.keys:
            self._keep(page, asked)
        if page.next is not None:
            return page.next
        return self._beyond(self.landing.entries[-1]) if self.landing.entries else None

    def _beyond(self, last: Entry) -> str | None:
        """What follows a page without a Link: nothing, or the path that was not told.

        A page that is one row shorter must lead on, to that row at least: where it does, and
        nothing else comes, the end is the end. A short page proves nothing by itself.
        """
        known = _keys(self.landing, last)
        limit = last.listed
        for _ in range(3):
            limit = max(1, limit - 1)
            page = self._get(with_limit(last.asked, limit), None)
            following = page.next
            if following is None and limit > 1:
                limit = min(limit, page.listed)  # some of its rows may be gone by now
                continue
            for _ in range(3):
                if following is None:
                    return None
                asked = with_limit(following, limit_of(last.asked))
                rest = self._get(asked, None)
                fresh, following = without(rest, known), rest.next
                if fresh.keys:
                    self._keep(fresh, asked)
                    return following or self._beyond(self.landing.entries[-1])
        raise Nonsense("a page leads nowhere: its Link is missing", name="missing link")

    def _get(self, path: str, before: Position | None) -> Page:
        begun = self.landing.begun
        self._asked_at = self.client.clock.now()
        self.patience.outage = (
            self.outage if self.landing.entries else min(self.outage, OUTAGE_BEFORE_FIRST_PAGE)
        )

        def read(answer: Answer) -> Page:
            page = read_page(answer, self.client, begun.universe, before=before)
            self._check_date(page.observed_at)
            return page

        page = self.patience.get(self.client, path, read, tell=self.watch.note)
        self._look_at_the_clock(page.observed_at)
        return page

    def _check_date(self, now: datetime | None) -> None:
        """A page out of somebody's cache is not of this crawl; neither was a first contact."""
        begun = self.landing.begun.observed_from
        if now is None:
            return
        if now < begun - SLACK or (not self.landing.entries and now > begun + SLACK):
            raise Nonsense(f"its Date is {now}, that of first contact {begun}", name="another date")

    def _keep(self, page: Page, asked: str) -> None:
        self._has_read = True
        number = self.landing.entries[-1].page + 1 if self.landing.entries else 1
        entry = self._entry(
            page=number,
            asked=asked,
            next=page.next,
            rows=len(page.keys),
            listed=page.listed,
            newest=page.newest,
        )
        self.landing.keep(page, entry)
        self.position.asked.add(asked)
        self.position.pass_over(page)
        self.watch.page(len(page.keys))

    def _entry(self, **known: Any) -> Entry:
        """A journal line, with what was spent since the one before."""
        client, patience = self.client, self.patience
        total = (client.requests, client.bytes, patience.retries, patience.waited)
        spent = [now - before for now, before in zip(total, self._counted, strict=True)]
        self._counted = total
        return Entry(
            **known,
            observed_at=self.observed_at.isoformat(),
            requests=int(spent[0]),
            received=int(spent[1]),
            retries=int(spent[2]),
            waited=spent[3],
        )

    def _look_at_the_clock(self, now: datetime | None) -> None:
        if now is None:
            return
        on = self.landing.begun.snapshot_date
        if now.date() > on and not self.observed_at.date() > on:
            said = f"midnight (UTC) has passed: this crawl keeps its date, {on}"
            log.warning(said)
            self.watch.note(said)
        self.observed_at = now


def _position(landing: Landing) -> Position:
    """Where the kept pages end; reads back only those that share the last createdAt."""
    position = Position(asked={entry.asked for entry in landing.entries})
    for entry in reversed(landing.entries):
        if not entry.page:
            continue
        rows = landing.read(entry.page)
        if position.created_at is None and not position.tied:
            position.created_at = rows[-1].created_at
        tied = {row.key for row in rows if row.created_at == position.created_at}
        position.tied |= tied
        if len(tied) < len(rows):
            break
    return position


def _keys(landing: Landing, entry: Entry) -> set[str]:
    return {row.key for row in landing.read(entry.page)}


def _stopped(
    error: Nonsense | Outage | DeadlinePassed | OSError, landing: Landing, client: HubClient
) -> CrawlStopped:
    kept = f"{len(landing.pages):,} pages are kept"
    again = "run again: it goes on from the last page"
    if isinstance(error, DeadlinePassed):
        return CrawlStopped("deadline", f"the crawl's deadline has come; {kept}", cure=again)
    if isinstance(error, OSError):
        return _unwritable(landing.folder, error)
    if isinstance(error, Outage):
        return CrawlStopped(
            "outage",
            f"{client.endpoint} gave no page, tried again and again: {error}; {kept}",
            cure=f"{again}, when the Hub answers",
        )
    return CrawlStopped(
        error.name,
        f"{client.endpoint} answered with what is no page of a listing ({error.name}): {error}; "
        f"{kept}",
        cure=f"{again}; where it stays so, look at what HF_ENDPOINT leads to",
    )


def _unwritable(folder: Path, error: OSError) -> CrawlStopped:
    return CrawlStopped(
        "disk",
        f"{folder} cannot be written ({error.strerror or error})",
        cure="make room or give the right to write there, and run again: the pages are kept",
    )
