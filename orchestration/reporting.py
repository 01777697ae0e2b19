"""What is published, told on a terminal: the table of country shares.

What belongs here: reading `published/current` and putting it in words. Nothing here needs
Dagster or dbt, so it works when they do not. The state of a home is `status.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from orchestration import provisional
from orchestration.database import connect
from orchestration.errors import Refusal
from orchestration.gates import quarantine
from orchestration.home import Home, Universe
from orchestration.lead import could_be_first
from orchestration.printable import printable
from orchestration.publication import generation, showings
from orchestration.snapshots import store

BARS = "▁▂▃▄▅▆▇█"
HISTORY_DAYS = 30


def published_folder(home: Home) -> Path:
    """The folder of the current generation; a Refusal where there is none."""
    folder = generation.current(home)
    if folder is None and (last := showings.last_seen(home)):
        raise Refusal(
            "the link to the generation that readers see is gone, or leads to none",
            file=home.published / generation.CURRENT,
            cure=f"run `observatory rollback {last.name}`, or publish again",
        )
    if folder is None:
        raise Refusal(
            "nothing is published in this home yet",
            file=home.published,
            cure="run `make run` or `observatory backfill` first; where another home was meant, "
            "name it: after `make demo`, `export OBSERVATORY_HOME=data/demo`",
        )
    return folder


@dataclass(frozen=True)
class Slice:
    """The slice of the marts that a table shows."""

    window_name: str = "30d"
    attribution: str = "publisher"
    cohort: str = "all"
    scope: str = "all"


@dataclass(frozen=True)
class CountryShares:
    """One day's largest shares by country, its coverage, and how each share moved.

    The `history` of a row has a share for each of the last 30 days, null where none was measured;
    it begins with the publication, where that is younger.
    `rows_left` is how many smaller rows the slice has, `countries` are the countries among all of
    them, `provisional_days` says how many of its newest days later snapshots may still repair.
    """

    snapshot_date: date
    universe: Universe
    slice: Slice
    rows: list[dict[str, Any]]
    rows_left: int
    countries: list[dict[str, Any]]
    coverage: dict[str, Any]
    provisional_days: int

    @property
    def leaders(self) -> list[dict[str, Any]]:
        """The two largest countries."""
        return self.countries[:2]

    @property
    def rest(self) -> float | None:
        """What the rows that are left out have together, as a share of all; null as theirs is."""
        known = [row["share_of_all"] for row in self.rows if row["share_of_all"] is not None]
        # Shares end at the tenth decimal; behind it a difference shows a float's noise.
        return max(round(1 - sum(known), 10), 0.0) if known else None

    @property
    def who_leads(self) -> str:
        """The answer in one sentence; see `who_leads`."""
        if self.rest is not None and not any(row["share_of_all"] for row in self.countries):
            return "no download has a country"
        return who_leads(self.countries)

    def to_dict(self) -> dict[str, Any]:
        return {
            "snapshot_date": self.snapshot_date.isoformat(),
            "universe": {"kind": self.universe.kind, "name": self.universe.name},
            "is_generated": self.universe.is_generated,
            **self.slice.__dict__,
            "is_provisional": self.provisional_days > 0,
            "provisional_days": self.provisional_days,
            "coverage": self.coverage,
            "who_leads": self.who_leads,
            "countries": self.rows,
            "rows_left": self.rows_left,
            "share_of_rows_left": self.rest if self.rows_left else 0.0,
        }


def country_shares(home: Home, chosen: Slice, most: int = 15) -> CountryShares:
    """The newest shares by country of the current generation, largest first."""
    folder = published_folder(home)
    manifest = generation.read_manifest(folder)
    universe = Universe(manifest["universe"]["kind"], manifest["universe"]["name"])
    keys = [chosen.window_name, chosen.attribution, chosen.cohort, chosen.scope]
    where = "window_name = ? and attribution = ? and cohort = ? and scope = ?"
    database = folder / generation.DATABASE
    with generation.reading(folder), connect(database, read_only=True) as connection:
        oldest, newest = connection.execute(
            "select min(snapshot_date), max(snapshot_date) from fct_country_share_daily"
        ).fetchone() or (None, None)
        found = connection.execute(
            f"""
            select country_key, country_name, rank, downloads, models_count, share_of_all,
                share_of_all_low, share_of_all_high, share_of_attributed,
                share_of_all_without_largest_model, share_change_7d, null_reason,
                (select map(list(past.snapshot_date), list(past.share_of_all))
                    from fct_country_share_daily as past
                    where {where} and past.country_key = now.country_key
                        and past.snapshot_date > now.snapshot_date - {HISTORY_DAYS}) as history
            from fct_country_share_daily as now join dim_countries using (country_key)
            where {where} and snapshot_date = ?
            order by downloads desc nulls last, country_key
            """,
            [*keys, *keys, newest],
        )
        names = [item[0] for item in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        covered = connection.execute(
            "select downloads_attributed_share, downloads_accounted_share, "
            "downloads_with_known_lineage_share, organizations_mapped_count, "
            f"unattributed_top_organization from fct_mapping_coverage_daily where {where} "
            "and snapshot_date = ?",
            [*keys, newest],
        )
        names = [item[0] for item in covered.description]
        row = covered.fetchone()
        (provisional_days,) = connection.execute(
            "select max(snapshot_date) - min(snapshot_date) + 1 "
            f"from fct_country_share_daily where {where} and is_provisional "
            "and share_of_all is not null having max(snapshot_date) = ?",
            [*keys, newest],
        ).fetchone() or (0,)
    if newest is None or row is None:
        raise Refusal(
            "the current generation holds no shares of this slice",
            file=folder / generation.DATABASE,
            cure="`observatory verify` tells whether the generation is damaged",
        )
    begin = max(oldest, newest - timedelta(HISTORY_DAYS - 1))
    days = [begin + timedelta(place) for place in range((newest - begin).days + 1)]
    for one in rows:
        one["history"] = [one["history"].get(day) for day in days]
    return CountryShares(
        newest,
        universe,
        chosen,
        rows=rows[:most],
        rows_left=len(rows[most:]),
        # Rows that are no countries have no band.
        countries=[row for row in rows if row["share_of_all_low"] is not None],
        coverage=dict(zip(names, row, strict=True)),
        provisional_days=provisional_days,
    )


def spark_line(values: list[float | None], gap: str = " ") -> str:
    """The values as a line of bars, from their smallest to their largest; null is a `gap`."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        gap if value is None else BARS[round((value - low) / span * (len(BARS) - 1))]
        for value in values
    )


