"""The floor: one hand-written DuckDB script from a snapshot and a state to verified marts.

What belongs here: what a careful person would write who needs a day's marts and nothing else, no
orchestration, provenance or refusals. It shares no SQL with the dbt project.

It asks the snapshot what the first gate asks, computes all published marts of the second of two
days (quality, shares of countries, organizations and families, coverage, concentration, gaps,
overtakes, adoption, cadence, release dates, adjustments, claims, the dimensions), writes them as
a DuckDB file and Parquet twins, reads both back and compares them. What a day needs of the days
before (the marts, each model's counter, floor, release class and first sight, names of families)
is in the file of the day before, which is its own.

Left out, and refused where it would matter: a history of a week or more (windows of 7, 28 and
365 days are null with their reason, as they are after two days; ranges are not learned yet);
the days after a stall or a rollback; gaps between days. Left out, and not noticed: models without
the Hub's own key, whose renames would have to be found; records that lack a whole field; rows
that were set aside; what the Hub answers when asked who an owner is; models that a correction
names by the id of another day, or calls a root. Not computed are fct_revisions (the publisher's
comparison with the generation before) and the table `publication`.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks import lean_claims, lean_marts, lean_models, lean_quality
from orchestration.gates.tables import TABLES

SEEDS = Path(__file__).parent.parent / "dbt_project" / "seeds"
DATABASE = "lean.duckdb"
LEFT_OUT = ("fct_revisions", "publication")
# In the order in which they are made: some read those before them.
MARTS = {
    "fct_country_share_daily": lean_marts.COUNTRY_SHARE,
    "fct_organization_share_daily": lean_marts.ORGANIZATION_SHARE,
    "fct_family_share_daily": lean_marts.FAMILY_SHARE,
    "fct_family_derivatives_monthly": lean_marts.DERIVATIVES_MONTHLY,
    "fct_mapping_coverage_daily": lean_marts.COVERAGE,
    "fct_concentration_daily": lean_marts.CONCENTRATION,
    "fct_country_gap_daily": lean_marts.COUNTRY_GAP,
    "fct_overtakes": lean_marts.OVERTAKES,
    "fct_flow_adjustments": lean_marts.ADJUSTMENTS,
    "fct_relative_adoption": lean_marts.RELATIVE_ADOPTION,
    "fct_release_cadence_weekly": lean_marts.RELEASE_CADENCE,
    "fct_country_cadence_weekly": lean_marts.COUNTRY_CADENCE,
    "fct_organization_cadence_daily": lean_marts.ORGANIZATION_CADENCE,
    "fct_release_dates": lean_marts.RELEASE_DATES,
    "fct_claims": lean_claims.VERDICTS,
    "dim_models": lean_marts.DIM_MODELS,
    "dim_organizations": lean_marts.DIM_ORGANIZATIONS,
    "dim_countries": lean_marts.DIM_COUNTRIES,
    "dim_dates": lean_marts.DIM_DATES,
    # Filled when the snapshot is asked, before the others.
    "fct_snapshot_quality_daily": "",
}
# These tell of each day; the others are told anew.
DAILY = tuple(
    name
    for name in MARTS
    if name in ("fct_claims", "fct_flow_adjustments") or name.endswith("_daily")
)
# What the script keeps for the next day, beside the marts.
STATE = {
    "known_model": lean_models.KNOWN_COLUMNS,
    "known_owner": "organization varchar, recorded_type varchar",
    "known_family": "m uhugeint, family_name varchar, line_name varchar",
    "known_level": "k uhugeint, age_days integer, told_on date, downloads double",
    "known_figure": lean_quality.KNOWN_COLUMNS,
    "known_day": "snapshot_date date, status varchar, daily_rise double",
}
KEPT = {
    "known_model": lean_models.KNOWN,
    "known_owner": "select organization, recorded_type from owner",
    "known_family": "from known_family union all from new_family",
    "known_level": "from level",
}


def run(today: Path, day: date, homes: Path, state: Path | None, folder: Path) -> dict[str, float]:
    """Compute, write and verify; gives seconds by step. `state` is yesterday's DuckDB file."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    begun = time.monotonic()

    def lap(name: str) -> None:
        nonlocal begun
        seconds[name] = time.monotonic() - begun
        begun = time.monotonic()

    connection = duckdb.connect()
    for setting in (
        "threads = 2",
        "memory_limit = '2.5GiB'",
        "enable_progress_bar = false",
        "preserve_insertion_order = false",
        f"temp_directory = '{folder / 'spill'}'",
    ):
        connection.execute(f"set {setting}")
    _open(connection, state, folder / DATABASE)
    days = connection.execute("select min(snapshot_date), max(snapshot_date) from known_day")
    first, before = days.fetchall()[0]
    if before is not None and (before != day - timedelta(days=1) or day - first >= timedelta(7)):
        raise SystemExit(f"a day after {before}, less than a week after {first}, is wanted: {day}")
    values = {
        "day": str(day),
        "before": str(before or day),
        "first": str(first or day),
        "today": str(today),
        "homes": str(homes),
        "seeds": str(SEEDS),
        "absent_on": "null" if before is None else f"date '{before}'",
        "is_measured": str(before is not None).lower(),
    }

    def execute(statement: str) -> None:
        for name, value in values.items():
            statement = statement.replace(f"{{{name}}}", value)
        connection.execute(re.sub(r"{earlier:(\w+)}", r"state.\1", statement))

    def make(name: str, *statements: str) -> None:
        for statement in statements:
            execute(statement)
        lap(name)

    make("read the day", lean_models.SEEDS, lean_claims.CLAIMS, lean_models.TODAY)
    execute("insert into out.fct_snapshot_quality_daily from {earlier:fct_snapshot_quality_daily}")
    lean_quality.ask(connection, today, day, before)
    lap("ask the snapshot")
    # First, for they name the day themselves.
    values = _judge(connection, day, first, before) | values
    make("classify", lean_models.CLASSES)
    make(
        "roots of lineage",
        lean_models.EDGES,
        lean_models.CYCLES,
        lean_models.STEPS,
        lean_models.ABSENT,
        lean_models.ROOTS,
    )
    make("downloads", lean_models.FACTS)
    make("releases and launches", lean_models.RELEASES, lean_models.LAUNCHES, lean_marts.WEEKS)
    make(
        "owners",
        lean_marts.CUTS,
        lean_marts.OWNERS,
        lean_marts.HEIRS,
        lean_marts.OWNER_SUMS,
        lean_marts.COUNTRY_SUMS,
    )
    make(
        "slices",
        lean_marts.CONTESTED,
        lean_marts.COUNTRY_SLICES,
        lean_marts.NAMED,
        lean_marts.ORGANIZATION_SLICES,
    )
    make(
        "families",
        lean_marts.TRACED,
        lean_marts.ROOT_NAMES,
        lean_marts.LARGE_OWNERS,
        lean_marts.FAMILY_NAMES,
        lean_marts.FAMILIES,
        lean_marts.INHERITED,
        lean_marts.DERIVATIVES,
        lean_marts.FAMILY_SUMS,
        lean_marts.FAMILY_SLICES,
    )
    make("counts", lean_marts.COUNTS, lean_marts.PLACED, lean_marts.LEVELS)
    _write(execute)
    lap("marts and the DuckDB file")
    execute(f"insert into out.known_day values (date '{day}', '{{state}}', {{rise}})")
    execute("insert into out.known_day from known_day")
    for name, query in KEPT.items():
        execute(f"insert into out.{name} {query}")
    lap("state")
    connection.execute("set preserve_insertion_order = true")
    for name in MARTS:
        connection.execute(f"copy out.{name} to '{folder / name}.parquet' (compression zstd)")
    connection.execute("checkpoint out")
    lap("Parquet twins")
    _verify(connection, folder)
    lap("verify")
    connection.close()
    return seconds


