"""Is a crawl whole? What was there yesterday and is missing today, asked for one by one.

What belongs here: the rule for partial snapshots. It judges; whoever seals decides, and sets
a short crawl aside. What is wrong with a single row belongs to `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from orchestration.database import connect, literal, literals
from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.pages import LISTINGS, Listing, moment
from orchestration.hub.patience import Nonsense, Outage, Patience

# The Hub grows by some 2,700 models a day (2026): fewer rows than yesterday are a cut.
LEAST_ROWS = 0.995
HELD = 0.999
ASKED_EACH = 1_000
# Of the others some 100 to 300 vanish a day: a sample of them tells a hole from a clearing-up.
ASKED_OF_THE_REST = 100
# An archive's absentees cannot be asked for; their share of yesterday's downloads can be small.
UNASKED_SHARE = 0.005
NEWEST_WITHIN = timedelta(hours=1)
ENOUGH = 5
# Today's names of five million models are some 400 MB: beyond this they spill to the disk.
MEMORY = "512MiB"
OUTAGE = 120.0

# What the Hub says to a client without a token of a model that is not there, and of one it
# has shut down; huggingface_hub reads them the same way.
_GONE_TOO = {
    (401, "Invalid username or password."),
    (403, "Access to this resource is disabled."),
}
_EXPECTED = frozenset({200, 301, 302, 303, 307, 308, 401, 403, 404})


@dataclass(frozen=True)
class Problem:
    """Why a snapshot is not whole. `check`: rows, newest, heaviest_models (or their like)."""

    check: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Absent:
    """A repository that held downloads (or likes) yesterday and is not among today's rows."""

    id: str
    held: int
    place: int


def check(
    today: Path | Sequence[Path],
    *,
    universe: Universe,
    previous: Path | None,
    previous_rows: int | None,
    listing: Listing = LISTINGS["hub_models"],
    client: HubClient | None = None,
    observed_from: datetime | None = None,
    newest_created_at: datetime | None = None,
    temporary: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Problem]:
    """What speaks against `today` being all of `listing` in `universe`; empty where it is whole.

    `today` is a snapshot's Parquet file, or a crawl's landed pages; `previous` the Parquet file
    of the sealed snapshot before it, with `previous_rows`. Live crawls give `client`,
    `observed_from` and `newest_created_at`; an archive that claims to be whole gives none of
    them. Recorded panels shrink and grow by their nature: nothing is found against them.
    """
    if universe.kind == "panel":
        return []
    problems = []
    if universe.kind == "hub" and observed_from is not None:
        problems += _newest(observed_from, newest_created_at, listing)
    if previous is None:
        return problems
    rows, absent, total = _compare(today, previous, listing, temporary)
    if previous_rows and rows < LEAST_ROWS * previous_rows:
        problems.append(
            Problem(
                "rows",
                f"{rows:,} rows are {rows / previous_rows:.2%} of the {previous_rows:,} of the "
                f"snapshot before; at least {LEAST_ROWS:.1%} belong to a whole one",
            )
        )
    if client is None:
        return problems + _unasked(absent, total, listing)
    return problems + _asked(client, absent, listing, observed_from, tell)


def _newest(observed_from: datetime, newest: datetime | None, listing: Listing) -> list[Problem]:
    if newest is not None and newest >= observed_from - NEWEST_WITHIN:
        return []
    found = f"the newest of the {listing.name} is of {newest}"
    if newest is None:
        found = f"none of the {listing.name} bears a createdAt"
    return [Problem("newest", f"{found}, and the crawl began at {observed_from}: it is stale")]


