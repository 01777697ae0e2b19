"""One request to the Hub: session, token, timeouts, quota, and what counts as an answer.

What belongs here: how a single answer is had, bounded in time and size, and the first contact.
How often to try again belongs to `patience`, what a page must look like to `pages`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
from huggingface_hub import HfApi, constants
from huggingface_hub.utils import (
    build_hf_headers,
    get_session,
    parse_ratelimit_headers,
    set_client_factory,
)

from orchestration.errors import Refusal
from orchestration.home import Universe
from orchestration.hub.patience import Clock, Nonsense, Outage, Patience

LIBRARY = "hub-observatory"
# A page of 1,000 models is 0.6 to 5 MB of JSON; DuckDB reads objects of up to 16 MB.
LARGEST_ANSWER = 32 * 2**20
# Seconds. Pages come in 0.3 s; the Hub's own slowest answers take some 15.
CONNECT, READ, WHOLE = 10.0, 30.0, 120.0
FIRST_CONTACT = Patience(outage=15.0, attempts=1)
WORTH_WAITING_FOR = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
# Else each process asks the Hub, without the token and our limits of time, for a list by which
# to tell it in every User-Agent what program called us. DO_NOT_TRACK is read at import only.
constants.HF_HUB_DISABLE_TELEMETRY = True


@dataclass(frozen=True)
class Answer:
    """A complete answer: status, headers, and the decoded body.

    A Hub may echo what we sent: neither headers nor body show where an answer is printed.
    """

    path: str
    status: int
    headers: httpx2.Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def date(self) -> datetime | None:
        """The Hub's own clock (UTC) when it answered."""
        try:
            found = parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

    def json(self) -> Any:
        """The body as JSON; Nonsense where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Nonsense(no_json(self, error), name="not JSON") from None


@dataclass(frozen=True)
class HubGreeting:
    """What the Hub says of itself at first contact."""

    server_time: datetime
    snapshot_date: date
    universe: Universe
    endpoint: str


@dataclass(frozen=True)
class Quota:
    """What the Hub lets us ask until its window ends, `resets_at` by our clock."""

    left: int
    resets_at: float
    limit: int
    window: float


class HubClient:
    """Asks one Hub, and no other origin, with huggingface_hub's session and headers.

    `endpoint` and `token` default to HF_ENDPOINT and HF_TOKEN (`token` False sends none; one
    that `hf auth login` left in a file is not looked for). Redirects are never followed: the
    token leaves for no other origin.
    Seconds: `connect`, `read` (between two parts of an answer), `whole` (a whole answer).
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | bool | None = None,
        *,
        clock: Clock | None = None,
        connect: float = CONNECT,
        read: float = READ,
        whole: float = WHOLE,
    ) -> None:
        # huggingface_hub reads HF_ENDPOINT when it is imported; we, when we are asked to go.
        told = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self.endpoint = told.strip().rstrip("/")
        _check_endpoint(self.endpoint)
        self.clock = clock or Clock()
        self.requests = 0
        self.bytes = 0
        self.quota: Quota | None = None
        self._timeout = httpx2.Timeout(connect, read=read)
        self._read_for = read
        self._whole = whole
        if token is None:
            token = os.environ.get("HF_TOKEN", "").strip() or False
        self._headers = _headers(token)
        self._token = token
        _bound_the_session()
        _hubs.add(origin(*urlsplit(self.endpoint)[:2]))

    def __repr__(self) -> str:
        return f"HubClient({self.endpoint!r})"

    def api(self) -> HfApi:
        """huggingface_hub's own client of the same Hub, for what is not a listing."""
        return HfApi(self.endpoint, token=self._token, library_name=LIBRARY)

    @property
    def may_ask_in(self) -> float:
        """Seconds until the quota allows the next request; 0 where it does now."""
        if self.quota is None or self.quota.left > 0:
            return 0.0
        return max(0.0, self.quota.resets_at - self.clock.now())

    def ask(
        self,
        path: str,
        *,
        accept: frozenset[int] = frozenset({200}),
        seconds: float | None = None,
    ) -> Answer:
        """One GET of `path` (with its query) at the endpoint; no second try.

        `seconds` bounds this answer more narrowly than the client's own limits.

        Raises Outage where waiting may help (no connection, 429, 5xx) and Nonsense for any
        other status not in `accept`, for a body that is too large or cannot be decoded.
        """
        self.requests += 1
        timeout, whole = self._timeout, self._whole
        if seconds is not None:
            timeout, whole = httpx2.Timeout(min(CONNECT, seconds)), min(whole, seconds)
        ends = time.monotonic() + whole
        try:
            with get_session().stream(
                "GET",
                self.endpoint + path,
                headers=self._headers,
                timeout=timeout,
                follow_redirects=False,
            ) as response:
                self._note_quota(response.headers)
                body = self._read(response, ends)
        except httpx2.DecodingError as error:
            raise Nonsense(f"its body cannot be decoded ({error})", name="not decodable") from None
        except httpx2.TimeoutException as error:
            raise Outage(f"no answer in time ({type(error).__name__})") from None
        except httpx2.TransportError as error:
            raise Outage(f"no connection ({error or type(error).__name__})") from None
        answer = Answer(path, response.status_code, response.headers, body)
        if answer.status not in accept:
            raise self._refused(answer)
        return answer

    def contact(self, tell: Callable[[str], None] | None = None) -> HubGreeting:
        """Ask the Hub for its date and its universe.

        Refusal with the cause, within 60 s, where it does not answer, denies access or is not
        a Hub. A Hub whose quota is used up is waited for, as it asks.
        """
        try:
            answer = FIRST_CONTACT.get(
                self,
                "/api/models?limit=1",
                _a_listing,
                tell=tell,
                seconds=min(self._read_for, 12.0),
            )
        except (Outage, Nonsense) as error:
            raise Refusal(
                f"{self.endpoint} did not answer as a Hub at first contact: {error}",
                cure=_cure(error),
            ) from None
        now = answer.date
        if now is None:
            raise Refusal(
                f"{self.endpoint} sends no Date header, and a snapshot's date is the Hub's own",
                cure="check HF_ENDPOINT; a proxy in between must pass the Date header on",
            )
        return HubGreeting(now, now.date(), _universe(answer.headers), self.endpoint)

    def _read(self, response: httpx2.Response, ends: float) -> bytes:
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > LARGEST_ANSWER:
            raise _too_large(f"{int(declared):,} bytes are announced")
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if size > LARGEST_ANSWER:
                raise _too_large(f"{response.num_bytes_downloaded:,} bytes came and go on")
            if time.monotonic() > ends:
                raise Outage("the answer came too slowly and was not complete in time")
            parts.append(part)
        self.bytes += response.num_bytes_downloaded
        return b"".join(parts)

    def _note_quota(self, headers: httpx2.Headers) -> None:
        found = parse_ratelimit_headers(headers)
        if found is not None:
            # The Hub rounds its seconds down: one more, or the first request comes too early.
            resets_at = self.clock.now() + found.reset_in_seconds + 1
            self.quota = Quota(
                found.remaining, resets_at, found.limit or 0, found.window_seconds or 0
            )

    def _refused(self, answer: Answer) -> Outage | Nonsense:
        said = self._said(answer)
        if answer.status in WORTH_WAITING_FOR:
            return Outage(
                f"status {answer.status}{said}",
                wait=self._asked_to_wait(answer),
                counts=answer.status != 429,
            )
        if 300 <= answer.status < 400:
            target = urlsplit(answer.headers.get("location", ""))
            where = f"{target.scheme}://{target.netloc}" if target.netloc else "itself"
            return Nonsense(f"it redirects to {where}", name="redirect", status=answer.status)
        return Nonsense(
            f"status {answer.status}{said}", name=f"status {answer.status}", status=answer.status
        )

    def _asked_to_wait(self, answer: Answer) -> float | None:
        if answer.status == 429 and self.may_ask_in > 0:
            return self.may_ask_in
        text = answer.headers.get("retry-after", "").strip()
        if text.isdigit():
            return float(text)
        try:
            until = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        now = answer.date or datetime.now(UTC)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(0.0, (until - now).total_seconds())

    def _said(self, answer: Answer) -> str:
        """What the Hub said of the error, short, and never our own token echoed."""
        said = answer.headers.get("x-error-message", "")
        if not said and "json" in answer.headers.get("content-type", ""):
            try:
                found = orjson.loads(answer.body)
                said = str(found.get("error", "")) if isinstance(found, dict) else ""
            except orjson.JSONDecodeError:
                said = ""
        secret = self._headers.get("authorization", "").removeprefix("Bearer ")
        if secret:
            said = said.replace(secret, "<token>")
        said = re.sub(r"hf_\w{6,}", "<token>", " ".join(said.split()))[:200]
        return f" ('{said}')" if said else ""


