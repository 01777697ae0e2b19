"""What a page of a listing must look like, and which ones are believed.

What belongs here: the checks on one answer against what was read before it. What to do with
a page that fails them belongs to `patience` and `crawl`; what its rows mean to `snapshots`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
import orjson

from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.patience import Nonsense

PAGE_ROWS = 1000
_LIMIT = re.compile(r"(?<=[?&]limit=)\d+")


@dataclass(frozen=True)
class Listing:
    """One kind of repository as the Hub lists it."""

    path: str
    expand: tuple[str, ...]

    @property
    def first(self) -> str:
        """The path of the first page. `createdAt` never changes, so no row moves while we page."""
        fields = [("expand", name) for name in self.expand]
        order = [("sort", "createdAt"), ("direction", "-1"), ("limit", str(PAGE_ROWS))]
        return f"{self.path}?{urlencode([*order, *fields])}"


LISTINGS = {
    "hub_models": Listing(
        "/api/models",
        (
            "author", "createdAt", "lastModified", "downloads", "downloadsAllTime", "likes",
            "gated", "private", "disabled", "tags", "pipeline_tag", "library_name",
            "trendingScore", "safetensors",
        ),
    ),
    "hub_datasets": Listing(
        "/api/datasets",
        (
            "author", "createdAt", "lastModified", "downloads", "downloadsAllTime", "likes",
            "gated", "private", "disabled", "tags", "trendingScore",
        ),
    ),
    "hub_spaces": Listing(
        "/api/spaces",
        (
            "author", "createdAt", "lastModified", "likes", "private", "disabled", "sdk", "tags",
            "trendingScore",
        ),
    ),
}  # fmt: skip


@dataclass
class Position:
    """Where a crawl stands: what the next page is held against.

    `created_at` is that of the last row read; `tied` the ids read that share it, `asked` the
    paths that led to a page. Memory: the ids of one timestamp, at most some ten thousand.
    """

    created_at: str | None = None
    tied: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def pass_over(self, page: Page) -> None:
        """Stand behind the last row of `page`."""
        if not page.ids:
            return
        last = page.created[-1]
        if last != self.created_at:
            self.created_at, self.tied = last, set()
        for identity, created_at in zip(reversed(page.ids), reversed(page.created), strict=True):
            if created_at != last:
                break
            self.tied.add(identity)


@dataclass(frozen=True)
class Page:
    """A page that is believed: its bytes as they came, and what the crawl must know of it.

    `ids` are the Hub's `_id` where there is one; `listed` counts the rows that came, those read
    before included.
    """

    body: bytes
    ids: Sequence[str]
    created: Sequence[str | None]
    next: str | None
    observed_at: datetime | None
    listed: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def newest(self) -> str | None:
        return next((text for text in self.created if text is not None), None)


def read_page(
    answer: Answer, client: HubClient, universe: Universe, *, before: Position | None
) -> Page:
    """The page in `answer`, as it follows on `before` (None: wherever it lies).

    Raises Nonsense for what no Hub gives: no JSON list of models, another order, rows or a
    cursor that were there before, a `Link` to another origin.
    """
    body, rows = _rows(answer)
    ids = identities(rows)
    if rows and not any(ids):
        raise Nonsense("none of its rows has an id", name="not models")
    created = created_of(rows)
    if rows and universe.kind == "hub" and not any(created):
        raise Nonsense("none of its rows has a createdAt", name="not models")
    page = Page(body, ids, created, _next(answer, client), answer.date, len(rows))
    return page if before is None else _follow_on(page, before)


def identities(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What each row is known by: `_id` where there is one, else its name; "" where neither."""
    found = (row.get("_id") or row.get("id") or row.get("modelId") for row in rows)
    return [name if isinstance(name, str) else "" for name in found]


def created_of(rows: Sequence[dict[str, Any]]) -> list[str | None]:
    """createdAt of each row, as it came."""
    found = (row.get("createdAt") for row in rows)
    return [text if isinstance(text, str) else None for text in found]


