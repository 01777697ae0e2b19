"""The publication served by PostgreSQL: after it is shown, and nothing waits for it.

What belongs here: the step. How a server is loaded is said in `publication/postgres.py`.
"""

import logging
from collections.abc import Iterator

import dagster as dg

from orchestration import reporting
from orchestration.defs.fetch.resources import OWNERS, POOL, HomeResource, refusing
from orchestration.defs.publish.assets import KEY as PUBLICATION
from orchestration.publication import postgres

log = logging.getLogger(__name__)


@dg.asset(
    deps=[PUBLICATION],
    group_name="publish",
    owners=OWNERS,
    kinds={"postgres"},
    pool=POOL,
    # Without a server it is never made, and so has no age either.
    output_required=False,
    description=(
        "The publication as schema `observatory` of the PostgreSQL that "
        f"{postgres.URL} names, loaded aside, verified against the file, and swapped in one "
        "transaction. Where the variable is not set nothing is done. A server that is away takes "
        "nothing back: the files are published, and the next run serves them."
    ),
)
def served_copy(
    context: dg.AssetExecutionContext, observatory: HomeResource
) -> Iterator[dg.MaterializeResult[None]]:
    with refusing():
        served = postgres.serve_shown(
            reporting.published_folder(observatory.home),
            again="observatory publish",
            said=log.info,
        )
    if served is not None:
        yield dg.MaterializeResult(
            metadata={
                "generation": served.generation,
                "is_new": served.is_new,
                "postgres_schema": postgres.SCHEMA,
                "postgres_rows": served.rows,
            }
        )
