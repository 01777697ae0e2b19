"""The token leaves for no other origin, and is in no log, file, message or traceback."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from local_hub import LocalHub
from orchestration.errors import Refusal
from orchestration.home import CHECKOUT, Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import crawl
from tests.integration.command_line import environment_for

TOKEN = "hf_" + "never" * 6


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "html"},
        {"do": "status", "status": 401, "headers": {"X-Error-Message": f"bad token {TOKEN}"}},
        {"do": "status", "status": 403, "body": f"you sent Bearer {TOKEN}"},
        {"do": "redirect", "origin": "http://elsewhere.invalid"},
        {"do": "foreign_link"},
        {"do": "close"},
    ],
    ids=["html", "401", "403", "redirect", "link", "close"],
)
def test_no_error_tells_the_token(
    recorded: Any,
    tmp_path: Path,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
) -> None:
    # httpcore's own trace cites the headers of answers: where a Hub echoes the token, so would it.
    echoes = TOKEN in str(fault)
    caplog.set_level(logging.INFO if echoes else logging.DEBUG)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    said: list[str] = []
    faults = [{"when": {"page": "2-"}, **fault}]
    with LocalHub(recorded, faults={"faults": faults}) as hub, pytest.raises(Refusal) as stopped:
        client = HubClient(hub.endpoint, clock=clock)
        crawl(
            Home(tmp_path),
            client,
            progress=lambda progress: said.append(str(progress)),
            outage=100.0,
        )
    # As the most talkative log would show it: every frame but this test's, with its variables.
    frames = stopped.tb.tb_next
    shown = traceback.TracebackException(stopped.type, stopped.value, frames, capture_locals=True)
    told = [*shown.format(), str(stopped.value), repr(client), caplog.text, *said]
    assert TOKEN not in "\n".join(told)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_the_token_is_sent_to_its_own_hub(sick: Any, tmp_path: Path) -> None:
    crawl(Home(tmp_path), HubClient(sick.endpoint, TOKEN))
    assert {headers["authorization"] for headers in sick.headers} == {f"Bearer {TOKEN}"}


def test_without_a_token_none_is_sent(
    sick: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    crawl(Home(tmp_path), HubClient(sick.endpoint, token=False))
    assert not any("authorization" in headers for headers in sick.headers)


def test_a_process_asks_nothing_of_its_own_and_reads_no_file_for_a_token(
    sick: Any, tmp_path: Path
) -> None:
    """huggingface_hub alone asks for a list of programs first, and sends `hf auth login`'s."""
    (tmp_path / "token").write_text(TOKEN)
    contact = f"from {HubClient.__module__} import HubClient; HubClient().contact()"
    environment = environment_for(
        tmp_path, {"HF_ENDPOINT": sick.endpoint, "HF_HOME": str(tmp_path)}
    )
    subprocess.run([sys.executable, "-c", contact], env=environment, check=True, cwd=CHECKOUT)
    assert [path.partition("?")[0] for path in sick.asked] == ["/api/models"]
    assert not any("authorization" in headers for headers in sick.headers)


@pytest.mark.parametrize("token", ["hf_two\nlines", "hf_ünfit", "hf_tab\there"])
def test_a_token_that_cannot_be_sent_is_refused_untold(token: str) -> None:
    with pytest.raises(Refusal, match="check HF_TOKEN") as refused:
        HubClient("http://127.0.0.1:9", token)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint", ["ftp://hub", "hub.example", "http://", "https://me:secret@hub", "http://a b"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(Refusal, match="no address of a Hub") as refused:
        HubClient(endpoint)
    assert "secret" not in str(refused.value)


def test_offline_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Refusal, match="unset HF_HUB_OFFLINE"):
        HubClient("http://127.0.0.1:9")
