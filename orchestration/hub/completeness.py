"""Is a crawl whole? What was there yesterday and is missing today, asked for one by one.

What belongs here: the rule for partial snapshots. It judges; whoever seals decides, and sets
a short crawl aside. What is wrong with a single row belongs to `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from orchestration.database import connect, literal, literals
from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.pages import moment
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
    """Why a snapshot is not whole. `check`: rows, heaviest_models, newest."""

    check: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Absent:
    """A model that held downloads yesterday and is not among today's rows."""

    id: str
    downloads: int
    place: int


def check(
    today: Path | Sequence[Path],
    *,
    universe: Universe,
    previous: Path | None,
    previous_rows: int | None,
    client: HubClient | None = None,
    observed_from: datetime | None = None,
    newest_created_at: datetime | None = None,
    temporary: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Problem]:
    """What speaks against `today` being every model of `universe`; empty where it is whole.

    `today` is a snapshot's Parquet file, or a crawl's landed pages; `previous` the Parquet file
    of the sealed snapshot before it, with `previous_rows`. Live crawls give `client`,
    `observed_from` and `newest_created_at`; an archive that claims to be whole gives none of
    them. Recorded panels shrink and grow by their nature: nothing is found against them.
    """
    if universe.kind == "panel":
        return []
    problems = []
    if universe.kind == "hub" and observed_from is not None:
        problems += _newest(observed_from, newest_created_at)
    if previous is None:
        return problems
    rows, absent, total = _compare(today, previous, temporary)
    if previous_rows and rows < LEAST_ROWS * previous_rows:
        problems.append(
            Problem(
                "rows",
                f"{rows:,} rows are {rows / previous_rows:.2%} of the {previous_rows:,} of the "
                f"snapshot before; at least {LEAST_ROWS:.1%} belong to a whole one",
            )
        )
    if client is None:
        return problems + _unasked(absent, total)
    return problems + _asked(client, absent, observed_from, tell)


def _newest(observed_from: datetime, newest: datetime | None) -> list[Problem]:
    if newest is not None and newest >= observed_from - NEWEST_WITHIN:
        return []
    found = "no model bears a createdAt" if newest is None else f"the newest model is of {newest}"
    return [Problem("newest", f"{found}, and the crawl began at {observed_from}: it is stale")]


def _compare(
    today: Path | Sequence[Path], previous: Path, temporary: Path | None
) -> tuple[int, list[Absent], int]:
    """Today's rows, the absent among those that held 99.9 % of the downloads, and the total."""
    files = [today] if isinstance(today, Path) else list(today)
    folders = {file.absolute().parent for file in [*files, previous]}
    if files[0].suffix == ".parquet":
        source = f"read_parquet({literals(files)})"
    else:
        source = (
            f"read_json({literals(files)}, format = 'array', compression = 'zstd', "
            "columns = {_id: 'varchar', id: 'varchar'})"
        )
    connection = connect(folders=folders, temporary=temporary)
    try:
        # Few values of downloads, many models: where 99.9 % are reached is found on the values.
        connection.execute(
            f"""
            create temp table heaviest as
            with
            yesterday as (
                select _id, id, downloads from read_parquet({literal(previous)})
                where downloads > 0
            ),
            by_value as (
                select downloads, sum(downloads) as held from yesterday group by downloads
            ),
            cumulated as (
                select downloads, held, sum(held) over (order by downloads desc) as so_far
                from by_value
            ),
            bound as (
                select min(downloads) as least from cumulated
                where so_far - held < {HELD} * (select sum(held) from by_value)
            )
            select
                _id, id, downloads,
                row_number() over (order by downloads desc, id) as place,
            from yesterday where downloads >= (select least from bound)
            """
        )
        # One pass over today, which may be thousands of pages of JSON.
        connection.execute(
            f"""
            create temp table found as
            with
            marked as (
                select
                    _id, id,
                    id in (select id from heaviest where id is not null) as same_name,
                    _id in (select _id from heaviest where _id is not null) as same_key,
                from {source}
            )
            select
                count(*) as rows,
                list(id) filter (where same_name) as names,
                list(_id) filter (where same_key) as keys,
            from marked
            """
        )
        absent = connection.execute(
            """
            select id, downloads, place from heaviest
            where id not in (select unnest(names) from found)
              and (_id is null or _id not in (select unnest(keys) from found))
            order by place
            """
        ).fetchall()
        (rows,) = connection.execute("select rows from found").fetchall()[0]
        total = connection.execute(
            f"select coalesce(sum(downloads), 0) from read_parquet({literal(previous)})"
        ).fetchall()
        return rows, [Absent(*row) for row in absent], int(total[0][0])
    finally:
        connection.close()


def _unasked(absent: Sequence[Absent], total: int) -> list[Problem]:
    downloads = sum(model.downloads for model in absent)
    if downloads <= UNASKED_SHARE * total:
        return []
    return [
        Problem(
            "heaviest_models",
            f"{_names(absent)} held {downloads / total:.2%} of the downloads of the snapshot "
            f"before and are not there; {UNASKED_SHARE:.1%} may vanish in a day",
        )
    ]


def _asked(
    client: HubClient,
    absent: Sequence[Absent],
    observed_from: datetime | None,
    tell: Callable[[str], None] | None,
) -> list[Problem]:
    top = [model for model in absent if model.place <= ASKED_EACH]
    rest = [model for model in absent if model.place > ASKED_EACH]
    step = max(1, len(rest) // ASKED_OF_THE_REST)
    asked = [*top, *rest[::step][:ASKED_OF_THE_REST]]
    if asked and tell is not None:
        tell(f"asking for {len(asked):,} heavy models that were there yesterday and are not today")
    patience = Patience(outage=OUTAGE)
    there: list[Absent] = []
    for model in asked:
        path = f"/api/models/{quote(model.id, safe='/')}?expand=createdAt"
        try:
            is_gone = patience.get(
                client, path, _reader(observed_from), accept=_EXPECTED, tell=tell
            )
        except (Outage, Nonsense) as error:
            return [
                Problem(
                    "heaviest_models", f"{model.id} is missing and cannot be asked for: {error}"
                )
            ]
        if not is_gone:
            there.append(model)
        if len(there) >= ENOUGH:
            break
    if not there:
        return []
    return [
        Problem(
            "heaviest_models",
            f"the Hub has {_names(there)}, among the heaviest of the snapshot before, and the "
            "crawl has not: it lost what the Hub lists",
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


def _names(models: Sequence[Absent] | Iterable[Absent]) -> str:
    found = list(models)
    named = ", ".join(f"{model.id} ({model.downloads:,} downloads)" for model in found[:ENOUGH])
    return named + (f" and {len(found) - ENOUGH:,} more" if len(found) > ENOUGH else "")
