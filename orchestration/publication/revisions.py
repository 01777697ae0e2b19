"""The log of revisions: what a published figure was, what it is, since when and why.

What belongs here: comparing the key figures of two generations, and carrying the log from
generation to generation. It cannot be derived from the raw snapshots: the newest generation
that was shown holds its only copy. Which change is allowed is gate 3's question.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import dropwhile, pairwise
from pathlib import Path

import duckdb

from orchestration.database import literal, literals
from orchestration.errors import Refusal
from orchestration.gates.tables import TABLES
from orchestration.home import Home
from orchestration.publication import weeks
from orchestration.publication.generation import (
    Manifest,
    attached,
    columns_of,
    is_damaged,
    read_manifest,
)
from orchestration.publication.showings import Showing

log = logging.getLogger(__name__)

TABLE = "fct_revisions"

# What stands for many: all of a day that was not there before, and changes too small to be seen.
ALL = "(all)"
ROUNDING = "(rounding)"

NEW_DAY = "first published"
LATE_DATA = "late data"
NEW_MAPPING = "new mapping"
NEW_RULE = "new rule"
CORRECTED_COUNTER = "corrected counter"
ROLLED_BACK = "rolled back"
SHOWN_AGAIN = "shown again"
UNEXPLAINED = "unexplained"

# Counters of older days are settled: at most 16 snapshots wait for a later one.
_UNSETTLED = timedelta(days=31)
_FLOW_WINDOWS = ("1d", "7d", "28d", "365d")


@dataclass(frozen=True)
class Figure:
    """A published column whose changes are told.

    `step` is the last digit that is shown of it, None for words. Where both values are below
    `least` nothing is told. `where` chooses among the rows of the table, and over the column
    `summed_over` of its grain they are summed.
    """

    table: str
    column: str
    step: float | None
    where: str = "true"
    least: float = 0
    summed_over: str = ""

    @property
    def key(self) -> list[str]:
        """The columns that name a figure of a day."""
        grain = TABLES[self.table].grain
        return [name for name in grain if name not in ("snapshot_date", self.summed_over)]


# Bounded: what one quotes. A home that moves from one country to another in the seed gives some
# 150 rows a day of history; bands and ranks follow from these, and would give thousands.
FIGURES = (
    Figure("fct_country_share_daily", "share_of_all", 0.001),
    Figure(
        "fct_organization_share_daily",
        "share_of_all",
        0.001,
        where="cohort = 'all' and scope = 'all'",
        summed_over="country_key",
    ),
    Figure(
        "fct_family_share_daily",
        "share_of_all",
        0.001,
        where="cohort = 'all' and scope = 'all'",
    ),
    Figure("fct_mapping_coverage_daily", "downloads_attributed_share", 0.001),
    Figure("fct_organization_cadence_daily", "launches_365d", 1, least=12),
    Figure("fct_claims", "verdict_today", None),
    Figure("fct_claims", "verdict_for_period", None),
)

COMMENTS = {
    "": "What a published figure of a past day was, what it is, since when and why.",
    "recorded_at": "When the new value was published, UTC.",
    "table_name": "The table of the figure; (all) where a whole day was published.",
    "column_name": "The column of the figure; (all) where the key stands for many.",
    "snapshot_date": "The day that the figure is of.",
    "key": "What names the figure beside the day, joined by | in the order of the table's columns "
    "(of an organization without its country). (all): the day was not there before. "
    "(rounding): figures that changed, but not in the digits that are shown.",
    "old_value": "What was published; null where nothing was, or where it is words.",
    "new_value": "What is published since.",
    "old_text": "What was published, where it is words.",
    "new_text": "What is published since, where it is words.",
    "changes_count": "How many figures the row stands for: 1, or those of (rounding), of which "
    "old_value and new_value are the one that changed most.",
    "reason": "first published, late data (the day's records, or another day's, came or were "
    "corrected since), new mapping (a seed changed), new rule (a model or a claim changed), "
    "corrected counter (later snapshots told what a counter was), rolled back or shown again (a "
    "generation was put back), unexplained. Several where several changed at once.",
}


def write(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    seen: Path | None,
    shown: Sequence[Showing],
    manifest: Manifest,
) -> list[str]:
    """Write the log of the attached database `candidate`, which `manifest` describes.

    It is that of the newest generation that was shown, what went back and forth since, and what
    the candidate changes against `seen`, which readers see now. Gives the generations that were
    shown and are damaged or gone: what they alone had logged, or showed in between, is lost.
    """
    columns = ", ".join(f"{column.name} {column.type}" for column in TABLES[TABLE].columns)
    connection.execute(f"create temp table {TABLE} ({columns})")
    if seen is None:
        lost = [max(one.generation for one in shown)] if shown else []
        changes = _Changes(known=[], added=dict.fromkeys(manifest["snapshot_dates"], NEW_DAY))
        _record(connection, changes, "candidate", manifest["published_at"])
    else:
        newest, since, lost = _taken_over(connection, home, seen, shown)
        _log_until_now(connection, home, newest, since)
        ever = _days(read_manifest(newest))
        with attached(connection, before=seen):
            changes = _Changes.between(read_manifest(seen), manifest, ever)
            _record(connection, changes, "candidate", manifest["published_at"])
    for name in lost:
        log.warning(
            "generation %s, which readers saw, cannot be read: the revisions that it alone has "
            "logged are lost",
            name,
        )
    connection.execute(
        f"create table candidate.main.{TABLE} as "
        f"select * from temp.{TABLE} order by {', '.join(TABLES[TABLE].grain)}"
    )
    connection.execute(f"drop table temp.{TABLE}")
    for column, comment in COMMENTS.items():
        target = f"column candidate.main.{TABLE}.{column}" if column else ""
        target = target or f"table candidate.main.{TABLE}"
        connection.execute(f"comment on {target} is {literal(comment)}")
    return lost


def _taken_over(
    connection: duckdb.DuckDBPyConnection, home: Home, seen: Path, shown: Sequence[Showing]
) -> tuple[Path, list[Showing], list[str]]:
    """The generation whose log is taken over, what was shown since, and what of both is lost.

    It is the newest that can be read. Of `seen` that is not asked: where it is damaged, publishing
    is refused, and an operator decides whether its log is given up.
    """

    @cache
    def is_lost(name: str) -> bool:
        return name != seen.name and _is_lost(connection, home.published / name)

    names = sorted({seen.name, *(one.generation for one in shown)}, reverse=True)
    newest = next(name for name in names if not is_lost(name))
    since = list(dropwhile(lambda one: one.generation != newest, shown))
    asked = {*names[: names.index(newest)], *(one.generation for one in since)}
    readable = [one for one in since if not is_lost(one.generation)]
    return home.published / newest, readable, sorted(filter(is_lost, asked))


def _is_lost(connection: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    """Whether damage hides the log or the figures; a Refusal where they are only out of reach."""
    try:
        read_manifest(folder)
        with attached(connection, before=folder):
            found = columns_of(connection, "before", "main")
            for name in found.keys() & {TABLE, *(figure.table for figure in FIGURES)}:
                connection.execute(f"select sum(hash(t)) from before.main.{name} as t").fetchall()
    except Refusal:
        if is_damaged(folder):
            return True
        raise
    return False


def _log_until_now(
    connection: duckdb.DuckDBPyConnection, home: Home, newest: Path, since: Sequence[Showing]
) -> None:
    """Take over the log that `newest` holds, and what was put back and shown again since."""
    with attached(connection, before=newest):
        if TABLE in columns_of(connection, "before", "main"):
            connection.execute(f"insert into temp.{TABLE} by name from before.main.{TABLE}")
    ever = _days(read_manifest(newest))
    for old, new in pairwise(since):
        if new.generation == old.generation:
            continue
        folders = [home.published / one.generation for one in (old, new)]
        with attached(connection, before=folders[0], after=folders[1]):
            reason = ROLLED_BACK if new.generation < old.generation else SHOWN_AGAIN
            before, after = map(read_manifest, folders)
            changes = _Changes.between(before, after, ever, because=reason)
            _record(connection, changes, "after", new.shown_at.isoformat())


def _days(manifest: Manifest) -> set[str]:
    return set(manifest["snapshot_dates"])


@dataclass(frozen=True)
class _Changes:
    """What lies between two generations: days, and what could have changed their figures.

    `known` days were published before, `added` ones were not, each with its reason. `replaced`
    are those whose records are others, or came late, or went; the `same_weeks` of a table are
    those in which it did not change. `causes` hold of every figure;
    `unsettled` is the first day whose counters later snapshots may have told, None where none
    came.
    """

    known: Collection[str]
    added: Mapping[str, str]
    replaced: Collection[str] = ()
    causes: Sequence[str] = ()
    claim_changed: bool = False
    unsettled: date | None = None
    otherwise: str = UNEXPLAINED
    same_weeks: Mapping[str, Collection[str]] = field(default_factory=dict)

    @classmethod
    def between(
        cls, before: Manifest, after: Manifest, ever: set[str], *, because: str = ""
    ) -> _Changes:
        """The changes from `before` to `after`; `ever` are days that readers once saw.

        `because` is the reason of all of them, where it is known.
        """
        old, new = _days(before), _days(after)
        newest = max(old, default="")
        same = {
            figure.table: weeks.same(before, after, figure.table)
            for figure in FIGURES
            if figure.table in after["tables"]
        }
        if because:
            added = dict.fromkeys(new - old, because)
            return cls(sorted(old), added, otherwise=because, same_weeks=same)
        added = {
            day: SHOWN_AGAIN if day in ever else LATE_DATA if day < newest else NEW_DAY
            for day in sorted(new - old)
        }
        contents = [
            {one["snapshot_date"]: one["content_sha256"] for one in manifest["sources"]}
            for manifest in (before, after)
        ]
        other = {day for day in old & new if contents[0].get(day) != contents[1].get(day)}
        late = {day for day, reason in added.items() if reason == LATE_DATA}
        changed = _changed_parts(before, after)
        return cls(
            known=sorted(old),
            added=added,
            replaced=sorted(other | late | (old - new)),
            causes=[
                reason
                for reason, part in ((NEW_MAPPING, "mapping"), (NEW_RULE, "rules"))
                if part in changed
            ],
            claim_changed="claims" in changed,
            unsettled=date.fromisoformat(newest) - _UNSETTLED
            if newest and max(new, default="") > newest
            else None,
            # Who an owner is, is asked later than a day is published.
            otherwise=LATE_DATA if "owners" in changed else UNEXPLAINED,
            same_weeks=same,
        )

    def reason(self, figure: Figure) -> str:
        """SQL of the reason of a changed figure, from its `snapshot_date` and `key`."""
        if self.otherwise in (ROLLED_BACK, SHOWN_AGAIN):
            return literal(self.otherwise)
        # Figures of one day's counters change with that day's records alone.
        of_flows = "true"
        if "window_name" in TABLES[figure.table].grain:
            of_flows = f"list_contains({literals(_FLOW_WINDOWS)}, split_part(key, '|', 1))"
        found = []
        if self.replaced:
            own = f"list_contains({literals(self.replaced)}::date[], snapshot_date)"
            found.append(f"if({own} or {of_flows}, {literal(LATE_DATA)}, null)")
        found += [literal(cause) for cause in self.causes]
        if self.claim_changed and figure.table == "fct_claims" and NEW_RULE not in self.causes:
            found.append(literal(NEW_RULE))
        if self.unsettled is not None:
            is_recent = f"snapshot_date >= date '{self.unsettled}'"
            found.append(f"if({is_recent} and {of_flows}, {literal(CORRECTED_COUNTER)}, null)")
        if not found:
            return literal(self.otherwise)
        together = f"concat_ws(' or ', {', '.join(found)})"
        return f"coalesce(nullif({together}, ''), {literal(self.otherwise)})"


def _changed_parts(before: Manifest, after: Manifest) -> set[str]:
    """Which of the parts that a build is made from are others."""
    old, new = before.get("built_from"), after.get("built_from")
    if old and new:
        return {part for part in new if new[part] != old.get(part)}
    return {"rules"} if before["code_version"] != after["code_version"] else set()


def _record(
    connection: duckdb.DuckDBPyConnection, changes: _Changes, after: str, recorded_at: str
) -> None:
    """Add to the log what the database `after` changes against the database `before`."""
    at = datetime.fromisoformat(recorded_at).astimezone(UTC).replace(tzinfo=None)
    connection.execute(
        f"insert into temp.{TABLE} by name select $at as recorded_at, '{ALL}' as table_name, "
        f"'{ALL}' as column_name, unnest($days)::date as snapshot_date, '{ALL}' as key, "
        "1 as changes_count, unnest($reasons) as reason",
        {"at": at, "days": list(changes.added), "reasons": list(changes.added.values())},
    )
    for figure in FIGURES:
        tables = [columns_of(connection, database, "main") for database in ("before", after)]
        if changes.known and all(
            figure.column in dict(found.get(figure.table, ())) for found in tables
        ):
            connection.execute(_figures_that_changed(figure, changes, after), {"at": at})


def _figures_that_changed(figure: Figure, changes: _Changes, after: str) -> str:
    """Rows of what differs, on the days that differ at all: those are found by a sum of hashes."""
    key = f"concat_ws('|', {', '.join(figure.key)})"
    value = f"sum({figure.column})" if figure.summed_over else f"any_value({figure.column})"
    # A list is searched for each row: 0.7 s for the 400,000 rows of a year of countries.
    days = (
        f"not {weeks.is_in(changes.same_weeks.get(figure.table, ()))} "
        f"and snapshot_date in (select unnest({literals(changes.known)}::date[]))"
    )

    def rows(database: str) -> str:
        return f"""(
            select snapshot_date, {key} as key, {value} as value
            from {database}.main.{figure.table}
            where {figure.where} and snapshot_date in (from days_that_differ)
            group by all
        )"""

    def sums(database: str) -> str:
        shown = figure.column
        if figure.step is not None:
            shown = f"round({figure.column}, 12)"
        return f"""(
            select snapshot_date, sum(hash({", ".join(figure.key)}, {shown})) as content
            from {database}.main.{figure.table} where {figure.where} and {days} group by all
        )"""

    if figure.step is None:
        differs, is_seen, size = "true", "true", "0"
        values = "null as old_value, null as new_value, was as old_text, now as new_text"
    else:
        size = "abs(coalesce(now, 0) - coalesce(was, 0))"
        # Sums of doubles differ in their last digits from build to build.
        differs = (
            f"{size} > 1e-9 and greatest(coalesce(was, 0), coalesce(now, 0)) >= {figure.least}"
        )
        # What is not there is nothing, and 0.0 % is nothing too.
        is_seen = (
            f"round(coalesce(was, 0) / {figure.step}) <> round(coalesce(now, 0) / {figure.step})"
        )
        values = "was as old_value, now as new_value, null as old_text, null as new_text"
    return f"""
    insert into temp.{TABLE} by name
    with days_that_differ as (
        select snapshot_date from {sums("before")} as before
        full join {sums(after)} as after using (snapshot_date)
        where before.content is distinct from after.content
    ),
    changes as (
        select snapshot_date, key, before.value as was, after.value as now, {is_seen} as is_seen,
            {size} as size, {changes.reason(figure)} as reason
        from {rows("before")} as before full join {rows(after)} as after
            using (snapshot_date, key)
        where was is distinct from now and {differs}
    )
    select $at as recorded_at, '{figure.table}' as table_name, '{figure.column}' as column_name,
        snapshot_date, key, {values}, 1 as changes_count, reason
    from changes where is_seen
    union all by name
    select $at as recorded_at, '{figure.table}' as table_name, '{ALL}' as column_name,
        snapshot_date, '{ROUNDING}' as key, arg_max_null(was, size) as old_value,
        arg_max_null(now, size) as new_value, count(*) as changes_count,
        arg_max_null(reason, size) as reason
    from changes where not is_seen group by snapshot_date
    """
