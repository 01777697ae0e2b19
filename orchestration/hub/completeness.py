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
from orchestration.errors import Refusal
from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.pages import LISTINGS, Listing, moment
from orchestration.hub.patience import Nonsense, Outage, Patience

# The Hub grows by some 2,700 models a day (2026): fewer rows than yesterday are a cut, or a great
# clearing-up. A hundred of the missing tell which: where none is there, 3 % of them are at most.
LEAST_ROWS = 0.995
HELD = 0.999
ASKED_EACH = 1_000
# Of the others some 100 to 300 vanish a day: a sample of them tells a hole from a clearing-up.
ASKED_OF_THE_REST = 100
# An archive's absentees cannot be asked for; their share of yesterday's downloads can be small.
UNASKED_SHARE = 0.005
# One page of the Hub's may be broken for days, and be asked for in vain: one in a hundred.
UNANSWERED_SHARE = 0.01
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
_GONE = frozenset({301, 302, 303, 307, 308, 404, 410, 451})
_EXPECTED = _GONE | {200, 401, 403}


@dataclass(frozen=True)
class Problem:
    """Why a snapshot is not whole. `check`: rows, newest, heaviest_models (or their like)."""

    check: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Compared:
    """The rows of today and `before`; who is absent of those that held 99.9 % of the weight.

    `total` is the whole of it; `lost` a sample of all that are absent, where the rows are too few.
    """

    rows: int
    before: int
    heavy: list[Absent]
    lost: list[Absent]
    total: int


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
    listing: Listing = LISTINGS["hub_models"],
    client: HubClient | None = None,
    observed_from: datetime | None = None,
    newest_created_at: datetime | None = None,
    temporary: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Problem]:
    """What speaks against `today` being all of `listing` in `universe`; empty where it is whole.

    `today` is a snapshot's Parquet file, or a crawl's landed pages; `previous` the Parquet file
    of the sealed snapshot before it. Live crawls give `client`, `observed_from` and
    `newest_created_at`; an archive that claims to be whole gives none of them. Recorded panels
    shrink and grow by their nature: nothing is found against them.
    """
    if universe.kind == "panel":
        return []
    problems = []
    if universe.kind == "hub" and observed_from is not None:
        problems += _newest(observed_from, newest_created_at, listing)
    if previous is None:
        return problems
    found = _compare(today, previous, listing, temporary)
    few = []
    if found.lost:
        few = [
            Problem(
                "rows",
                f"{found.rows:,} rows are {found.rows / found.before:.2%} of the "
                f"{found.before:,} of the snapshot before; at least {LEAST_ROWS:.1%} belong to a "
                "whole one",
            )
        ]
    if client is None:
        return problems + few + _unasked(found.heavy, found.total, listing)
    asking = _Asking(client, listing, observed_from, tell)
    for one in few:
        problems += asking.about_the_lost(one, found.lost)
    return problems + asking.about_the_heavy(found.heavy)


def _newest(observed_from: datetime, newest: datetime | None, listing: Listing) -> list[Problem]:
    if newest is not None and newest >= observed_from - NEWEST_WITHIN:
        return []
    found = f"the newest of the {listing.name} is of {newest}"
    if newest is None:
        found = f"none of the {listing.name} bears a createdAt"
    return [Problem("newest", f"{found}, and the crawl began at {observed_from}: it is stale")]


def _compare(
    today: Path | Sequence[Path],
    previous: Path,
    listing: Listing,
    temporary: Path | None,
) -> _Compared:
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
        absent = """
            anti join today using (id)
            where _id is null or _id not in (select _id from today where _id is not null)
        """
        heavy = connection.execute(
            f"select id, weight, place from heaviest {absent} order by place"
        ).fetchall()
        (rows,) = connection.execute("select count(*) from today").fetchall()[0]
        before, total = connection.execute(
            f"select count(*), coalesce(sum({weight}), 0) from read_parquet({literal(previous)})"
        ).fetchall()[0]
        lost = []
        if rows < LEAST_ROWS * before:
            lost = connection.execute(
                f"select id, coalesce({weight}, 0), 0 from read_parquet({literal(previous)}) "
                f"{absent} order by hash(id), id limit {ASKED_OF_THE_REST}"
            ).fetchall()
        return _Compared(
            rows,
            before,
            [Absent(*row) for row in heavy],
            [Absent(*row) for row in lost],
            int(total),
        )
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


@dataclass(frozen=True)
class _Asking:
    """The Hub, asked about repositories that a crawl has not."""

    client: HubClient
    listing: Listing
    observed_from: datetime | None
    tell: Callable[[str], None] | None

    def about_the_lost(self, few: Problem, lost: Sequence[Absent]) -> list[Problem]:
        """`few`, unless none of the `lost` is there any more: then they were removed."""
        there, in_vain = self._there(lost, "a sample of what is missing")
        if there:
            names = _names(there, self.listing)
            return [Problem(few.check, f"{few}, and the Hub still has {names}")]
        if in_vain:
            return [Problem(few.check, f"{few}, and {in_vain}")]
        if self.tell is not None:
            self.tell(f"{few}; but of {len(lost):,} that are missing the Hub has none any more")
        return []

    def about_the_heavy(self, heavy: Sequence[Absent]) -> list[Problem]:
        top = [one for one in heavy if one.place <= ASKED_EACH]
        rest = [one for one in heavy if one.place > ASKED_EACH]
        step = max(1, len(rest) // ASKED_OF_THE_REST)
        asked = [*top, *rest[::step][:ASKED_OF_THE_REST]]
        there, in_vain = self._there(
            asked, f"heavy {self.listing.name} that were there yesterday and are not today"
        )
        name = f"heaviest_{self.listing.name}"
        if there:
            names = _names(there, self.listing)
            return [
                Problem(
                    name,
                    f"the Hub has {names}, among the heaviest of the snapshot before, and the "
                    "crawl has not: it lost what the Hub lists",
                )
            ]
        return [Problem(name, in_vain)] if in_vain else []

    def _there(self, asked: Sequence[Absent], what: str) -> tuple[list[Absent], str | None]:
        """Those of `asked` that the Hub has, a few at least; and why it could not be asked."""
        if asked and self.tell is not None:
            self.tell(f"asking for {what}: {len(asked):,}")
        patience = Patience(outage=OUTAGE)
        there: list[Absent] = []
        unanswered = 0
        for one in asked:
            path = f"{self.listing.path}/{quote(one.id, safe='/')}?expand=createdAt"
            try:
                is_gone = patience.get(
                    self.client,
                    path,
                    _reader(self.observed_from),
                    accept=_EXPECTED,
                    tell=self.tell,
                )
            except (Outage, Nonsense) as error:
                unanswered += 1
                if unanswered > max(1, UNANSWERED_SHARE * len(asked)) or not self._is_well():
                    return there, f"{one.id} is missing and cannot be asked for: {error}"
                continue
            if not is_gone:
                there.append(one)
            if len(there) >= ENOUGH:
                break
        return there, None

    def _is_well(self) -> bool:
        """Whether the Hub answers otherwise."""
        try:
            self.client.contact(tell=self.tell)
        except Refusal:
            return False
        return True


def _reader(observed_from: datetime | None) -> Callable[[Answer], bool]:
    def is_gone(answer: Answer) -> bool:
        """Said to be gone, or elsewhere; or made anew under its name after the crawl began."""
        if answer.status in _GONE:
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