def bar(value: float, largest: float, width: int = 16) -> str:
    """`value` as a bar; that of `largest` has `width` characters, each in eighths."""
    eighths = round(value / largest * width * 8) if largest else 0
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[part - 1] if part else "")


def percent(value: float | None) -> str:
    """A share as people read it; null is a dash, never 0."""
    return "-" if value is None else f"{value:.1%}"


def points(value: float | None) -> str:
    """A difference of two shares in percentage points; null is a dash, never 0."""
    return "-" if value is None else f"{value * 100:+.2f}"


def who_leads(countries: Sequence[dict[str, Any]]) -> str:
    """The two largest of `countries`, and whether the first is so for sure, or who could be."""
    if not countries:
        return "nobody can be measured yet"
    first, others = countries[0], countries[1:]
    told = [
        f"{row['country_name']} {percent(row['share_of_all'])} "
        f"({percent(row['share_of_all_low'])} to {percent(row['share_of_all_high'])})"
        for row in countries[:2]
    ]
    if not others or not others[0]["share_of_all"]:
        return f"{told[0]}, and no other country has any"
    level = others[0]["rank"] == first["rank"]
    text = (" level with " if level else " before ").join(told)
    rival = could_be_first(countries)
    if rival is None:
        return f"{text}, beyond doubt"
    if rival is not others[0]:
        most = percent(rival["share_of_all_high"])
        return f"{text}, but {rival['country_name']} could be first (up to {most})"
    return text if level else f"{text}, not beyond doubt"


