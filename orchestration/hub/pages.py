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
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import msgspec

from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient, no_json, origin
from orchestration.hub.patience import Nonsense

PAGE_ROWS = 1000
_LIMIT = re.compile(r"(?<=[?&]limit=)\d+")


@dataclass(frozen=True)
class Listing:
    """One kind of repository as the Hub lists it; `weight` tells which ones are heavy."""

    name: str
    expand: tuple[str, ...]
    weight: str = "downloads"

    @property
    def path(self) -> str:
        return f"/api/{self.name}"

    @property
    def first(self) -> str:
        """The path of the first page. `createdAt` never changes, so no row moves while we page."""
        fields = [("expand", name) for name in self.expand]
        order = [("sort", "createdAt"), ("direction", "-1"), ("limit", str(PAGE_ROWS))]
        return f"{self.path}?{urlencode([*order, *fields])}"


LISTINGS = {
    "hub_models": Listing(
        "models",
        (
            "author", "createdAt", "lastModified", "downloads", "downloadsAllTime", "likes",
            "gated", "private", "disabled", "tags", "pipeline_tag", "library_name",
            "trendingScore", "safetensors",
        ),
    ),
    "hub_datasets": Listing(
        "datasets",
        (
            "author", "createdAt", "lastModified", "downloads", "downloadsAllTime", "likes",
            "gated", "private", "disabled", "tags", "trendingScore",
        ),
    ),
    "hub_spaces": Listing(
        "spaces",
        (
            "author", "createdAt", "lastModified", "likes", "private", "disabled", "sdk", "tags",
            "trendingScore",
        ),
        weight="likes",
    ),
}  # fmt: skip


class Row(msgspec.Struct, gc=False):
    """What the crawl itself reads of a repository; the rest is only checked to be JSON."""

    _id: Any = None
    id: Any = None
    modelId: Any = None  # noqa: N815 (the Hub's own name)
    createdAt: Any = None  # noqa: N815

    @property
    def key(self) -> str:
        """`_id` where there is one, else the name; "" where neither is a text."""
        found = self._id or self.id or self.modelId
        return found if isinstance(found, str) else ""

    @property
    def created_at(self) -> str | None:
        return self.createdAt if isinstance(self.createdAt, str) else None


# 0.7 ms for 1,000 models; orjson takes 4, most of it to make objects that nobody looks at.
_ROWS = msgspec.json.Decoder(list[Row])
_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass
class Position:
    """Where a crawl stands: what the next page is held against.

    `created_at` is that of the last row read; `tied` the keys read that share it, `asked` the
    paths that led to a page. Memory: the keys of one timestamp, at most some ten thousand.
    """

    created_at: str | None = None
    tied: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def pass_over(self, page: Page) -> None:
        """Stand behind the last row of `page`."""
        if not page.keys:
            return
        last = page.created[-1]
        if last != self.created_at:
            self.created_at, self.tied = last, set()
        for key, created_at in zip(reversed(page.keys), reversed(page.created), strict=True):
            if created_at != last:
                break
            self.tied.add(key)


@dataclass(frozen=True)
class Page:
    """A page that is believed: its bytes as they came, and what the crawl must know of it.

    `keys` and `created` are of its rows, in order; `listed` counts the rows that came, those
    read before included.
    """

    body: bytes
    keys: Sequence[str]
    created: Sequence[str | None]
    next: str | None
    observed_at: datetime | None
    listed: int

    @property
    def newest(self) -> str | None:
        return next((text for text in self.created if text is not None), None)


def read_rows(body: bytes) -> list[Row]:
    """The rows of a page that is JSON, UTF-8 and a list of objects; ValueError otherwise."""
    body.decode()  # msgspec does not look into texts that it skips, and DuckDB will
    try:
        return _ROWS.decode(body)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def read_page(
    answer: Answer, client: HubClient, universe: Universe, *, before: Position | None
) -> Page:
    """The page in `answer`, as it follows on `before` (None: wherever it lies).

    Raises Nonsense for what no Hub gives: no JSON list of repositories, another order, rows or a
    cursor that were there before, a `Link` to another origin.
    """
    body, rows = _believed_rows(answer)
    keys = [row.key for row in rows]
    if rows and not any(keys):
        raise Nonsense("none of its rows has an id", name="not repositories")
    created = [row.created_at for row in rows]
    if rows and universe.kind == "hub" and not any(created):
        raise Nonsense("none of its rows has a createdAt", name="not repositories")
    page = Page(body, keys, created, _next(answer, client), answer.date, len(rows))
    return page if before is None else _follow_on(page, before)


def without(page: Page, known: Collection[str]) -> Page:
    """`page` without the rows that are `known`; the same page where there are none."""
    fresh = [n for n, key in enumerate(page.keys) if not key or key not in known]
    if len(fresh) == len(page.keys):
        return page
    rows = _RAW_ROWS.decode(page.body)
    return replace(
        page,
        body=b"[" + b",".join(bytes(rows[n]) for n in fresh) + b"]",
        keys=[page.keys[n] for n in fresh],
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


def _believed_rows(answer: Answer) -> tuple[bytes, list[Row]]:
    body = answer.body
    try:
        return body, read_rows(body)
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"[":
            text = f"its list holds other things than repositories ({error})"
            raise Nonsense(text, name="not repositories") from None
        raise Nonsense("JSON came, but no list", name="not a list") from None
    except ValueError as error:
        repaired = _repaired(body)
        if repaired is None:
            raise Nonsense(no_json(answer, error), name="not JSON") from None
        return repaired, read_rows(repaired)


def _repaired(body: bytes) -> bytes | None:
    """`body` without what JSON forbids inside a text, or None where it is no list of objects.

    One lone surrogate in one tag must not stop every crawl for good: msgspec and DuckDB refuse
    it, the standard library reads it.
    """
    try:
        rows = json.loads(body.decode("utf-8", "replace"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")


def _next(answer: Answer, client: HubClient) -> str | None:
    """Path and query of the next page, which must lie at our own origin and listing."""
    links = httpx2.Response(200, headers=answer.headers).links
    target = links.get("next", {}).get("url")
    if target is None:
        return None
    asked = client.endpoint + answer.path
    here, there = urlsplit(asked), urlsplit(urljoin(asked, target))
    if origin(there.scheme, there.netloc) != origin(here.scheme, here.netloc):
        where = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
        raise Nonsense(f"its Link leads to another origin ({where})", name="link elsewhere")
    lost = _question(here.query) - _question(there.query)
    if there.path != here.path or lost:
        raise Nonsense(f"its Link leads to another listing ({there.path})", name="link elsewhere")
    following = f"{answer.path.partition('?')[0]}?{there.query}"
    if following == answer.path:
        raise Nonsense("its Link leads to itself", name="cursor repeated")
    return following


def _question(query: str) -> set[tuple[str, str]]:
    """What a query asks for, apart from the place in the listing and the size of its pages."""
    asked = {(name.removesuffix("[]"), value) for name, value in parse_qsl(query)}
    return {(name, value) for name, value in asked if name in ("sort", "expand")}


def _follow_on(page: Page, before: Position) -> Page:
    if page.next is not None and page.next in before.asked:
        raise Nonsense("its Link leads to a page that was read before", name="cursor repeated")
    if not page.keys and page.next is not None:
        raise Nonsense("it is empty, yet leads on", name="adds nothing")
    _check_order(before.created_at, page.created)
    fresh = without(page, before.tied)
    if page.keys and not fresh.keys:
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