def _open(connection: duckdb.DuckDBPyConnection, state: Path | None, database: Path) -> None:
    """Attach the state, or an empty one, and the file to write."""
    database.unlink(missing_ok=True)
    connection.execute(f"attach '{database}' as out (storage_version 'v1.0.0')")
    if state is None:
        connection.execute("attach ':memory:' as state")
    else:
        connection.execute(f"attach '{state}' as state (read_only)")
    declared = STATE | {
        name: ", ".join(f"{column.name} {column.type}" for column in TABLES[name].columns)
        for name in MARTS
    }
    for name, columns in declared.items():
        for place in ["out"] + ["state"] * (state is None):
            connection.execute(f"create table {place}.{name} ({columns})")
    for name in STATE:
        connection.execute(
            f"create temp view {name.replace('known_model', 'known')} as from state.{name}"
        )


def _judge(
    connection: duckdb.DuckDBPyConnection, day: date, first: date | None, before: date | None
) -> dict[str, str]:
    """How the day's counters stand, which windows they tell, and how flows are read off them."""
    connection.execute(lean_models.STATUS.replace("{before}", str(before or day)))
    found = connection.execute("from status").fetchall()
    models, common, rise, fallen, large, frozen = found[0]
    if not models:
        raise SystemExit(f"the source records no downloadsAllTime on {day}")
    earlier = connection.execute(
        f"select status, daily_rise from known_day where snapshot_date >= date '{day}' - 15"
    ).fetchall()
    if any(status != "ok" for status, _ in earlier):
        raise SystemExit("the counters stood still before: what is spread is not computed here")
    rises = [one for _, one in earlier if one is not None]
    is_slow = len(rises) >= 3 and rise is not None and rise < 0.3 * statistics.median(rises)
    state, reason = "ok", None
    if common and fallen > 0.05 * common:
        state = "held"
        reason = "many counters fell at once: held until they come back or the fall is accepted"
    elif is_slow or (frozen >= 2 and frozen >= 0.25 * large):
        state, reason = "stalled", "the counters stood still: known when they move again"
    late = f"the counters are known since {first or day}, after the window begins"
    connection.execute(
        "create temp table measured_window "
        "(window_name varchar, reason varchar, is_uncorrected_known boolean)"
    )
    for name in lean_marts.WINDOWS:
        is_known = name not in lean_marts.FLOWS or (name == "1d" and before is not None)
        is_flow = name in lean_marts.FLOWS
        why = (reason if is_flow else None) or (None if is_known else late)
        connection.execute("insert into measured_window values (?, ?, ?)", [name, why, is_known])
    nothing = "null::double"
    return {
        "state": state,
        "rise": "null" if rise is None or not common else str(rise),
        "corrected": nothing if reason or before is None else lean_models.CORRECTED,
        "uncorrected": nothing if before is None else lean_models.UNCORRECTED,
        "first_usable": str(first or day),
        "last_usable": str(day if state == "ok" else before),
    }


