"""The raw history as it is kept: the newest days whole, the older ones compacted.

What belongs here: the step. What is kept how is declared in `snapshots/retention.py`.
"""

import logging
from collections.abc import Iterator

import dagster as dg

from orchestration.defs.fetch.resources import OWNERS, POOL, HomeResource, refusing
from orchestration.defs.publish.assets import KEY as PUBLICATION
from orchestration.gates import verdicts
from orchestration.snapshots import retention, store
from orchestration.snapshots.retention import MIB, Retention

log = logging.getLogger(__name__)

KEY = dg.AssetKey("raw_hub__history")
PROVEN = "compacted_as_due"


@dg.asset(
    key=KEY,
    # After the publication: what a day's readers wait for does not wait for this.
    deps=[PUBLICATION],
    group_name="retain",
    owners=OWNERS,
    kinds={"parquet"},
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(
            PROVEN,
            asset=KEY,
            blocking=True,
            description=(
                "Every day that is due was compacted, and its compacted form gave back the "
                "content hash under which it was sealed. A day that was not stays whole."
            ),
        )
    ],
    description=(
        "The raw history at rest, by the declared retention: the newest days whole, older ones "
        "as narrow counters beside their month's attributes. A whole file goes only after its "
        "compacted form was read back and proven; no day is ever removed."
    ),
)
def history(
    context: dg.AssetExecutionContext, observatory: HomeResource
) -> Iterator[dg.MaterializeResult[None]]:
    home = observatory.home
    with refusing():
        declared = Retention.from_environment()
        enforced = retention.enforce(
            home,
            declared,
            is_judged=lambda day: verdicts.kept(home, day) is not None,
            said=log.info,
        )
        at_rest = retention.bytes_at_rest(home)
        days = store.list_sealed(home)
    yield dg.MaterializeResult(
        metadata={
            "days": len(days),
            "days_compacted_now": [str(one.sealed.snapshot_date) for one in enforced.compacted],
            "days_left_whole": enforced.left,
            "bytes_freed": enforced.freed,
            "bytes_at_rest": sum(at_rest.values()),
            **{f"bytes_{form}": size for form, size in at_rest.items()},
            "bytes_per_model_day": sum(at_rest.values()) / max(sum(day.rows for day in days), 1),
            "declared": f"{declared.whole_days} newest days whole; older ones compacted from "
            f"{declared.compact_from // MIB} MiB on; every day kept",
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=PROVEN,
                passed=not enforced.left,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"days_left_whole": enforced.left},
            )
        ],
    )
