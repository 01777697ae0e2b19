"""The alert rules: each reads a home as it is and tells what people should know.

What belongs here: one function a rule, without memory. Whether an alert was told before is the
journal's. What happened is news for `NEWS` days of data: a back-fill of two years is none.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.database import connect
from orchestration.gates import verdicts
from orchestration.gates.outcome import CheckOutcome, blocked
from orchestration.home import Home, Universe
from orchestration.hub import aside
from orchestration.publication import generation, refusals, showings
from orchestration.publication.freshness import STALE_AFTER, ages
from orchestration.snapshots import store

NEWS = timedelta(days=14)
COVERAGE_FALL = 0.02
# Near the bottom neighbours pass each other daily: 32 times in a fortnight of one world.
WORTH_TELLING = 0.01
DASHBOARD_URL = "OBSERVATORY_DASHBOARD_URL"

# The slice of the first page of the dashboard; overtakes are told in both attributions.
_SLICE = "window_name = '30d' and cohort = 'all' and scope = 'all'"


@dataclass(frozen=True)
class Alert:
    """Something that changed: `subject` is now in `state`, as data of `as_of` say.

    The three decide what is new (see the journal), so they hold facts only, never the name of a
    generation: a rollback changes no fact. `link` is a URL; `asset` the table it concerns.
    An empty `text` is a state to be noted, of which nobody is to hear. `begins_silently`: the
    first state of the subject is no news, only what it turns into.
    """

    subject: str
    state: str
    as_of: str
    text: str
    link: str
    asset: str
    begins_silently: bool = False


Rule = Callable[[Home], Iterator[Alert]]


@dataclass(frozen=True)
class _Published:
    """The generation that readers see, or saw last where the link to it is lost (`is_seen`).

    Its folder, its newest day, and how its numbers are labelled.
    """

    folder: Path
    is_seen: bool
    newest: date
    ages: bool
    label: str

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The answer of the published file; `$since` is where news begin."""
        with connect(self.folder / generation.DATABASE, read_only=True) as connection:
            given = {"since": self.newest - NEWS} if "$since" in sql else {}
            answer = connection.execute(sql, given)
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def has(self, table: str) -> bool:
        return bool(
            self.rows(f"select 1 from duckdb_tables() where table_name = '{table}' limit 1")
        )


def _published(home: Home) -> _Published | None:
    folder = showings.last_seen(home)
    if folder is None:
        return None
    manifest = generation.read_manifest(folder)
    if not manifest["snapshot_dates"]:
        return None
    universe = manifest["universe"]
    return _Published(
        folder=folder,
        is_seen=generation.current(home) is not None,
        newest=date.fromisoformat(manifest["snapshot_dates"][-1]),
        ages=ages(manifest),
        label=_label(Universe(universe["kind"], universe["name"])),
    )


def _label(universe: Universe | None) -> str:
    """What a message begins with where it does not speak of the whole Hub."""
    if universe is None or universe.kind == "hub":
        return ""
    return "GENERATED WORLD: " if universe.is_generated else f"{universe}: "


def _page(home: Home, name: str) -> str:
    """The address of a dashboard page: where it is served, or the file."""
    base = os.environ.get(DASHBOARD_URL)
    if base:
        return f"{base.rstrip('/')}/{name}.html"
    return (home.published / generation.CURRENT / "dashboard" / f"{name}.html").as_uri()


def overtakes(home: Home) -> Iterator[Alert]:
    """A country or organization with 1 % passed another and was still ahead 7 days later."""
    published = _published(home)
    if published is None or not published.has("fct_overtakes"):
        return
    for row in published.rows(
        f"""
        select passes.*, coalesce(leaders.country_name, leader) as leader_name,
            coalesce(followers.country_name, follower) as follower_name
        from fct_overtakes as passes
        left join dim_countries as leaders
            on entity_kind = 'country' and leader = leaders.country_key
        left join dim_countries as followers
            on entity_kind = 'country' and follower = followers.country_key
        where {_SLICE} and confirmed and confirmed_on > $since
            and leader_share >= {WORTH_TELLING}
        order by confirmed_on, overtaken_on, attribution, leader, follower
        """
    ):
        pair = " and ".join(sorted((row["leader"], row["follower"])))
        doubt = "certain" if row["is_certain"] else "not certain: a contested home could turn it"
        is_country = row["entity_kind"] == "country"
        yield Alert(
            subject=f"overtake: {row['entity_kind']}, {row['attribution']}: {pair}",
            state=f"{row['leader']} leads",
            as_of=row["confirmed_on"].isoformat(),
            text=f"{published.label}{row['leader_name']} passed {row['follower_name']} on "
            f"{row['overtaken_on']} and stayed ahead for 7 days: {row['leader_share']:.2%} against "
            f"{row['follower_share']:.2%} of all downloads (window 30d, attribution "
            f"{row['attribution']}, cohort all, scope all; {doubt})",
            link=_page(home, "index" if is_country else "organizations"),
            asset="fct_overtakes",
        )


