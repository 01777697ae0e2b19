"""Brings what a bundle holds into a running Superset, through its REST API.

What belongs here: requests. A bundle that is there already is not sent again, so that what
people changed in Superset stays until our own files change.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx2

from deploy.superset.bundle import SLUG, fingerprint
from deploy.superset.server import USER, Server
from orchestration.home import Home, write_text_durably


def provision(home: Home, server: Server, packed: bytes) -> bool:
    """Import the bundle; False where this very one is there already.

    Raises `httpx2.HTTPStatusError` with Superset's own words where it refuses.
    """
    mark = home.root / "superset" / "provisioned"
    with logged_in(server) as client:
        same = mark.exists() and mark.read_text(encoding="utf-8") == fingerprint(packed)
        if same and client.get(f"/api/v1/dashboard/{SLUG}").is_success:
            return False
        token = _checked(client.get("/api/v1/security/csrf_token/")).json()["result"]
        answer = client.post(
            "/api/v1/assets/import/",
            headers={"X-CSRFToken": token, "Referer": server.address},
            files={"bundle": ("observatory.zip", packed, "application/zip")},
        )
        _checked(answer)
    write_text_durably(mark, fingerprint(packed))
    return True


@contextlib.contextmanager
def logged_in(server: Server) -> Iterator[httpx2.Client]:
    """A client of the API as `admin`."""
    who = {"username": USER, "password": server.password, "provider": "db"}
    with httpx2.Client(base_url=server.address, timeout=120) as client:
        answer = _checked(client.post("/api/v1/security/login", json=who))
        client.headers["Accept"] = "application/json"
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.is_error:
        raise httpx2.HTTPStatusError(
            f"Superset answers {answer.status_code}: {answer.text[:2000]}",
            request=answer.request,
            response=answer,
        )
    return answer
