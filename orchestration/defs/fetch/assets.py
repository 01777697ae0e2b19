"""The raw assets: the Hub's models of a day, and who their authors are."""

import csv
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration import preflight, profile
from orchestration.database import connect
from orchestration.defs.fetch.partitions import daily
from orchestration.defs.fetch.resources import OWNERS, POOL, HomeResource
from orchestration.errors import Refusal
from orchestration.home import Home, Universe, write_text_durably
from orchestration.hub import authors, completeness, dataset_archive
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import Landed, Progress, crawl
from orchestration.hub.patience import Patience
from orchestration.printable import markdown_table
from orchestration.profile import Profile
from orchestration.reporting import bar
from orchestration.snapshots import importing, reading, store
from orchestration.snapshots.contract import COLUMNS
from orchestration.snapshots.importing import Imported
from orchestration.snapshots.store import Sealed, Source
from orchestration.warehouse import PROJECT, generated_organizations_file

log = logging.getLogger(__name__)

FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=48), warn_window=timedelta(hours=30)
)
SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn(column.name, column.type, description=column.description)
        for column in COLUMNS
    ]
)


class Origin(StrEnum):
    """Where records come from."""

    LIVE = "live"
    ARCHIVE = "archive"
    DATASET = "dataset"


class FetchConfig(dg.Config):
    """Where the records come from.

    `live` crawls HF_ENDPOINT; `archive` reads recorded files at the path `archive`, which are
    of the panel `panel`; `dataset` reads the revisions of a dataset repository that archives
    the whole Hub. The last two from `first` to `last` (YYYY-MM-DD, both included) where given.
    """

    source: Origin = Origin.LIVE
    archive: str = ""
    dataset: str = ""
    panel: str = "archive"
    first: str | None = None
    last: str | None = None
    deadline_hours: float = 12.0
    # The Hub's anonymous quota is 500 requests in five minutes.
    authors_at_most: int = 400


def refused(refusal: Refusal, metadata: Mapping[str, Any] | None = None) -> dg.Failure:
    """A refusal as Dagster shows it: the words of the error, nothing retried."""
    return dg.Failure(description=str(refusal), metadata=metadata, allow_retries=False)


def fits(home: Home) -> None:
    """Refuse a run that would exceed the disk or the memory before it does anything."""
    try:
        preflight.check(home)
    except Refusal as refusal:
        raise refused(refusal) from refusal


MODELS = dg.AssetSpec(
    "raw_hub__models",
    group_name="fetch",
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    freshness_policy=FRESH,
    metadata={"dagster/column_schema": SCHEMA},
    description=(
        "Every model of the Hub on one day, in the Hub's own field names: crawled live page by "
        "page, or taken from an archive. Sealed once, immutable, with a manifest that tells "
        "rows, source and hash. A live Hub gives its own day only."
    ),
)
AUTHORS = dg.AssetSpec(
    "raw_hub__authors",
    deps=[MODELS],
    group_name="fetch",
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    freshness_policy=FRESH,
    metadata={
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn("author", "VARCHAR", description="Namespace."),
                dg.TableColumn(
                    "author_type", "VARCHAR", description="organization, individual or not_found."
                ),
                dg.TableColumn("fullname", "VARCHAR", description="Name the Hub shows."),
                dg.TableColumn("asked_on", "DATE", description="Day of the answer."),
            ]
        )
    },
    description=(
        "Who is an organization and who an individual, as the Hub answers, for the authors that "
        "hold 99 % of the downloads. Each is asked again after 30 days, a bounded number a day. "
        "An archive has no Hub to ask: nothing is asked then."
    ),
)


# One step for both: dbt's tests of the models' source run in the transform step, which reads the
# authors, and would otherwise have to pass before the authors may be asked for.
@dg.multi_asset(name="fetch", specs=[MODELS, AUTHORS], partitions_def=daily, pool=POOL)
def fetch(
    context: dg.AssetExecutionContext, config: FetchConfig, observatory: HomeResource
) -> Iterator[dg.MaterializeResult[None]]:
    fits(observatory.home)
    measured = Profile()
    with measured.step("fetch: models, sealed"):
        models = _fetch_models(context, config, observatory.home)
    yield models
    with measured.step("fetch: authors"):
        authors_asked = _ask_authors(config, observatory.home)
    profile.keep(observatory.home, "fetch", measured.steps)
    yield authors_asked