def _a_listing(answer: Answer) -> Answer:
    rows = answer.json()
    if not isinstance(rows, list):
        raise Nonsense("its /api/models is no list", name="not a list")
    if not all(isinstance(row, dict) and ("id" in row or "modelId" in row) for row in rows):
        raise Nonsense("its /api/models lists no models", name="not models")
    return answer


def no_json(answer: Answer, error: ValueError) -> str:
    """In words: what came instead of JSON."""
    kind = answer.headers.get("content-type", "unknown").split(";")[0]
    if "html" in kind or answer.body.lstrip()[:1] == b"<":
        return f"a page for people ({kind}) came instead of JSON"
    return f"its {len(answer.body):,} bytes cannot be read as JSON ({error})"


def _too_large(what: str) -> Nonsense:
    return Nonsense(
        f"{what}; no answer has more than {LARGEST_ANSWER:,} once decoded", name="too large"
    )


def _universe(headers: httpx2.Headers) -> Universe:
    kind, _, name = headers.get("x-hub-universe", "").strip().partition(" ")
    if kind == "world":
        return Universe("world", name)
    if kind == "panel":
        return Universe("panel", name)
    return Universe("hub")


def _cure(error: Outage | Nonsense) -> str:
    status = error.status if isinstance(error, Nonsense) else None
    if status in (401, 403):
        return "check HF_TOKEN (or unset it: models are listed without one)"
    if isinstance(error, Outage):
        return "check HF_ENDPOINT and the network, or run again later"
    return "set HF_ENDPOINT to a Hub's own address (by default https://huggingface.co)"


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and not re.search(r"\s", endpoint)
        usable = usable and "@" not in parts.netloc and not (parts.query or parts.fragment)
        httpx2.URL(endpoint)
    except (ValueError, httpx2.InvalidURL):
        usable = False
    if not usable:
        raise Refusal(
            "HF_ENDPOINT is no address of a Hub (http(s)://host, no user, password or query)",
            cure="set it to one, or unset it for https://huggingface.co",
        )
    if constants.is_offline_mode():
        raise Refusal("HF_HUB_OFFLINE forbids every request", cure="unset HF_HUB_OFFLINE")


