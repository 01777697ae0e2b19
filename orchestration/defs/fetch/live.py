"""A live crawl, sealed or refused: one way for every kind of repository.

What belongs here: the steps from the Hub's listing to a sealed day. What is told of the day
belongs to `describe`, recorded days to `recorded`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta

from orchestration import due, preflight
from orchestration.errors import Refusal
from orchestration.home import Home, Universe, write_text_durably
from orchestration.hub import completeness
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import Landed, Progress, crawl, discard
from orchestration.hub.pages import LISTINGS
from orchestration.hub.patience import Nonsense, Outage, Patience
from orchestration.snapshots import importing, reading, store
from orchestration.snapshots.contract import Kind
from orchestration.snapshots.store import Sealed, Source
from orchestration.warehouse import generated_organizations_file

log = logging.getLogger(__name__)


def fetch_live(
    home: Home, kind: Kind, day: date, deadline: timedelta
) -> tuple[Sealed, Landed | None]:
    """Crawl every repository of `kind`, and seal the day: whole, or not at all.

    A day that was crawled before is that day, and nothing is asked.
    """
    if known := due.had(home, day, kind.table):
        log.info("the %s of %s were sealed at %s: no crawl", kind.name, day, known.sealed_at)
        discard(home, kind.table, day)
        return known, None
    preflight.check_crawl(home, kind.table)
    client = HubClient()
    previous = _day_before(home, kind, day)
    landed = crawl(
        home,
        client,
        table=kind.table,
        snapshot_date=day,
        deadline=deadline,
        progress=_teller(),
        expected_rows=previous.rows if previous else None,
    )
    if landed.passed_midnight:
        log.info("the crawl passed midnight UTC; it keeps the date it began with, %s", day)
    problems = completeness.check(
        landed.pages,
        universe=landed.universe,
        previous=store.parquet_of(home, previous) if previous else None,
        listing=LISTINGS[kind.table],
        client=client,
        observed_from=landed.observed_from,
        newest_created_at=landed.newest_created_at,
        temporary=home.temporary,
        tell=log.info,
    )
    if problems:
        said = "; ".join(str(problem) for problem in problems)
        failed = ", ".join(problem.check for problem in problems)
        aside = landed.set_aside(home, failed, said)
        raise Refusal(
            f"the crawl of the {kind.name} of {day} is not whole: {said}",
            file=aside,
            cure="run it again; if the Hub really lost these, see reason.txt there",
        )
    # Before the day is sealed: whoever is killed in between has no day yet, and crawls it again.
    land_generated_organizations(home, client, landed.universe)
    imported = importing.import_pages(
        home, landed.pages, day, _source(landed), kind=kind, said=log.info
    )
    if imported.refused:
        refusal = imported.refused[day]
        landed.set_aside(home, "import", str(refusal))
        raise refusal
    landed.discard()
    return (imported.sealed + imported.unchanged)[0], landed


def _day_before(home: Home, kind: Kind, day: date) -> Sealed | None:
    """The newest earlier day that lies whole and as it was sealed; None where none does.

    A day that is not crawled cannot be had later: no damage to another one may stop it. Days
    that lie compacted are older than any that were just crawled, and are not looked for.
    """
    before = [one for one in store.list_readable(home, kind.table) if one.snapshot_date < day]
    newest = reading.first_as_sealed(home, reversed(before), f"judging the crawl of {day}")
    return newest if newest and reading.is_whole(home, newest) else None


def land_generated_organizations(home: Home, client: HubClient, universe: Universe) -> None:
    """A generated world's owners are in no seed: its Hub tells them, for this home alone."""
    if universe.is_generated:
        home.claim_universe(universe)
        path = "/local-hub/organizations.csv"
        try:
            text = Patience(outage=60.0).get(client, path, lambda answer: answer.body.decode())
        except (Outage, Nonsense) as error:
            raise Refusal(
                f"the organizations of {universe} cannot be had: {error}",
                file=f"{client.endpoint}{path}",
                cure="run again once its Hub answers",
            ) from error
        write_text_durably(generated_organizations_file(home), text)


def _teller(every_seconds: float = 5.0) -> Callable[[Progress], None]:
    """Tells of a crawl's progress every few seconds, and of each wait at once."""
    told = time.monotonic() - every_seconds

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.note is not None or time.monotonic() - told >= every_seconds:
            told = time.monotonic()
            log.info("%s", progress)

    return tell


def _source(landed: Landed) -> Source:
    return Source(
        kind="live",
        universe=landed.universe,
        detail={"endpoint": landed.endpoint},
        # A tracker's panel served by a local Hub is no more whole than its files are.
        whole=landed.universe.kind != "panel",
        observed_from=landed.observed_from,
        observed_to=landed.observed_to,
        requests=landed.requests,
    )