def without(page: Page, known: Collection[str]) -> Page:
    """`page` without the rows that are `known`; the same page where there are none."""
    fresh = [n for n, name in enumerate(page.ids) if not name or name not in known]
    if len(fresh) == len(page.ids):
        return page
    rows = orjson.loads(page.body)
    return replace(
        page,
        body=orjson.dumps([rows[n] for n in fresh]),
        ids=[page.ids[n] for n in fresh],
        created=[page.created[n] for n in fresh],
    )


def with_limit(path: str, limit: int) -> str:
    """`path` with another page size, and all else as it was."""
    return _LIMIT.sub(str(limit), path)


def limit_of(path: str) -> int:
    """The page size that `path` asks for."""
    found = _LIMIT.search(path)
    return int(found.group()) if found else PAGE_ROWS


def moment(text: str) -> datetime | None:
    """A time of the Hub's (`2022-03-02T23:29:04.000Z`), or None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _rows(answer: Answer) -> tuple[bytes, list[dict[str, Any]]]:
    body = answer.body
    try:
        rows = answer.json()
    except Nonsense:
        repaired = _repaired(body)
        if repaired is None:
            raise
        body, rows = repaired, orjson.loads(repaired)
    if not isinstance(rows, list):
        raise Nonsense("JSON came, but no list of models", name="not a list")
    if not all(isinstance(row, dict) for row in rows):
        raise Nonsense("its list holds other things than models", name="not models")
    return body, rows


def _repaired(body: bytes) -> bytes | None:
    """`body` without what JSON forbids inside a text, or None where it is no JSON at all.

    One lone surrogate in one tag must not stop every crawl for good: orjson and DuckDB refuse
    it, the standard library reads it.
    """
    try:
        rows = json.loads(body.decode("utf-8", "replace"), parse_constant=lambda _: None)
        return orjson.dumps(rows)
    except (ValueError, RecursionError):
        return None
    except TypeError:
        text = json.dumps(rows, ensure_ascii=False)
        return text.encode("utf-8", "replace")


def _next(answer: Answer, client: HubClient) -> str | None:
    """Path and query of the next page, which must lie at our own origin and listing."""
    target = _link(answer)
    if target is None:
        return None
    here = urlsplit(client.endpoint + answer.path)
    there = urlsplit(urljoin(client.endpoint + answer.path, target))
    if _origin(there.scheme, there.netloc) != _origin(here.scheme, here.netloc):
        where = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
        raise Nonsense(f"its Link leads to another origin ({where})", name="link elsewhere")
    if there.path != here.path:
        raise Nonsense(f"its Link leads to another listing ({there.path})", name="link elsewhere")
    prefix = urlsplit(client.endpoint).path
    following = f"{there.path.removeprefix(prefix)}?{there.query}"
    if following == answer.path:
        raise Nonsense("its Link leads to itself", name="cursor repeated")
    return following


def _link(answer: Answer) -> str | None:
    response = httpx2.Response(200, headers=answer.headers)
    return response.links.get("next", {}).get("url")


def _origin(scheme: str, netloc: str) -> tuple[str, str, str]:
    host, _, port = netloc.lower().rpartition("@")[2].partition(":")
    return scheme, host, port or {"http": "80", "https": "443"}.get(scheme, "")


def _follow_on(page: Page, before: Position) -> Page:
    if page.next is not None and page.next in before.asked:
        raise Nonsense("its Link leads to a page that was read before", name="cursor repeated")
    if not page.ids and page.next is not None:
        raise Nonsense("it is empty, yet leads on", name="adds nothing")
    _check_order(before.created_at, page.created)
    fresh = without(page, before.tied)
    if page.ids and not fresh.ids:
        raise Nonsense("every model in it was read before", name="adds nothing")
    return fresh


def _check_order(last: str | None, created: Sequence[str | None]) -> None:
    """Newest first. Where a day's records bear no date, there is no order to check."""
    for text in created:
        if text is None:
            continue
        if last is not None and text > last and _later(text, last):
            raise Nonsense(
                f"it is not sorted by createdAt, newest first ({text} comes after {last})",
                name="another sort",
            )
        last = text


def _later(text: str, than: str) -> bool:
    """Compare as times: `...04Z` and `...04.500Z` do not compare as texts."""
    one, other = moment(text), moment(than)
    return one is not None and other is not None and one > other
