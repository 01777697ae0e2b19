"""The publication: the marts as people read them, checked by the publisher itself."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration import profile, warehouse
from orchestration.database import connect
from orchestration.defs.fetch.assets import FRESH, refused
from orchestration.defs.fetch.checks import as_check_result
from orchestration.defs.fetch.resources import OWNERS, POOL, HomeResource
from orchestration.defs.transform.assets import transform
from orchestration.errors import Refusal
from orchestration.gates import candidate
from orchestration.home import Universe
from orchestration.profile import Profile, Step
from orchestration.publication import postgres, swap, verify
from orchestration.publication.generation import DATABASE, read_manifest
from orchestration.publication.swap import Publication, PublicationRefused

log = logging.getLogger(__name__)

KEY = dg.AssetKey("publication")
CHECKS = (*verify.CHECKS, *candidate.CHECKS)
MARTS = [spec.key for spec in transform.specs if spec.group_name == "marts"]


def code_version() -> str:
    """The version of the code that a publication comes from: release and models' hash."""
    return f"{version('hub-observatory')}+{warehouse.code_fingerprint()[:12]}"


def write_dashboard(folder: Path) -> None:
    """Write the pages about a generation that is being built into it."""
    from dashboard.build import write

    write(folder / DATABASE, folder / "dashboard", read_manifest(folder))


@dg.asset(
    key=KEY,
    deps=MARTS,
    group_name="publish",
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    pool=POOL,
    freshness_policy=FRESH,
    check_specs=[
        dg.AssetCheckSpec(check.name, asset=KEY, description=check.description, blocking=True)
        for check in CHECKS
    ],
    description=(
        "One generation: the marts as a DuckDB file and Parquet twins with a manifest, built in "
        "private, re-checked by the publisher, then shown by moving `published/current`. "
        "Readers see the old generation or the new one, never half."
    ),
)
def publication(context: dg.AssetExecutionContext, observatory: HomeResource) -> Iterator[Any]:
    measured = Profile()
    try:
        published = swap.publish(
            observatory.home,
            code_version=code_version(),
            extras=[write_dashboard],
            profile=measured,
        )
    except PublicationRefused as refusal:
        yield from _check_results(list(refusal.outcomes))
        raise refused(refusal) from refusal
    except Refusal as refusal:
        raise refused(refusal) from refusal
    yield from _check_results(list(published.outcomes))
    metadata = _describe(published) | profile_metadata(
        [*profile.take(observatory.home), *measured.steps]
    )
    url = postgres.url_from_environment()
    if url is not None:
        try:
            served = postgres.serve(published.folder, url, said=log.info)
        except Refusal as refusal:
            raise refused(refusal, metadata) from refusal
        metadata["postgres_schema"] = postgres.SCHEMA
        metadata["postgres_rows"] = served.rows
    yield dg.MaterializeResult(metadata=metadata)


def profile_metadata(steps: Sequence[Step]) -> dict[str, Any]:
    """A run's steps as a table, and its sums as numbers, which the UI plots over the days."""
    whole = [step for step in steps if step.cpu_seconds is not None]
    return {
        "profile": dg.MetadataValue.md(profile.as_markdown(steps)),
        "seconds": round(sum(step.seconds for step in whole), 1),
        "cpu_seconds": round(sum(step.cpu_seconds or 0 for step in whole), 1),
        "peak_memory_mib": max((step.peak_memory_mib or 0 for step in whole), default=0),
        "bytes_read": sum(step.bytes_read or 0 for step in whole),
    }


def _check_results(outcomes: list[Any]) -> Iterator[dg.AssetCheckResult]:
    for check in CHECKS:
        found = [outcome for outcome in outcomes if outcome.name == check.name]
        yield as_check_result(check.name, found, KEY, stops=True)


def _describe(published: Publication) -> dict[str, Any]:
    """What one wants to see first of a publication: who leads, how sure, what changed."""
    with connect(published.folder / DATABASE, read_only=True) as connection:
        shares = connection.execute(
            """
            select snapshot_date, country_name, share_of_all, share_of_all_low,
                share_of_all_high, share_of_attributed, downloads
            from fct_country_share_daily join dim_countries using (country_key)
            where window_name = '30d' and attribution = 'publisher' and cohort = 'all'
                and scope = 'all' and fct_country_share_daily.country_code is not null
            qualify snapshot_date = max(snapshot_date) over ()
            order by downloads desc limit 10
            """
        ).fetchall()
        coverage = connection.execute(
            "select downloads_attributed_share, downloads_with_known_lineage_share "
            "from fct_mapping_coverage_daily where window_name = '30d' and cohort = 'all' "
            "and attribution = 'publisher' and scope = 'all' order by snapshot_date desc limit 1"
        ).fetchone()
    table = [
        "| country | share of all | band | of attributed | downloads (30 d) |",
        "|---|---:|---:|---:|---:|",
    ]
    for _, name, share, low, high, attributed, downloads in shares:
        table.append(
            f"| {name} | {share:.1%} | {low:.1%} to {high:.1%} | {attributed:.1%} "
            f"| {downloads:,.0f} |"
        )
    universe = Universe(
        published.manifest["universe"]["kind"], published.manifest["universe"]["name"]
    )
    leaders = [
        f"{name} {share:.1%} (band {low:.1%} to {high:.1%})"
        for _, name, share, low, high, _, _ in shares[:2]
    ]
    metadata: dict[str, Any] = {
        "who_leads": f"{'GENERATED WORLD: ' if universe.is_generated else ''}"
        f"{', '.join(leaders)} of all downloads in 30 days",
        "universe": str(universe),
        "generation": published.generation,
        "is_new": published.is_new,
        "newest_snapshot": str(shares[0][0]) if shares else "none",
        "top_countries": dg.MetadataValue.md("\n".join(table)),
        "path": dg.MetadataValue.path(str(published.folder)),
        "dashboard": dg.MetadataValue.path(str(published.folder / "dashboard" / "index.html")),
        "changes": dg.MetadataValue.json(asdict(published.diff) if published.diff else {}),
    }
    if coverage is not None and coverage[0] is not None:
        metadata["downloads_attributed_share"] = float(coverage[0])
    if coverage is not None and coverage[1] is not None:
        metadata["downloads_with_known_lineage_share"] = float(coverage[1])
    if shares:
        metadata["leader_share"] = float(shares[0][2])
    return metadata