def claims(home: Home) -> Iterator[Alert]:
    """The verdict on a claim is another than the one noted last, by days that are settled.

    Each claim's verdict is given, changed or not: a revision can change it on no day of its own.
    """
    published = _published(home)
    if published is None or not published.has("fct_claims"):
        return
    for row in published.rows(
        """
        with settled as (
            select *, lag(verdict_today) over by_day as verdict_was
            from fct_claims
            where not is_provisional
            window by_day as (partition by claim_id order by snapshot_date)
        ),

        changes as (
            select claim_id, snapshot_date as changed_on, verdict_was
            from settled
            where verdict_today <> verdict_was
            qualify row_number() over (
                partition by claim_id order by snapshot_date desc
            ) = 1
        )

        select settled.* exclude (verdict_was), changed_on, changes.verdict_was
        from settled left join changes using (claim_id)
        qualify row_number() over (
            partition by claim_id order by snapshot_date desc
        ) = 1
        order by claim_id
        """
    ):
        history = (
            f"since {row['changed_on']}; before it was “{row['verdict_was']}”"
            if row["changed_on"]
            else "as on every settled day before"
        )
        yield Alert(
            subject=f"claim: {row['claim_id']}",
            state=row["verdict_today"],
            as_of=published.newest.isoformat(),
            text=f"{published.label}the verdict on the claim “{row['claim']}” of the settled day "
            f"{row['snapshot_date']} is “{row['verdict_today']}” ({history}): {row['why']} "
            f"({_basis(row)}). An earlier alert about this claim, if there was one, counts no more",
            link=_page(home, "claims"),
            asset="fct_claims",
            begins_silently=True,
        )


def _basis(claim: Mapping[str, Any]) -> str:
    """The slice that a claim is measured in, as far as it has one, and its coverage."""
    columns = {"window": "window_name"} | {n: n for n in ("attribution", "cohort", "scope")}
    named = [f"{name} {claim[column]}" for name, column in columns.items() if claim[column]]
    known = claim["downloads_attributed_share"]
    coverage = [] if known is None else [f"{known:.1%} of its downloads have a country"]
    return "; ".join([", ".join(named) or "a time of its own", *coverage])


def refused_snapshots(home: Home) -> Iterator[Alert]:
    """A snapshot did not pass gate 1, or a crawl was not whole enough to be sealed."""
    label = _label(home.universe())
    sealed = store.list_sealed(home)
    for day in sealed:
        if day.snapshot_date <= sealed[-1].snapshot_date - NEWS:
            continue
        verdict = verdicts.kept(home, day)
        if verdict is None or verdict.passed:
            continue
        stops = blocked(verdict.outcomes)
        yield Alert(
            subject=f"snapshot: {day.snapshot_date}",
            # Of a day that is crawled again and refused again by the same checks nothing is new.
            state=f"refused: {_names(stops)}",
            as_of=day.sealed_at,
            text=f"{label}the snapshot of {day.snapshot_date} was refused: {_why(stops)}. "
            f"What to do: {stops[0].cure}",
            link=_page(home, "quality"),
            asset="raw_hub__models",
        )
    for one in aside.found(home, store.MODELS):
        yield Alert(
            subject=f"crawl: {one.snapshot_date}",
            # The next try misses others, and names them: that is no news.
            state=f"refused: {one.failed}",
            as_of=one.folder.name,
            text=f"{label}the crawl of {one.snapshot_date} was refused and set aside in "
            f"{one.folder}: {one.in_short}",
            link=_page(home, "quality"),
            asset="raw_hub__models",
        )


def refused_publications(home: Home) -> Iterator[Alert]:
    """A publication did not pass gate 3: readers see nothing newer until somebody decides.

    Told again for the same checks only after one was shown: that is noted and not told.
    """
    standing = refusals.standing(home)
    if standing is not None:
        stops = standing.outcomes
        state, as_of = f"refused: {_names(stops)}", standing.at
        text = (
            f"{_label(home.universe())}a publication was refused, and readers see nothing newer "
            f"before one passes: {_why(stops)}. What to do: {stops[0].cure}"
        )
    elif generation.current(home) is not None:
        state, as_of, text = "shown", showings.moved_at(home), ""
    else:
        return
    yield Alert(
        subject="publication",
        state=state,
        as_of=as_of.isoformat(),
        text=text,
        link=_page(home, "quality"),
        asset="publication",
    )


