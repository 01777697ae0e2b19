"""The raw assets: the Hub's models of a day, and who their authors are.

What belongs here: the step, and whose authors are asked about. How a day is had is said in `live`
and `recorded`.
"""

import csv
import logging
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

import dagster as dg

from orchestration import preflight, profile
from orchestration.database import connect
from orchestration.defs.fetch import recorded
from orchestration.defs.fetch.describe import describe_crawl, describe_day, schema_of
from orchestration.defs.fetch.live import fetch_live
from orchestration.defs.fetch.partitions import daily
from orchestration.defs.fetch.resources import FRESH, OWNERS, POOL, HomeResource, refusing
from orchestration.errors import Refusal
from orchestration.home import Home
from orchestration.hub import authors
from orchestration.hub.client import HubClient
from orchestration.profile import Profile
from orchestration.snapshots import contract, reading, store
from orchestration.snapshots.importing import Imported
from orchestration.snapshots.store import Sealed
from orchestration.warehouse import PROJECT, generated_organizations_file

log = logging.getLogger(__name__)


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


MODELS = dg.AssetSpec(
    "raw_hub__models",
    group_name="fetch",
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    freshness_policy=FRESH,
    metadata={"dagster/column_schema": schema_of(contract.MODELS)},
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
    measured = Profile()
    with refusing():
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
    if config.source is Origin.LIVE:
        sealed, landed = fetch_live(
            home,
            contract.MODELS,
            date.fromisoformat(context.partition_key),
            timedelta(hours=config.deadline_hours),
        )
        metadata = describe_day(home, contract.MODELS, sealed)
        if landed is not None:
            metadata |= describe_crawl(home, contract.MODELS, landed)
        return dg.MaterializeResult(asset_key=MODELS.key, metadata=metadata)
    imported = _import_recorded(home, config, context)
    days = [*imported.sealed, *imported.unchanged]
    if not days:
        first, *more = imported.refused.values()
        if not more:
            raise first
        raise Refusal(
            f"all {len(more) + 1} days were refused:\n" + "\n".join(map(str, [first, *more])),
            cure="do for each what is said there, and import them again",
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
        metadata=describe_day(home, contract.MODELS, max(days, key=lambda day: day.snapshot_date))
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
    preflight.check_crawl(home)
    first = date.fromisoformat(config.first) if config.first else None
    last = date.fromisoformat(config.last) if config.last else None
    if context.has_partition_key:
        first = last = date.fromisoformat(context.partition_key)
    if config.source is Origin.DATASET:
        return recorded.import_dataset(home, config.dataset, first, last)
    return recorded.import_archive(home, Path(config.archive), config.panel, first, last)


def _ask_authors(config: FetchConfig, home: Home) -> dg.MaterializeResult[None]:
    sealed = store.list_readable(home)
    if not sealed or sealed[-1].source["kind"] == "archive":
        return dg.MaterializeResult(
            asset_key=AUTHORS.key, metadata={"asked": 0, "why": "an archive has no Hub to ask"}
        )
    day = sealed[-1]
    try:
        client = HubClient()
        # Nobody was contacted where the day had been crawled before.
        home.check_universe(client.contact().universe)
    except Refusal as refusal:
        return dg.MaterializeResult(
            asset_key=AUTHORS.key, metadata={"asked": 0, "why": str(refusal)}
        )
    report = authors.refresh(
        home,
        client,
        _authors_that_matter(home, day),
        today=day.snapshot_date,
        at_most=config.authors_at_most,
        tell=log.info,
    )
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
    """The authors that hold 99 % of the downloads, the largest first; those in no seed before all.

    Curated organizations are asked about too: the Hub may call one a person.
    """
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
    # Accounts judged by their handle alone (low) are asked about: the Hub knows better.
    known = _names(PROJECT / "seeds" / "hub_individuals.csv", but_not="low")
    # A generated world's Hub told of these itself.
    generated = generated_organizations_file(home)
    known |= _names(generated) if generated.exists() else set()
    curated = _names(PROJECT / "seeds" / "hub_organizations.csv")
    asked = [author for (author,) in found if author not in known]
    return sorted(asked, key=lambda author: author in curated)


def _names(seed: Path, but_not: str | None = None) -> set[str]:
    with seed.open(encoding="utf-8", newline="") as file:
        return {
            row["organization"]
            for row in csv.DictReader(file)
            if but_not is None or row["confidence"] != but_not
        }
