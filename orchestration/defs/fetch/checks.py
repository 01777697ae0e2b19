"""Gate 1 as asset checks: one a question, each blocking what comes after.

What belongs here: how outcomes are shown. What is asked is said in `gates`.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from orchestration import profile
from orchestration.defs.fetch.assets import MODELS
from orchestration.defs.fetch.resources import POOL, HomeResource, refusing
from orchestration.gates import raw
from orchestration.gates.outcome import CheckOutcome, in_words
from orchestration.printable import markdown_table
from orchestration.profile import Profile
from orchestration.snapshots import store


def as_markdown(outcomes: list[CheckOutcome], most: int = 20) -> str:
    """The outcomes as a table: day, what was seen, what was asked for."""
    rows = [
        (outcome.snapshot_date, outcome.status, outcome.observed, outcome.threshold)
        for outcome in outcomes[:most]
    ]
    more = f"\n\n{len(outcomes) - most:,} more" if len(outcomes) > most else ""
    return markdown_table(["day", "status", "observed", "threshold"], rows) + more


def as_check_result(
    name: str, outcomes: list[CheckOutcome], key: dg.AssetKey, *, stops: bool
) -> dg.AssetCheckResult:
    """One check's outcomes over all days of a run as one Dagster result.

    `stops`: whether a blocking outcome stops the run. In a back-fill where other days pass it
    refuses its own day only, so it is shown as a warning.
    """
    bad = [outcome for outcome in outcomes if outcome.status != "passed"]
    blocks = [outcome for outcome in bad if outcome.blocks]
    metadata: dict[str, Any] = {"days_checked": len(outcomes), "days_not_passed": len(bad)}
    shown = bad or outcomes[-1:]
    if shown:
        worst = (blocks or shown)[0]
        metadata |= {
            "status": worst.status,
            # Numbers become a plot over the days in the UI.
            "observed": worst.observed
            if isinstance(worst.observed, (int, float))
            else str(worst.observed),
            "threshold": str(worst.threshold),
            "days": dg.MetadataValue.md(as_markdown(shown)),
        }
        if bad:
            metadata |= {
                "what_to_do": worst.cure,
                "sample_rows": dg.MetadataValue.json(worst.sample),
            }
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR if blocks and stops else dg.AssetCheckSeverity.WARN,
        description=_advice(bad) if bad else None,
        metadata=metadata,
    )


def _advice(bad: list[CheckOutcome]) -> str:
    """What was seen on the first day that stops, or else warns, and what to do about it."""
    first = next((outcome for outcome in bad if outcome.blocks), bad[0])
    more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
    seen = in_words(first.observed) if isinstance(first.observed, int | float) else first.observed
    day = f"{first.snapshot_date}: " if first.snapshot_date else ""
    return (
        f"{day}{first.status}, observed {seen}, allowed {first.threshold}{more}. "
        f"What to do: {first.cure}"
    )


@dg.multi_asset_check(
    name="gate_1",
    specs=[
        dg.AssetCheckSpec(
            check.name, asset=MODELS.key, description=check.description, blocking=True
        )
        for check in raw.CHECKS
    ],
    pool=POOL,
)
def gate_1(
    context: dg.AssetCheckExecutionContext, observatory: HomeResource
) -> Iterator[dg.AssetCheckResult]:
    """Judge the day of this run; without one, every sealed day not judged as it is now."""
    home = observatory.home
    key = MODELS.key
    measured = Profile()
    with refusing(), measured.step("first gate"):
        if context.has_partition_key:
            days = [date.fromisoformat(context.partition_key)]
            outcomes = raw.judge(home, days)
        else:
            days = [sealed.snapshot_date for sealed in store.list_sealed(home)]
            found = raw.verdicts(home, days).values()
            outcomes = [outcome for verdict in found for outcome in verdict.outcomes]
    profile.keep(home, "gate 1", measured.steps)
    refused = {o.snapshot_date for o in outcomes if o.blocks}
    for check in raw.CHECKS:
        yield as_check_result(
            check.name,
            [outcome for outcome in outcomes if outcome.name == check.name],
            key,
            stops=len(refused) >= len(days),
        )
