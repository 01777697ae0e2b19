"""Datasets and Spaces: crawled and archived as models are, where one asks for them.

What belongs here: their raw assets, and the setting that has them crawled every day. They have
a run of their own after that of the models, and hold nothing of it up.
"""

import os
from datetime import date, timedelta

import dagster as dg

from orchestration.defs.fetch.describe import describe_crawl, describe_day, schema_of
from orchestration.defs.fetch.live import fetch_live
from orchestration.defs.fetch.partitions import daily
from orchestration.defs.fetch.resources import OWNERS, POOL, HomeResource, refusing
from orchestration.errors import Refusal
from orchestration.snapshots.contract import OTHERS, Kind

SETTING = "OBSERVATORY_ALSO_CRAWL"


def also_crawled() -> tuple[Kind, ...]:
    """What is crawled every day beside the models: `datasets`, `spaces`, both, or nothing."""
    asked = {name.strip() for name in os.environ.get(SETTING, "").split(",")} - {""}
    known = {kind.name for kind in OTHERS}
    if asked - known:
        raise Refusal(
            f"{', '.join(sorted(asked - known))!r} cannot be crawled beside the models",
            field=SETTING,
            cure=f"set it to {' or '.join(sorted(known))}, or both with a comma, or to nothing",
        )
    return tuple(kind for kind in OTHERS if kind.name in asked)


class CrawlConfig(dg.Config):
    """How long a crawl may take before it stops, to be gone on with by the next."""

    deadline_hours: float = 12.0


def raw_key(kind: Kind) -> dg.AssetKey:
    """The raw asset of a kind of repository."""
    return dg.AssetKey(f"raw_hub__{kind.name}")


def _raw(kind: Kind) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(kind),
        partitions_def=daily,
        pool=POOL,
        group_name="fetch",
        owners=OWNERS,
        kinds={"huggingface", "parquet"},
        metadata={"dagster/column_schema": schema_of(kind)},
        description=(
            f"Every one of the Hub's {kind.name} on one day, in the Hub's own field names: "
            "crawled, held against the day before and sealed as the models are. Every day, "
            f"where {SETTING} names them."
        ),
    )
    def crawled(
        context: dg.AssetExecutionContext, config: CrawlConfig, observatory: HomeResource
    ) -> dg.MaterializeResult[None]:
        home = observatory.home
        with refusing():
            sealed, landed = fetch_live(
                home,
                kind,
                date.fromisoformat(context.partition_key),
                timedelta(hours=config.deadline_hours),
            )
            metadata = describe_day(home, kind, sealed)
            if landed is not None:
                metadata |= describe_crawl(home, kind, landed)
        return dg.MaterializeResult(metadata=metadata)

    return crawled


others = [_raw(kind) for kind in OTHERS]
