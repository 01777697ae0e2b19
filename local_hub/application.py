"""The Hub's API as an ASGI application.

What belongs here: routes, statuses and headers. How a listing is made belongs to `listing`,
what there is to list to the content, and whatever goes wrong on purpose to `faults`.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from local_hub import listing
from local_hub.changes import Change, Changed, ChangingDay
from local_hub.clock import Clock
from local_hub.content import Content, Day, Kind, Other, Record, project
from local_hub.datasets import DatasetsApi
from local_hub.quota import Quota


class Stage:
    """What is being played now: the content, the Hub's time, and the day that goes with it."""

    def __init__(self, content: Content, moment: date | datetime | None, quota: Quota) -> None:
        self.content = content
        self.quota = quota
        self.clock = Clock(moment or content.dates[-1])
        self._lock = threading.Lock()
        self._playing = self.clock.now().date()
        self._day = content.day(self._playing)
        self._others: dict[Other, tuple[date, Day]] = {}

    def set_date(self, moment: date | datetime) -> None:
        """Play another day from now on. Refuses one that the content does not have."""
        on = moment.date() if isinstance(moment, datetime) else moment
        day = self.content.day(on)
        with self._lock:
            self.clock.set(moment)
            self._playing, self._day = on, day

    def change(self, change: Change) -> None:
        """Let models change while the day is being read."""
        day = self.day()
        with self._lock:
            if not isinstance(self._day, ChangingDay):
                self._day = ChangingDay(day)
            self._day.change(change, self.clock.now())

    @property
    def changed(self) -> Changed:
        """What changed on this day while it was read."""
        day = self.day()
        return day.changed if isinstance(day, ChangingDay) else Changed()

    def day(self) -> Day:
        """The models of now. Where midnight passed and the content ends, its last day stays."""
        today = self.clock.now().date()
        with self._lock:
            if today != self._playing:
                self._playing = today
                if today in self.content.dates:
                    self._day = self.content.day(today)
            return self._day

    def other_day(self, kind: Other) -> Day:
        """The datasets or Spaces of now."""
        self.day()
        with self._lock:
            on, day = self._others.get(kind, (None, None))
            if day is None or on != self._playing:
                day = self.content.other_day(kind, self._playing)
                self._others[kind] = self._playing, day
            return day


def application(stage: Stage, datasets: Mapping[str, Path]) -> Starlette:
    """The API over `stage`, and the dataset repositories of `datasets` (name: folder)."""
    hub = _Hub(stage)
    return Starlette(
        routes=[
            *(Route(f"/api/{kind}", partial(hub.listing, kind)) for kind in listing.RULES),
            *DatasetsApi(datasets, stage.clock.now).routes,
            *(
                Route(f"/api/{kind}/{{repo_id:path}}", partial(hub.repository, kind))
                for kind in listing.RULES
            ),
            Route("/api/organizations/{name}/overview", hub.organization),
            Route("/api/users/{name}/overview", hub.user),
            Route("/local-hub/organizations.csv", hub.organizations_csv),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=hub.around)],
    )


class _Hub:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def around(
        self, request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Every response: the Hub's own date, the universe, and what the quota has left."""
        spent: dict[str, str] = {}
        if request.url.path.startswith("/api/"):
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            allowance = self._stage.quota.spend(token if scheme == "Bearer" and token else None)
            spent = allowance.headers()
            if allowance.granted:
                response = await proceed(request)
            else:
                response = _error(429, "you have reached your 'api' rate limit")
        else:
            response = await proceed(request)
        response.headers.update(spent)
        response.headers["Date"] = format_datetime(self._stage.clock.now(), usegmt=True)
        response.headers["X-Hub-Universe"] = self._stage.content.universe
        return response

    def _day(self, kind: Kind) -> Day:
        return self._stage.day() if kind == "models" else self._stage.other_day(kind)

    async def listing(self, kind: Kind, request: Request) -> Response:
        asked = request.query_params.multi_items()
        try:
            page = listing.page(self._day(kind), listing.understand(asked, listing.RULES[kind]))
        except listing.BadQuery as problem:
            return _error(400, str(problem))
        response = _json(page.body)
        if page.next_cursor is not None:
            kept = [(name, value) for name, value in asked if name != "cursor"]
            following = request.url.replace(query=_query([*kept, ("cursor", page.next_cursor)]))
            response.headers["Link"] = f'<{following}>; rel="next"'
        return response

    async def repository(self, kind: Kind, request: Request) -> Response:
        repo_id, _, revision = request.path_params["repo_id"].partition("/revision/")
        day, rules = self._day(kind), listing.RULES[kind]
        row = day.find(repo_id)
        if row is None:
            moved = day.moved_to(repo_id)
            if moved is not None:
                return RedirectResponse(str(request.url.replace(path=f"/api/{kind}/{moved}")), 307)
            return _error(404, "Repository not found", code="RepoNotFound")
        if revision not in ("", "main"):
            return _error(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        asked: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            asked.setdefault(name.removesuffix("[]"), []).append(value)
        record = day.records(np.array([row]))[0]
        known = {"_id", "id", "modelId", *rules.info}
        everything = tuple(name for name in record if name in known)
        try:
            fields = listing.fields_of(asked, rules.info, everything, rules.full)
        except listing.BadQuery as problem:
            return _error(400, str(problem))
        return _json(project(record, fields))

    async def organization(self, request: Request) -> Response:
        return self._overview(request.path_params["name"], "org")

    async def user(self, request: Request) -> Response:
        return self._overview(request.path_params["name"], "user")

    def _overview(self, name: str, kind: str) -> Response:
        day = self._stage.day()
        if day.author_type(name) != kind:
            return _error(404, f"This {'organization' if kind == 'org' else 'user'} does not exist")
        about = {
            "avatarUrl": "",
            "fullname": name,
            "type": kind,
            "numModels": day.models_of(name),
            "numDatasets": 0,
            "numSpaces": 0,
        }
        return _json({"name" if kind == "org" else "user": name, **about})

    async def organizations_csv(self, request: Request) -> Response:
        text = self._stage.content.organizations_csv()
        if text is None:
            return _error(404, "the organizations of this content are real, not generated")
        return PlainTextResponse(text, media_type="text/csv")


def _json(value: bytes | Record, status: int = 200) -> Response:
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(body, status, media_type="application/json")


def _error(status: int, message: str, *, code: str | None = None) -> Response:
    response = _json({"error": message}, status)
    response.headers["X-Error-Message"] = message
    if code is not None:
        response.headers["X-Error-Code"] = code
    return response


def _query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in pairs)
