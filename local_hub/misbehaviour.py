"""What a Hub can do wrong with one request: each way a small class, its options its fields.

What belongs here: the ways themselves. When they strike belongs to `faults`.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from local_hub.changes import Change

MEGABYTE = 1_000_000
FOREVER = 86_400.0


@dataclass
class Answer:
    """A response on its way: `parts` come after each other, `cut` leaves it unfinished."""

    status: int
    headers: dict[str, str]
    parts: AsyncIterator[bytes]
    cut: bool = False

    def without_length(self) -> None:
        """Let the length be unknown, as of a body that was changed."""
        self.headers.pop("content-length", None)

    async def body(self) -> bytes:
        """The whole body; it can be sent again afterwards."""
        whole = b"".join([part async for part in self.parts])
        self.parts = _parts(whole)
        return whole

    def replace(self, body: bytes) -> None:
        self.headers["content-length"] = str(len(body))
        self.parts = _parts(body)


@dataclass
class Occasion:
    """One request under a fault, and what can be done to it."""

    url: str
    answer: Answer
    first_links: list[str]
    previous_body: bytes | None
    ask: Callable[[str], Awaitable[Answer]]
    refuse: Callable[[float], None]
    change: Callable[[Change], None]


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Way:
    """One way to misbehave; by itself, none."""

    async def strike(self, occasion: Occasion) -> None:
        """Spoil the occasion's answer. Raises Dropped where there is to be none."""


@dataclass(frozen=True)
class Status(Way):
    """Answer with `status`, these `headers` and no others, and `body`."""

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "Internal Error"

    async def strike(self, occasion: Occasion) -> None:
        kept = ("date", "x-hub-universe")
        headers = {name: occasion.answer.headers[name] for name in kept}
        named = {name.lower(): str(value) for name, value in self.headers.items()}
        occasion.answer = Answer(self.status, headers | named, _parts(b""))
        occasion.answer.replace(self.body.encode())


@dataclass(frozen=True)
class Close(Way):
    """Close the connection without an answer."""

    async def strike(self, occasion: Occasion) -> None:
        raise Dropped


@dataclass(frozen=True)
class Refuse(Way):
    """Close every connection and refuse new ones for `seconds`."""

    seconds: float = 5.0

    async def strike(self, occasion: Occasion) -> None:
        occasion.refuse(self.seconds)
        raise Dropped


@dataclass(frozen=True)
class Hang(Way):
    """Say nothing for `seconds`, then close the connection."""

    seconds: float = FOREVER

    async def strike(self, occasion: Occasion) -> None:
        await asyncio.sleep(self.seconds)
        raise Dropped


@dataclass(frozen=True)
class Delay(Way):
    """Answer rightly, but only after `seconds`."""

    seconds: float = 0.3

    async def strike(self, occasion: Occasion) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Drip(Way):
    """Send the right body, `bytes_per_second` at a time."""

    bytes_per_second: int = 100

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.parts = _dripping(await occasion.answer.body(), self.bytes_per_second)


@dataclass(frozen=True)
class Cut(Way):
    """Close the connection in the middle of the body, after `share` of it."""

    share: float = 0.5

    async def strike(self, occasion: Occasion) -> None:
        body = await occasion.answer.body()
        occasion.answer.parts = _parts(body[: int(len(body) * self.share)])
        occasion.answer.cut = True


@dataclass(frozen=True)
class Truncate(Way):
    """Send only `share` of the JSON, as if that were all."""

    share: float = 0.5

    async def strike(self, occasion: Occasion) -> None:
        body = await occasion.answer.body()
        occasion.answer.replace(body[: int(len(body) * self.share)])


@dataclass(frozen=True)
class Html(Way):
    """Answer with a page for people, status 200."""

    body: str = "<!doctype html><html><body>We will be back soon.</body></html>"

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.headers["content-type"] = "text/html; charset=utf-8"
        occasion.answer.replace(self.body.encode())


@dataclass(frozen=True)
class Json(Way):
    """Answer with this JSON text, status 200: by default an object where a list belongs."""

    body: str = '{"error": "this is no list"}'

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.replace(self.body.encode())


@dataclass(frozen=True)
class Nested(Way):
    """Answer with JSON lists in lists, `depth` deep."""

    depth: int = 100_000

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.replace(b"[" * self.depth + b"]" * self.depth)


@dataclass(frozen=True)
class OtherSort(Way):
    """Send a page sorted by something else, with the right Link."""

    sort: str = "downloads"

    async def strike(self, occasion: Occasion) -> None:
        query = re.sub(r"(^|&)(sort|cursor)=[^&]*", "", occasion.url.partition("?")[2])
        other = await occasion.ask(f"sort={self.sort}&{query}".rstrip("&"))
        occasion.answer.replace(await other.body())