def shares_table(shares: CountryShares, width: int = 120) -> Table:
    """The table of country shares, its scope in the title, below it who leads and the coverage.

    The share and its band are always there; the rest as far as `width` (characters) allows.
    """
    chosen = shares.slice
    label = "GENERATED WORLD, not the real Hub: " if shares.universe.is_generated else ""
    title = (
        f"{label}share of downloads by country, {shares.snapshot_date} ({shares.universe})",
        f"window {chosen.window_name}, attribution {chosen.attribution}, "
        f"cohort {chosen.cohort}, scope {chosen.scope}",
        provisional.told(shares.provisional_days),
    )
    table = Table(
        title="\n".join(filter(None, title)),
        caption="\n".join(
            filter(None, [_rest_line(shares), shares.who_leads, _coverage_line(shares)])
        ),
        title_justify="left",
        caption_justify="left",
    )
    drawn = max((len(row["history"]) for row in shares.rows), default=0)
    line = f"last {drawn} days"
    columns: list[tuple[str, int, Callable[[dict[str, Any]], str]]] = [
        ("of all", 6, lambda row: percent(row["share_of_all"])),
        ("band", 14, _band),
        ("7 days, points", 14, lambda row: points(row["share_change_7d"])),
        (line, HISTORY_DAYS, lambda row: spark_line(row["history"])),
        ("of attributed", 13, lambda row: percent(row["share_of_attributed"])),
        ("without largest", 15, lambda row: percent(row["share_of_all_without_largest_model"])),
        ("downloads", 13, lambda row: _count(row["downloads"])),
    ]
    table.add_column("country", max_width=28, no_wrap=True)
    left = width - 33
    for heading, room, _ in columns:
        left -= room + 3
        if left < 0:
            break
        is_line = heading == line
        table.add_column(
            heading, justify="left" if is_line else "right", no_wrap=True, min_width=room
        )
    shown = columns[: len(table.columns) - 1]
    for row in shares.rows:
        table.add_row(row["country_name"], *(cell(row) for _, _, cell in shown))
    return table


def _rest_line(shares: CountryShares) -> str:
    """What the rows that are not shown have together; nothing where all are shown."""
    if not shares.rows_left:
        return ""
    return f"{shares.rows_left} smaller rows, not shown: {percent(shares.rest)} together"


def _band(row: dict[str, Any]) -> str:
    if row["share_of_all_low"] is None:
        return "-"
    return f"{percent(row['share_of_all_low'])} - {percent(row['share_of_all_high'])}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _coverage_line(shares: CountryShares) -> str:
    coverage = shares.coverage
    # Where others are measured, the reason is that of a row.
    is_measured = any(row["share_of_all"] is not None for row in shares.rows)
    reasons = {
        f"{row['country_name']}, {row['null_reason']}" if is_measured else row["null_reason"]
        for row in shares.rows
        if row["null_reason"]
    }
    text = (
        f"coverage: {percent(coverage['downloads_attributed_share'])} of the downloads have a "
        f"country, {percent(coverage['downloads_with_known_lineage_share'])} a known lineage; "
        f"{_count(coverage['organizations_mapped_count'])} organizations mapped"
    )
    return text + (f"\nnot measurable: {'; '.join(sorted(reasons))}" if reasons else "")


def set_aside(home: Home, day: date | None = None) -> list[dict[str, Any]]:
    """The rows in quarantine of `day`, or of every sealed day, each with its number and reason."""
    days = [day] if day else [one.snapshot_date for one in store.list_sealed(home)]
    return [
        {"snapshot_date": one.isoformat(), **asdict(row), "why": row.why}
        for one in days
        for row in quarantine.held(home, one)
    ]


def set_aside_table(rows: list[dict[str, Any]]) -> Table:
    """Rows in quarantine on one screen; what they held is shown in its first characters."""
    table = Table(title="Rows set aside" if rows else "No row is set aside", title_justify="left")
    for heading in ("day", "row", "reason", "field", "downloads", "content"):
        table.add_column(heading, justify="right" if heading in ("row", "downloads") else "left")
    for row in rows:
        table.add_row(
            row["snapshot_date"],
            str(row["number"]),
            escape(row["reason"]),
            escape(row["field"] or "-"),
            _count(row["downloads"]),
            escape(printable(row["content"])[:200]),
        )
    return table
