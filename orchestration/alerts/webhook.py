"""The webhook that alerts are sent to, in the JSON of Slack's incoming webhooks.

What belongs here: one POST and what its answer means. The address is a secret: whoever has it
can write to the channel, so it is in no message, log or error of ours.
"""

from __future__ import annotations

import hashlib
import logging
import os
from typing import Any

import httpx2

from orchestration.alerts.journal import NotTaken, Raised

URL = "OBSERVATORY_ALERT_WEBHOOK_URL"
# It logs every address that it asks.
logging.getLogger("httpx2").setLevel(logging.WARNING)
# A receiver that is slow but takes it must not be sent it twice.
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)


def url_from_environment() -> str | None:
    """The address to send to, or None. It is a secret: never print it."""
    return os.environ.get(URL) or None


def payload(raised: Raised) -> dict[str, Any]:
    """The message: `text` for notifications, blocks for the channel, a link."""
    alert = raised.alert
    title = raised.rule.replace("_", " ").capitalize()
    words = f"*{title}*\n{_escaped(alert.text)}\n<{alert.link}|Open the dashboard>"
    note = f"Hub Observatory · {alert.asset} · alert {raised.id} · {raised.raised_at}"
    return {
        "text": f"{title}: {_escaped(alert.text)} {alert.link}",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": words[:3000]}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(note)}]},
        ],
    }


def post(url: str, raised: Raised) -> None:
    """Send one alert; NotTaken where the receiver did not answer 2xx.

    `Idempotency-Key` is the same at every attempt. A process killed between the receiver's
    answer and the journal's commit sends once more: rather twice than never.
    """
    alert = raised.alert
    key = hashlib.sha256(f"{raised.id}/{alert.subject}/{alert.as_of}".encode()).hexdigest()
    try:
        answer = httpx2.post(
            url, json=payload(raised), headers={"Idempotency-Key": key}, timeout=_TIMEOUT
        )
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise NotTaken(f"{URL} is not an http(s) address", is_down=True) from None
    except httpx2.HTTPError as error:
        raise NotTaken(
            f"the webhook is not reached ({type(error).__name__})", is_down=True
        ) from None
    if not answer.is_success:
        # A message that is refused for itself must not hold up the next; 404 and 5xx meet all.
        raise NotTaken(
            f"the webhook answered {answer.status_code}",
            is_down=answer.status_code not in (400, 413, 422),
        )


def _escaped(text: str) -> str:
    """Names are strangers' words: no mention, link or markup of Slack's may hide in them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