@dataclass(frozen=True)
class NothingNew(Way):
    """Send the page of before again (`empty`: an empty one), with the right Link."""

    empty: bool = False

    async def strike(self, occasion: Occasion) -> None:
        again = None if self.empty else occasion.previous_body
        occasion.answer.replace(again if again is not None else b"[]")


@dataclass(frozen=True)
class OldCursor(Way):
    """Lead to a page that was given before: the second one."""

    async def strike(self, occasion: Occasion) -> None:
        if occasion.first_links:
            occasion.answer.headers["link"] = occasion.first_links[0]


@dataclass(frozen=True)
class OwnCursor(Way):
    """Lead to this very page."""

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.headers["link"] = f'<{occasion.url}>; rel="next"'


@dataclass(frozen=True)
class NoLink(Way):
    """Leave out the Link to the next page."""

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.headers.pop("link", None)


@dataclass(frozen=True)
class ForeignLink(Way):
    """Lead to the next page at another `origin`."""

    origin: str = "http://elsewhere.invalid"

    async def strike(self, occasion: Occasion) -> None:
        link = occasion.answer.headers.get("link", f'<{occasion.url}>; rel="next"')
        elsewhere = re.sub(r"^<\w+://[^/]+", f"<{self.origin}", link)
        occasion.answer.headers["link"] = elsewhere


@dataclass(frozen=True)
class Redirect(Way):
    """Redirect to the same address at another `origin`."""

    origin: str = "http://elsewhere.invalid"
    status: int = 302

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.status = self.status
        elsewhere = re.sub(r"^\w+://[^/]+", self.origin, occasion.url)
        occasion.answer.headers["location"] = elsewhere
        occasion.answer.headers.pop("link", None)
        occasion.answer.replace(b"")


@dataclass(frozen=True)
class Huge(Way):
    """Send a body of `size` bytes (default 10 GB); `announced`: with its length before it."""

    size: int = 10_000 * MEGABYTE
    announced: bool = False

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.without_length()
        if self.announced:
            occasion.answer.headers["content-length"] = str(self.size)
        occasion.answer.parts = _spaces(self.size)


@dataclass(frozen=True)
class Bomb(Way):
    """Send a small gzip body that unpacks to `size` bytes (default 10 GB)."""

    size: int = 10_000 * MEGABYTE

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.without_length()
        occasion.answer.headers["content-encoding"] = "gzip"
        occasion.answer.parts = _gzipped(_spaces(self.size))


@dataclass(frozen=True)
class NoGzip(Way):
    """Say that the body is gzip, which it is not."""

    async def strike(self, occasion: Occasion) -> None:
        occasion.answer.headers["content-encoding"] = "gzip"


@dataclass(frozen=True)
class StaleDate(Way):
    """Send a `Date` that lies `days` back, or that of the day `on`."""

    days: int = 1
    on: date | None = None

    async def strike(self, occasion: Occasion) -> None:
        told = parsedate_to_datetime(occasion.answer.headers["date"])
        stale = told - timedelta(days=self.days)
        if self.on is not None:
            stale = datetime.combine(self.on, told.timetz())
        occasion.answer.headers["date"] = format_datetime(stale, usegmt=True)


@dataclass(frozen=True)
class Alter(Change, Way):
    """After a right answer, models change: `counters` (a share), `create`, `delete`, `rename`."""

    async def strike(self, occasion: Occasion) -> None:
        occasion.change(self)


WAYS: dict[str, type[Way]] = {
    "status": Status,
    "close": Close,
    "refuse": Refuse,
    "hang": Hang,
    "delay": Delay,
    "drip": Drip,
    "cut": Cut,
    "truncate": Truncate,
    "html": Html,
    "json": Json,
    "nested": Nested,
    "other_sort": OtherSort,
    "nothing_new": NothingNew,
    "old_cursor": OldCursor,
    "own_cursor": OwnCursor,
    "no_link": NoLink,
    "foreign_link": ForeignLink,
    "redirect": Redirect,
    "huge": Huge,
    "bomb": Bomb,
    "no_gzip": NoGzip,
    "stale_date": StaleDate,
    "change": Alter,
}


async def _parts(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _dripping(body: bytes, bytes_per_second: int) -> AsyncIterator[bytes]:
    step = max(1, bytes_per_second // 4)
    for begin in range(0, len(body), step):
        yield body[begin : begin + step]
        await asyncio.sleep(step / bytes_per_second)


async def _spaces(size: int) -> AsyncIterator[bytes]:
    yield b"["
    for begin in range(1, size, MEGABYTE):
        yield b" " * min(MEGABYTE, size - begin)
        await asyncio.sleep(0)


async def _gzipped(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    async for part in parts:
        packed = packer.compress(part)
        if packed:
            yield packed
    yield packer.flush()
