"""Superset's own settings; Superset imports this file, in its own environment.

What belongs here: what must hold before the first request. Databases, datasets, charts and the
dashboard come through the API, from `bundle.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy.engine.url import URL

_FOLDER = Path(os.environ["SUPERSET_HOME"])
_PUBLISHED = Path(os.environ["OBSERVATORY_PUBLISHED"])

SECRET_KEY = (_FOLDER / "secret_key").read_text(encoding="utf-8")
GUEST_TOKEN_JWT_SECRET = GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_FOLDER / 'superset.db'}"

APP_NAME = "Hub Observatory"
# A filter of the dashboard compares with the newest day of its table.
FEATURE_FLAGS = {"ALLOW_ADHOC_SUBQUERY": True}

# Every page carries an image that counts visitors on a foreign host. No setting removes it, so
# the browser is told to fetch from nobody but us.
CONTENT_SECURITY_POLICY_WARNING = False
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}


def USER_AGENT_FUNC(database: Any, source: Any) -> str:  # noqa: N802
    """One name for all: DuckDB refuses a second connection that is configured otherwise."""
    return "superset"


def DB_CONNECTION_MUTATOR(  # noqa: N802
    uri: URL, params: dict[str, Any], username: str, security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Open the generation that is current now, so that a query never sees two."""
    if uri.database and Path(uri.database).is_relative_to(_PUBLISHED):
        uri = uri.set(database=str(Path(uri.database).resolve()))
    return uri, params