def _compare(
    today: Path | Sequence[Path], previous: Path, listing: Listing, temporary: Path | None
) -> tuple[int, list[Absent], int]:
    """Today's rows, the absent among those that held 99.9 % of the weight, and the total."""
    weight = listing.weight
    files = [today] if isinstance(today, Path) else list(today)
    folders = {file.absolute().parent for file in [*files, previous]}
    if files[0].suffix == ".parquet":
        source = f"read_parquet({literals(files)})"
    else:
        source = (
            f"read_json({literals(files)}, format = 'array', compression = 'zstd', "
            "columns = {_id: 'varchar', id: 'varchar'})"
        )
    connection = connect(folders=folders, temporary=temporary, memory=MEMORY)
    try:
        # Few values of downloads, many models: where 99.9 % are reached is found on the values.
        connection.execute(
            f"""
            create temp table heaviest as
            with
            yesterday as (
                select _id, id, {weight} as weight from read_parquet({literal(previous)})
                where {weight} > 0
            ),
            by_value as (
                select weight, sum(weight) as held from yesterday group by weight
            ),
            cumulated as (
                select weight, held, sum(held) over (order by weight desc) as so_far
                from by_value
            ),
            bound as (
                select min(weight) as least from cumulated
                where so_far - held < {HELD} * (select sum(held) from by_value)
            )
            select
                _id, id, weight,
                row_number() over (order by weight desc, id) as place,
            from yesterday where weight >= (select least from bound)
            """
        )
        # One pass over today, which may be thousands of pages of JSON.
        connection.execute(f"create temp table today as select _id, id from {source}")
        absent = connection.execute(
            """
            select id, weight, place from heaviest
            anti join today using (id)
            where _id is null or _id not in (select _id from today where _id is not null)
            order by place
            """
        ).fetchall()
        (rows,) = connection.execute("select count(*) from today").fetchall()[0]
        total = connection.execute(
            f"select coalesce(sum({weight}), 0) from read_parquet({literal(previous)})"
        ).fetchall()
        return rows, [Absent(*row) for row in absent], int(total[0][0])
    finally:
        connection.close()


def _unasked(absent: Sequence[Absent], total: int, listing: Listing) -> list[Problem]:
    held = sum(one.held for one in absent)
    if held <= UNASKED_SHARE * total:
        return []
    return [
        Problem(
            f"heaviest_{listing.name}",
            f"{_names(absent, listing)} held {held / total:.2%} of the {listing.weight} of the "
            f"snapshot before and are not there; {UNASKED_SHARE:.1%} may vanish in a day",
        )
    ]


def _asked(
    client: HubClient,
    absent: Sequence[Absent],
    listing: Listing,
    observed_from: datetime | None,
    tell: Callable[[str], None] | None,
) -> list[Problem]:
    top = [one for one in absent if one.place <= ASKED_EACH]
    rest = [one for one in absent if one.place > ASKED_EACH]
    step = max(1, len(rest) // ASKED_OF_THE_REST)
    asked = [*top, *rest[::step][:ASKED_OF_THE_REST]]
    if asked and tell is not None:
        tell(
            f"asking for heavy {listing.name} that were there yesterday and are not today: "
            f"{len(asked):,}"
        )
    patience = Patience(outage=OUTAGE)
    there: list[Absent] = []
    for one in asked:
        path = f"{listing.path}/{quote(one.id, safe='/')}?expand=createdAt"
        try:
            is_gone = patience.get(
                client, path, _reader(observed_from), accept=_EXPECTED, tell=tell
            )
        except (Outage, Nonsense) as error:
            return [
                Problem(
                    f"heaviest_{listing.name}",
                    f"{one.id} is missing and cannot be asked for: {error}",
                )
            ]
        if not is_gone:
            there.append(one)
        if len(there) >= ENOUGH:
            break
    if not there:
        return []
    return [
        Problem(
            f"heaviest_{listing.name}",
            f"the Hub has {_names(there, listing)}, among the heaviest of the snapshot before, and "
            "the crawl has not: it lost what the Hub lists",
        )
    ]


def _reader(observed_from: datetime | None) -> Callable[[Answer], bool]:
    def is_gone(answer: Answer) -> bool:
        """404 or a redirect; or made anew under its name after the crawl began."""
        if answer.status == 404 or 300 <= answer.status < 400:
            return True
        if answer.status != 200:
            said = answer.headers.get("x-error-message", "")
            if (answer.status, said) in _GONE_TOO:
                return True
            raise Nonsense(f"status {answer.status}", name=f"status {answer.status}")
        found = answer.json()
        created = moment(str(found.get("createdAt"))) if isinstance(found, dict) else None
        return observed_from is not None and created is not None and created > observed_from

    return is_gone


def _names(found: Sequence[Absent], listing: Listing) -> str:
    named = ", ".join(f"{one.id} ({one.held:,} {listing.weight})" for one in found[:ENOUGH])
    return named + (f" and {len(found) - ENOUGH:,} more" if len(found) > ENOUGH else "")