def _fetch_models(
    context: dg.AssetExecutionContext, config: FetchConfig, home: Home
) -> dg.MaterializeResult[None]:
    try:
        if config.source is Origin.LIVE:
            sealed, metadata = _fetch_live(home, date.fromisoformat(context.partition_key), config)
            return dg.MaterializeResult(
                asset_key=MODELS.key, metadata=describe_day(home, sealed) | metadata
            )
        imported = _import_recorded(home, config, context)
    except Refusal as refusal:
        raise refused(refusal) from refusal
    days = [*imported.sealed, *imported.unchanged]
    if not days:
        raise dg.Failure(
            description="\n".join(str(refusal) for refusal in imported.refused.values()),
            allow_retries=False,
        )
    if not context.has_partition_key:
        # A range without gaps cannot be said of an archive that has some: each day for itself.
        for day in days:
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=MODELS.key,
                    partition=day.snapshot_date.isoformat(),
                    metadata={"rows": day.rows, "downloads": day.downloads},
                )
            )
    return dg.MaterializeResult(
        asset_key=MODELS.key,
        metadata=describe_day(home, max(days, key=lambda day: day.snapshot_date))
        | {
            "days": [day.isoformat() for day in imported.dates],
            "days_sealed": len(imported.sealed),
            "days_unchanged": len(imported.unchanged),
            "days_refused": {str(day): str(why) for day, why in imported.refused.items()},
        },
    )


def _import_recorded(
    home: Home, config: FetchConfig, context: dg.AssetExecutionContext
) -> Imported:
    first = date.fromisoformat(config.first) if config.first else None
    last = date.fromisoformat(config.last) if config.last else None
    if context.has_partition_key:
        first = last = date.fromisoformat(context.partition_key)
    if config.source is Origin.DATASET:
        return _import_dataset(home, config.dataset, first, last)
    path = Path(config.archive)
    source = Source(
        kind="archive",
        universe=Universe("panel", config.panel),
        detail={"archive": path.name},
        whole=False,
    )
    return importing.import_archive(home, path, source, first=first, last=last, said=log.info)


def _import_dataset(home: Home, dataset: str, first: date | None, last: date | None) -> Imported:
    """Seal the last revision of each day of a daily archive of the whole Hub."""
    client = HubClient()
    universe = client.contact().universe
    home.check_universe(universe)
    _land_generated_organizations(home, client, universe)
    imported = Imported()
    for revision in dataset_archive.list_revisions(client, dataset, first=first, last=last):
        try:
            fetched = dataset_archive.fetch(client, revision, home.temporary / "dataset")
        except Refusal as refusal:
            imported.refused[revision.snapshot_date] = refusal
            continue
        source = Source(
            kind="dataset",
            universe=universe,
            detail={
                "dataset": dataset,
                "revision": revision.commit,
                "committed_at": revision.committed_at.isoformat(),
                "left_out": fetched.left_out,
            },
            whole=True,
        )
        try:
            day = importing.import_archive(home, fetched.path, source, said=log.info)
        finally:
            fetched.path.unlink(missing_ok=True)
        imported.sealed += day.sealed
        imported.unchanged += day.unchanged
        imported.refused |= day.refused
    if not imported.dates and not imported.refused:
        raise Refusal(
            f"the dataset {dataset} has no revision of the days asked for",
            cure="check --from and --to",
        )
    return imported


def _fetch_live(home: Home, day: date, config: FetchConfig) -> tuple[Sealed, dict[str, Any]]:
    client = HubClient()
    before = [sealed for sealed in store.list_sealed(home) if sealed.snapshot_date < day]
    previous = before[-1] if before else None
    landed = crawl(
        home,
        client,
        snapshot_date=day,
        deadline=timedelta(hours=config.deadline_hours),
        progress=_teller(),
        expected_rows=previous.rows if previous else None,
    )
    if landed.passed_midnight:
        log.info("the crawl passed midnight UTC; it keeps the date it began with, %s", day)
    problems = completeness.check(
        landed.pages,
        universe=landed.universe,
        previous=store.parquet_of(home, previous) if previous else None,
        previous_rows=previous.rows if previous else None,
        client=client,
        observed_from=landed.observed_from,
        newest_created_at=landed.newest_created_at,
        temporary=home.temporary,
        tell=log.info,
    )
    if problems:
        said = "; ".join(str(problem) for problem in problems)
        aside = landed.set_aside(home, said)
        raise Refusal(
            f"the crawl of {day} is not whole: {said}",
            file=aside,
            cure="run it again; if the Hub really lost these models, see reason.txt there",
        )
    imported = importing.import_pages(home, landed.pages, day, _live_source(landed), said=log.info)
    if imported.refused:
        refusal = imported.refused[day]
        landed.set_aside(home, str(refusal))
        raise refusal
    landed.discard()
    _land_generated_organizations(home, client, landed.universe)
    seconds = (landed.observed_to - landed.observed_from).total_seconds()
    return (imported.sealed + imported.unchanged)[0], {
        "requests": landed.requests,
        "retries": landed.retries,
        "waited_seconds": round(landed.waited_seconds, 1),
        "received_bytes": landed.bytes,
        "crawl_seconds": round(seconds, 1),
        "resumed": landed.resumed,
        "newest_created_at": str(landed.newest_created_at),
    }


