"""The state of a home on one screen: days, gates, freshness, generation, coverage, next run.

What belongs here: reading what lies in a home and saying how it is. Nothing here needs Dagster
or dbt, and what is damaged is told among the rest: this is where one looks when nothing works.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from orchestration import due, reporting
from orchestration.alerts.journal import Journal
from orchestration.errors import Refusal
from orchestration.gates import verdicts
from orchestration.gates.outcome import blocked
from orchestration.home import Home
from orchestration.hub import aside
from orchestration.publication import generation, refusals
from orchestration.publication.freshness import STALE_AFTER, ages
from orchestration.publication.generation import Manifest
from orchestration.snapshots import store

T = TypeVar("T")

# When the schedule starts a day's run; while the day is due, it asks again every hour.
DAILY_RUN_AT = time(6, 0, tzinfo=UTC)
_SHOWN_DAYS = 7
_SHOWN_ALERTS = 3


def status(home: Home, now: datetime | None = None) -> dict[str, Any]:
    """The state of a home as plain values; `now` (UTC) is by default that of the clock."""
    now = now or datetime.now(UTC)
    trouble: list[str] = []
    sealed = _or_trouble(trouble, lambda: store.list_sealed(home)) or []
    universe = _or_trouble(trouble, home.universe)
    no_next_run = due.out_of_reach(universe)
    kept = generation.generations(home)
    is_begun = bool(kept) or (home.published / generation.CURRENT).exists()
    folder = _or_trouble(trouble, lambda: reporting.published_folder(home)) if is_begun else None
    manifest = _or_trouble(trouble, lambda: generation.read_manifest(folder)) if folder else None
    newest = max((day.snapshot_date for day in sealed), default=None)
    published = [date.fromisoformat(day) for day in manifest["snapshot_dates"]] if manifest else []
    shares = (
        _or_trouble(trouble, lambda: reporting.country_shares(home, reporting.Slice()))
        if published
        else None
    )
    days = [_day(home, day, published) for day in sealed]
    return {
        "home": str(home.root),
        "universe": str(universe) if universe else None,
        "is_generated": universe.is_generated if universe else False,
        "in_use_by": home.holder(),
        "sealed_days": len(sealed),
        "newest_sealed_day": newest.isoformat() if newest else None,
        "age_days": (now.date() - newest).days if newest else None,
        "last_days": days[-_SHOWN_DAYS:],
        "refused_days": [
            {name: day[name] for name in ("snapshot_date", "failed_checks")}
            for day in days
            if day["gate"] == "refused"
        ],
        "generation": manifest["generation"] if manifest else None,
        "generations_kept": kept,
        "refused_crawls": _or_trouble(trouble, lambda: _refused_crawls(home, newest)) or [],
        "refused_publication": refusals.describe(home),
        "published_days": len(published),
        "first_published_day": published[0].isoformat() if published else None,
        "newest_published_day": published[-1].isoformat() if published else None,
        "freshness": _freshness(manifest, published, now.date()),
        "published_age_days": (now.date() - published[-1]).days if published else None,
        "coverage": shares.coverage if shares else None,
        "leaders": shares.leaders if shares else [],
        "who_leads": shares.who_leads if shares else reporting.who_leads([]),
        "next_run": None if no_next_run else _next_run(home, now).isoformat(),
        "no_next_run": no_next_run,
        "last_alerts": _or_trouble(trouble, lambda: Journal(home.alerts).last(_SHOWN_ALERTS)) or [],
        "trouble": trouble,
    }


def _or_trouble(trouble: list[str], read: Callable[[], T]) -> T | None:
    """What `read` gives; where it cannot be read, the words of it join `trouble`."""
    try:
        return read()
    except (Refusal, duckdb.Error) as problem:
        trouble.append(str(problem))
        return None


def _freshness(manifest: Manifest | None, published: list[date], today: date) -> str | None:
    """fresh or stale; recorded where nothing newer is to be had."""
    if manifest is None or not published:
        return None
    if not ages(manifest):
        return "recorded"
    return "stale" if today - published[-1] >= STALE_AFTER else "fresh"


def _refused_crawls(home: Home, newest: date | None) -> list[dict[str, Any]]:
    """The last refusal of each day that was crawled and set aside, after the `newest` sealed."""
    by_day = {one.snapshot_date: one for one in aside.found(home, store.MODELS)}
    return [
        {
            "snapshot_date": day.isoformat(),
            "refused_at": one.at.isoformat(timespec="seconds"),
            "failed_checks": one.failed.split(", "),
            "reason": one.in_short,
            "folder": str(one.folder),
        }
        for day, one in by_day.items()
        if newest is None or day > newest
    ]


def _next_run(home: Home, now: datetime) -> datetime:
    first = datetime.combine(now.date(), DAILY_RUN_AT)
    hours = [first + timedelta(hours=n) for n in range(24 - DAILY_RUN_AT.hour)]
    ahead = [hour for hour in hours if hour > now]
    with contextlib.suppress(Refusal):
        sealed = due.had(home, now.date())
        ahead = [hour for hour in ahead if due.settled(home, now.date(), sealed, hour) is None]
    return ahead[0] if ahead else first + timedelta(days=1)


def _day(home: Home, day: store.Sealed, published: list[date]) -> dict[str, Any]:
    verdict = verdicts.kept(home, day)
    return {
        "snapshot_date": day.snapshot_date.isoformat(),
        "rows": day.rows,
        "downloads_30d": day.downloads,
        "rows_quarantined": day.rows_quarantined,
        "source": day.source["kind"],
        "version": day.version,
        "gate": "not judged" if verdict is None else "passed" if verdict.passed else "refused",
        "failed_checks": [one.name for one in blocked(verdict.outcomes)] if verdict else [],
        "published": day.snapshot_date in published,
    }


def screen(found: dict[str, Any]) -> Group:
    """The state of a home for a terminal of 80 columns and 24 lines."""
    days = Table(
        title=escape(_title(found)), title_justify="left", box=SIMPLE_HEAD, show_edge=False
    )
    for heading in ("day", "models", "downloads (30 d)", "set aside", "source", "gate 1", "shown"):
        numeric = heading in ("models", "downloads (30 d)", "set aside")
        days.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for day in found["last_days"]:
        failed = ", ".join(day["failed_checks"])
        days.add_row(
            day["snapshot_date"],
            f"{day['rows']:,}",
            f"{day['downloads_30d']:,}",
            f"{day['rows_quarantined']:,}",
            day["source"],
            f"[red]{day['gate']}: {failed}[/red]" if failed else day["gate"],
            "yes" if day["published"] else "no",
        )
    facts = Table.grid(padding=(0, 2))
    for name, words in _facts(found):
        facts.add_row(f"[bold]{name}[/bold]", escape(words))
    return Group(days, "", facts)


def _title(found: dict[str, Any]) -> str:
    label = "GENERATED WORLD, not the real Hub: " if found["is_generated"] else ""
    return f"{label}{found['universe'] or 'a home without a universe yet'}\n{found['home']}"


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    coverage = found["coverage"]
    kept = len(found["generations_kept"])
    shown = (
        f"{found['generation']}: {found['published_days']} of {found['sealed_days']} sealed days, "
        f"{found['first_published_day']} to {found['newest_published_day']}; {kept} kept"
        if found["generation"]
        else f"nothing yet; {found['sealed_days']} days are sealed"
    )
    return [
        (
            "who leads",
            f"{found['who_leads']}, of 30 days' downloads by publisher",
        ),
        (
            "coverage",
            f"{reporting.percent(coverage['downloads_attributed_share'])} of the downloads have a "
            f"country, {reporting.percent(coverage['downloads_with_known_lineage_share'])} a known "
            "lineage"
            if coverage
            else "-",
        ),
        ("freshness", _age(found)),
        ("published", shown),
        (
            "next run",
            f"{found['next_run'][:16]} UTC, where `make dev` runs"
            if found["next_run"]
            else f"none: {found['no_next_run']}",
        ),
        ("in use by", found["in_use_by"] or "nobody"),
        *(("refused", words) for words in _refused_before(found)),
        *(
            (
                "refused",
                f"crawl of {one['snapshot_date']} refused: {_cut(one['reason'])}",
            )
            for one in found["refused_crawls"]
        ),
        *(
            [("refused", f"since {found['refused_publication']}")]
            * bool(found["refused_publication"])
        ),
        *(
            ("alert", f"{alert['raised_at'][:16]} {_cut(alert['text'])}")
            for alert in found["last_alerts"]
        ),
        *(("trouble", words) for words in found["trouble"]),
    ]


def _refused_before(found: dict[str, Any]) -> list[str]:
    """The refused days before those of the table: the newest, and how many more there are."""
    shown = {day["snapshot_date"] for day in found["last_days"]}
    before = [day for day in found["refused_days"] if day["snapshot_date"] not in shown]
    if not before:
        return []
    *more, newest = before
    words = f"{newest['snapshot_date']}: {', '.join(newest['failed_checks'])}"
    return [words + (f"; and {len(more)} before it, which --json lists" if more else "")]


def _age(found: dict[str, Any]) -> str:
    age, newest = found["published_age_days"], found["newest_published_day"]
    match found["freshness"]:
        case None:
            return "-"
        case "recorded":
            return f"days that do not age, the newest {newest}"
        case state:
            return f"{state}: the newest published day is {newest}, {age} days ago"


def _cut(text: str, most: int = 140) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
