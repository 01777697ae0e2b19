"""Who is an organization and who an individual: asked of the Hub, remembered for 30 days.

What belongs here: the register of authors and its bounded daily refresh. Which authors matter
is the caller's to say; which country they belong to is a seed's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.errors import Refusal
from orchestration.home import Home, sync_folder
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.patience import Nonsense, Outage, Patience

KNOWN_FOR = timedelta(days=30)
SAVE_EVERY = 100
# Seconds. Authors can wait for tomorrow: an outage is not sat out here.
OUTAGE = 20.0
GIVE_UP_AFTER = 5
SCHEMA = pa.schema(
    [
        pa.field("author", pa.string(), nullable=False),
        pa.field("author_type", pa.string(), nullable=False),
        pa.field("fullname", pa.string()),
        pa.field("asked_on", pa.date32(), nullable=False),
    ]
)
_EXPECTED = frozenset({200, 301, 302, 307, 308, 404})


@dataclass(frozen=True)
class AuthorsReport:
    """What a refresh did. `left` authors wait for another day; `trouble` says why, if any."""

    known: int
    asked: int
    organizations: int
    individuals: int
    not_found: int
    left: int
    requests: int
    trouble: str | None = None


def register(home: Home) -> Path:
    """The file: author, author_type (organization, individual, not_found), fullname, asked_on."""
    return home.raw / "hub_authors" / "authors.parquet"


def refresh(
    home: Home,
    client: HubClient,
    wanted: Iterable[str],
    *,
    today: date,
    at_most: int,
    tell: Callable[[str], None] | None = None,
) -> AuthorsReport:
    """Ask for those of `wanted` (in order of weight) never asked, or not for 30 days.

    At most `at_most` authors, within the quota. An outage is no failure: what is known stays,
    the rest is asked another day, and the report says so.
    """
    known = _read(register(home))
    due = [
        name
        for name in dict.fromkeys(wanted)
        if name and (name not in known or known[name]["asked_on"] + KNOWN_FOR < today)
    ]
    # Those never asked come before those asked again.
    due.sort(key=lambda name: name in known)
    before, asked, failed, trouble = client.requests, [], 0, None
    patience = Patience(outage=OUTAGE, politeness=600)
    for name in due[:at_most]:
        try:
            found = _ask(client, patience, name, tell)
        except Outage as error:
            trouble = f"the Hub cannot be asked: {error}"
            break
        except Nonsense as error:
            failed, trouble = failed + 1, f"{name}: {error}"
            if failed >= GIVE_UP_AFTER:
                break
            continue
        known[name] = {"author": name, **found, "asked_on": today}
        asked.append(name)
        if len(asked) % SAVE_EVERY == 0:
            _write(register(home), known)
    if asked:
        _write(register(home), known)
    kinds = [known[name]["author_type"] for name in asked]
    return AuthorsReport(
        known=len(known),
        asked=len(asked),
        organizations=kinds.count("organization"),
        individuals=kinds.count("individual"),
        not_found=kinds.count("not_found"),
        left=len(due) - len(asked),
        requests=client.requests - before,
        trouble=trouble,
    )


def _ask(
    client: HubClient, patience: Patience, name: str, tell: Callable[[str], None] | None
) -> dict[str, Any]:
    for kind, place in (("organization", "organizations"), ("individual", "users")):
        path = f"/api/{place}/{quote(name, safe='')}/overview"
        answer = patience.get(client, path, _overview, accept=_EXPECTED, tell=tell)
        if answer is not None:
            return {"author_type": kind, "fullname": answer.get("fullname")}
    return {"author_type": "not_found", "fullname": None}


def _overview(answer: Answer) -> dict[str, Any] | None:
    """What is told of an author; None where there is no such one; {} where it moved."""
    if answer.status == 404:
        return None
    if answer.status != 200:
        return {}
    found = answer.json()
    if not isinstance(found, dict):
        raise Nonsense("JSON came, but no overview of an author", name="not an overview")
    fullname = found.get("fullname")
    return {"fullname": fullname if isinstance(fullname, str) else None}


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise Refusal(
            f"the register of authors cannot be read ({error})",
            file=path,
            cure="remove it: it is asked for again, a part every day",
        ) from error
    return {row["author"]: row for row in rows}


def _write(path: Path, known: dict[str, dict[str, Any]]) -> None:
    """Replace the file whole: a reader, or a crash, sees the old one or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([known[name] for name in sorted(known)], schema=SCHEMA)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