def _teller(every_seconds: float = 5.0) -> Callable[[Progress], None]:
    """Tells of a crawl's progress every few seconds, and of each wait at once."""
    told = time.monotonic() - every_seconds

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.note is not None or time.monotonic() - told >= every_seconds:
            told = time.monotonic()
            log.info("%s", progress)

    return tell


def _live_source(landed: Landed) -> Source:
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


def _land_generated_organizations(home: Home, client: HubClient, universe: Universe) -> None:
    """A generated world's owners are in no seed: its Hub tells them, for this home alone."""
    if universe.is_generated:
        text = Patience(outage=60.0).get(
            client, "/local-hub/organizations.csv", lambda answer: answer.body.decode("utf-8")
        )
        write_text_durably(generated_organizations_file(home), text)


def describe_day(home: Home, day: Sealed) -> dict[str, Any]:
    """What one wants to see first of a sealed day, as Dagster metadata."""
    with connect(folders=[home.raw]) as connection:
        largest = connection.execute(
            "select coalesce(author, split_part(id, '/', 1)) as author, count(*) as models, "
            "coalesce(sum(downloads), 0)::bigint as downloads "
            f"from {reading.records(home, [day], ['id', 'author', 'downloads'])} "
            "group by all order by downloads desc, author limit 10"
        ).fetchall()
    table = markdown_table(
        ["author", "models:", "downloads (30 d):", " "],
        [
            (author, f"{models:,}", f"{downloads:,}", bar(downloads, largest[0][2]))
            for author, models, downloads in largest
        ],
    )
    return {
        "snapshot_date": day.snapshot_date.isoformat(),
        "dagster/row_count": day.rows,
        "downloads_30d": day.downloads,
        "rows_quarantined": day.rows_quarantined,
        "quarantined": day.quarantined,
        "version": day.version,
        "universe": f"{day.universe['kind']} {day.universe['name']}".strip(),
        "source": day.source,
        "largest_authors": dg.MetadataValue.md(table),
        "sha256": day.sha256,
    }


def _ask_authors(config: FetchConfig, home: Home) -> dg.MaterializeResult[None]:
    sealed = store.list_sealed(home)
    if not sealed or sealed[-1].source["kind"] == "archive":
        return dg.MaterializeResult(
            asset_key=AUTHORS.key, metadata={"asked": 0, "why": "an archive has no Hub to ask"}
        )
    day = sealed[-1]
    try:
        report = authors.refresh(
            home,
            HubClient(),
            _authors_that_matter(home, day),
            today=day.snapshot_date,
            at_most=config.authors_at_most,
            tell=log.info,
        )
    except Refusal as refusal:
        raise refused(refusal) from refusal
    return dg.MaterializeResult(
        asset_key=AUTHORS.key,
        metadata={
            "dagster/row_count": report.known,
            "asked": report.asked,
            "organizations": report.organizations,
            "individuals": report.individuals,
            "not_found": report.not_found,
            "left_for_another_day": report.left,
            "requests": report.requests,
            "trouble": report.trouble or "none",
        },
    )


def _authors_that_matter(home: Home, day: Sealed) -> list[str]:
    """The authors that hold 99 % of the downloads and are in no seed, the largest first."""
    with connect(folders=[home.raw]) as connection:
        found = connection.execute(
            f"""
            select author from (
                select author, downloads,
                    sum(downloads) over (order by downloads desc, author) - downloads as above,
                    sum(downloads) over () as total
                from (
                    select split_part(id, '/', 1) as author,
                        coalesce(sum(downloads), 0)::bigint as downloads
                    from {reading.records(home, [day], ["id", "downloads"])}
                    where id like '%/%'
                    group by all
                )
            )
            where above < 0.99 * total order by downloads desc, author
            """
        ).fetchall()
    known = _names(PROJECT / "seeds" / "hub_organizations.csv")
    # Accounts judged by their handle alone (low) are asked about: the Hub knows better.
    known |= _names(PROJECT / "seeds" / "hub_individuals.csv", but_not="low")
    generated = generated_organizations_file(home)
    known |= _names(generated) if generated.exists() else set()
    return [author for (author,) in found if author not in known]


def _names(seed: Path, but_not: str | None = None) -> set[str]:
    with seed.open(encoding="utf-8", newline="") as file:
        return {
            row["organization"]
            for row in csv.DictReader(file)
            if but_not is None or row["confidence"] != but_not
        }