def _names(stops: Sequence[CheckOutcome]) -> str:
    return ", ".join(one.name for one in stops)


def _why(stops: Sequence[CheckOutcome]) -> str:
    """What the first check that blocks saw, and how many more do."""
    first = stops[0]
    more = f" (and {len(stops) - 1} more)" if len(stops) > 1 else ""
    return f"{first.name} observed {first.observed}, allowed {first.threshold}{more}"


def stale_data(home: Home, today: date | None = None) -> Iterator[Alert]:
    """The newest day of a home that follows a Hub is two days old (`today`: default UTC)."""
    published = _published(home)
    if published is None or not published.ages:
        return
    age = (today or datetime.now(UTC).date()) - published.newest
    if age >= STALE_AFTER:
        yield Alert(
            subject="freshness",
            state=f"stale since {published.newest}",
            as_of=published.newest.isoformat(),
            text=f"{published.label}data are stale: the newest published day is "
            f"{published.newest}, {age.days} days ago. {_cure_of_stale(home, published)}",
            link=_page(home, "quality"),
            asset="publication",
        )


def _cure_of_stale(home: Home, published: _Published) -> str:
    if not published.is_seen:
        link = home.published / generation.CURRENT
        return (
            f"Readers see nothing: the link {link} is gone, or leads to none. What to do: "
            f"`observatory rollback {published.folder.name}`, or publish again"
        )
    if standing := refusals.standing(home):
        stops = standing.outcomes
        return f"The publication was refused by {_names(stops)}. What to do: {stops[0].cure}"
    return (
        "What to do: `observatory status` tells the last days and their gates; `observatory run` "
        "fetches today"
    )


def fallen_coverage(home: Home) -> Iterator[Alert]:
    """Two points less of the downloads have a country than is usual (median of 28 days).

    Told again only after it had come back to within one point: that is noted and not told.
    """
    published = _published(home)
    if published is None or not published.has("fct_mapping_coverage_daily"):
        return
    known = [
        (row["snapshot_date"], float(row["downloads_attributed_share"]))
        for row in published.rows(
            "select snapshot_date, downloads_attributed_share from fct_mapping_coverage_daily "
            f"where {_SLICE} and attribution = 'publisher' "
            "and downloads_attributed_share is not null order by snapshot_date"
        )
    ]
    if not known:
        return
    newest, share = known[-1]
    fallen = _fall(dict(known))
    text = ""
    if fallen is not None:
        since, usual = fallen
        text = (
            f"{published.label}coverage has fallen: {share:.1%} of all downloads have a country "
            f"on {newest}, usual were {usual:.1%} (window 30d, attribution publisher, cohort all, "
            f"scope all; since {since}). What to do: map the largest organizations without a "
            "country, as CONTRIBUTING.md tells"
        )
    yield Alert(
        subject="coverage",
        state="recovered" if fallen is None else "fallen",
        as_of=newest.isoformat(),
        text=text,
        link=_page(home, "quality"),
        asset="fct_mapping_coverage_daily",
    )


def _fall(shares: Mapping[date, float]) -> tuple[date, float] | None:
    """First day of the fall that lasts to the newest day, and what was usual before it.

    The usual is the median of the 28 days before the fall: days of it are no reference, until
    it has lasted so long that they are the usual. It ends above half of what made it one.
    """
    fall: tuple[date, float] | None = None
    usual_days: list[tuple[date, float]] = []
    for day, share in shares.items():
        before = [known for seen, known in usual_days if day - seen <= timedelta(days=28)]
        usual = statistics.median(before) if before else share
        if fall is None and share <= usual - COVERAGE_FALL:
            fall = (day, usual)
        elif fall is not None and (not before or share > fall[1] - COVERAGE_FALL / 2):
            fall = None
        if fall is None:
            usual_days.append((day, share))
    return fall


RULES: dict[str, Rule] = {
    "overtake_confirmed": overtakes,
    "claim_verdict_changed": claims,
    "snapshot_refused": refused_snapshots,
    "publication_refused": refused_publications,
    "data_stale": stale_data,
    "coverage_fallen": fallen_coverage,
}