def _headers(token: str | bool | None) -> httpx2.Headers:
    """The headers of every request. httpx2 hides the token where it prints them."""
    try:
        found = httpx2.Headers(build_hf_headers(token=token, library_name=LIBRARY))
        is_sendable = all(re.fullmatch(r"[\x20-\x7e]*", text) for text in found.values())
    except UnicodeEncodeError:
        is_sendable = False
    if not is_sendable:
        # httpx2 would cite the header whole in its error: a mistyped token would show.
        raise Refusal(
            "the token holds a line break or a letter outside ASCII, and cannot be sent",
            cure="check HF_TOKEN",
        ) from None
    return found


def origin(scheme: str, netloc: str) -> tuple[str, str, str]:
    """Scheme, host and port of an address, however it is written."""
    host, _, port = netloc.lower().rpartition("@")[2].partition(":")
    return scheme, host, port or {"http": "80", "https": "443"}.get(scheme, "")


# The origins of the Hubs that are asked: the token goes to no other.
_hubs: set[tuple[str, str, str]] = set()
_bounded = False


def _keep_the_token(request: httpx2.Request) -> None:
    """huggingface_hub follows a `Link` wherever it leads, with the token."""
    if origin(*urlsplit(str(request.url))[:2]) not in _hubs:
        request.headers.pop("authorization", None)


def _bound_the_session() -> None:
    """Give huggingface_hub's own session a timeout: it has none, and hung (measured)."""
    global _bounded
    if not _bounded:
        hooks = get_session().event_hooks
        hooks = hooks | {"request": [*hooks["request"], _keep_the_token]}
        timeout = httpx2.Timeout(CONNECT, read=READ)
        set_client_factory(
            lambda: httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=timeout)
        )
        _bounded = True