def _write(execute: Callable[[str], None]) -> None:
    """Every mart, sorted by its grain; what is told of earlier days stays, but settles."""
    for name, query in MARTS.items():
        if not query:
            continue
        table = TABLES[name]
        columns = [column.name for column in table.columns]
        if name in DAILY:
            settled = (
                "* replace (is_provisional and snapshot_date > date '{day}' - 3 as is_provisional)"
            )
            kept = settled if "is_provisional" in columns else "*"
            execute(f"insert into out.{name} select {kept} from {{earlier:{name}}}")
        if name == "fct_claims":
            execute(lean_claims.MEASURES)
        execute(
            f"insert into out.{name} select {', '.join(columns)} from ({query}) "
            f"order by {', '.join(table.grain)}"
        )


def _verify(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The twins hold what the file holds, grains are unique, shares sum to one."""
    for name in MARTS:
        found = [
            connection.execute(
                f"select count(*), sum(hash({name})) from {source} as {name}"
            ).fetchall()
            for source in (f"out.{name}", f"'{folder / name}.parquet'")
        ]
        grain = ", ".join(TABLES[name].grain)
        repeated = connection.execute(
            f"select count(*) from (select 1 from out.{name} group by {grain} having count(*) > 1)"
        ).fetchall()
        if found[0] != found[1] or repeated != [(0,)]:
            raise SystemExit(f"{name} is not what was written: {found}, {repeated}")
    for name in ("country", "organization", "family"):
        off = connection.execute(
            "select max(abs(share - 1) - 0.5e-10 * shares) "
            "from (select sum(share_of_all) as share, count(*) as shares "
            f"from out.fct_{name}_share_daily group by snapshot_date, {lean_marts.SLICE})"
        ).fetchall()[0][0]
        if off is None or off > 1e-9:
            raise SystemExit(f"shares of fct_{name}_share_daily do not add up: {off}")


def main() -> None:
    """Run once and print the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("today", "homes", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("day", type=date.fromisoformat)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    seconds = run(given.today, given.day, given.homes, given.state, given.folder)
    for name, taken in seconds.items():
        print(f"{name}: {taken:.1f} s")
    print(f"in all: {sum(seconds.values()):.1f} s")


if __name__ == "__main__":
    main()
