"""The layer that spoils answers: an ASGI application around the Hub's own.

What belongs here: asking the Hub, letting the ways strike, and sending what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_hub.application import Stage
from local_hub.faults import Faults
from local_hub.misbehaviour import Answer, Dropped, Occasion, Way


class Door(Protocol):
    """What the server can do with its connections."""

    def hang_up(self, client: tuple[str, int]) -> None:
        """Close the connection of this client, without another word."""

    def refuse(self, seconds: float) -> None:
        """Close every connection and accept none for so long."""


class FaultyHub:
    """The Hub's application, with faults."""

    def __init__(
        self, app: ASGIApp, faults: Faults, stage: Stage, door: Callable[[], Door]
    ) -> None:
        self._app = app
        self._faults = faults
        self._stage = stage
        self._door = door
        self._links: list[str] = []
        self._previous: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        query = scope["query_string"].decode()
        cursor = parse_qs(query).get("cursor", [None])[-1]
        ways = self._faults.striking(scope["path"], cursor)
        answer = await self._ask(scope, query)
        right = await answer.body()
        occasion = Occasion(
            url=_url(scope),
            answer=answer,
            first_links=self._links,
            previous_body=self._previous.get(scope["path"]),
            ask=lambda other: self._ask(scope, other),
            refuse=self._door().refuse,
            change=self._stage.change,
        )
        if "link" in answer.headers:
            self._links.append(answer.headers["link"])
        self._previous[scope["path"]] = right
        left = asyncio.ensure_future(_disconnected(receive))
        spoiling = asyncio.ensure_future(_spoil(occasion, ways, send))
        try:
            await asyncio.wait({left, spoiling}, return_when=asyncio.FIRST_COMPLETED)
            if spoiling.done():
                spoiling.result()
        except Dropped:
            self._door().hang_up(scope["client"])
            await left
        finally:
            left.cancel()
            spoiling.cancel()

    async def _ask(self, scope: Scope, query: str) -> Answer:
        """What the Hub itself answers to this request with another query."""
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app({**scope, "query_string": query.encode()}, _Bodiless(), collect)
        headers = {name.decode().lower(): text.decode() for name, text in start["headers"]}

        async def parts() -> AsyncIterator[bytes]:
            yield bytes(body)

        return Answer(start["status"], headers, parts())


class _Bodiless:
    """The receiving end of a request without a body, whose client stays."""

    def __init__(self) -> None:
        self._told = False

    async def __call__(self) -> Message:
        if self._told:
            await asyncio.Event().wait()
        self._told = True
        return {"type": "http.request", "body": b"", "more_body": False}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _spoil(occasion: Occasion, ways: list[Way], send: Send) -> None:
    for way in ways:
        await way.strike(occasion)
    await _send(occasion.answer, send)
    if occasion.answer.cut:
        raise Dropped


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), text.encode()) for name, text in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for part in answer.parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if not answer.cut:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _url(scope: Scope) -> str:
    headers: dict[bytes, Any] = dict(scope["headers"])
    query = scope["query_string"].decode()
    return f"{scope['scheme']}://{headers[b'host'].decode()}{scope['path']}" + (
        f"?{query}" if query else ""
    )
