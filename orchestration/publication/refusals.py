"""The last candidate that gate 3 refused, and what an operator accepted of it.

What belongs here: one file in the home, written where a publication is refused and gone with
the next one that is shown. An acceptance holds for the very content that was refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.errors import Refusal
from orchestration.gates.outcome import CheckOutcome, blocked
from orchestration.home import Home, write_text_durably
from orchestration.publication.generation import Manifest

_SAME = ("content_sha256", "code_version")


@dataclass(frozen=True)
class Standing:
    """A candidate that was refused `at` (UTC): what blocks it still, as none has followed it."""

    at: datetime
    outcomes: list[CheckOutcome]


def file_of(home: Home) -> Path:
    return home.root / "refused_publication.json"


def note(home: Home, manifest: Manifest, outcomes: Sequence[CheckOutcome]) -> None:
    """Remember that the candidate of `manifest` was refused; what was accepted of it stays."""
    record = {key: manifest[key] for key in _SAME} | {
        "refused_at": manifest["published_at"],
        "failed": {one.name: one.to_dict() for one in blocked(outcomes)},
        "accepted": accepted(home, manifest),
    }
    _write(home, record)


def accept(home: Home, check: str, reason: str) -> None:
    """Let the refused candidate pass although `check` fails on it, for a `reason`.

    A Refusal where nothing was refused, where the check did not fail, or without a reason.
    """
    with home.lock(f"accepting {check}"):
        record = _read(home)
        failed = _failed(record)
        if record is None or check not in failed or not reason.strip():
            raise Refusal(
                "an acceptance needs a reason"
                if check in failed
                else f"there is nothing to accept: no publication was refused by {check}",
                file=file_of(home),
                cure=f"what failed on the last refused publication: {', '.join(sorted(failed))}"
                if failed
                else "publish first (`observatory publish`); only what was refused is accepted",
            )
        _write(home, record | {"accepted": record["accepted"] | {check: reason.strip()}})


def accepted(home: Home, manifest: Manifest) -> dict[str, str]:
    """The checks that were accepted for the content of `manifest`, with the reasons."""
    record = _read(home)
    if record is None or any(record[key] != manifest[key] for key in _SAME):
        return {}
    return {str(check): str(reason) for check, reason in record["accepted"].items()}


def forget(home: Home) -> None:
    """A publication was shown: its manifest tells what was accepted of it."""
    file_of(home).unlink(missing_ok=True)


def describe(home: Home) -> str | None:
    """When a publication was refused that none has followed, and by which checks."""
    record = _read(home)
    return f"{record['refused_at']}: {', '.join(record['failed'])}" if record else None


def standing(home: Home) -> Standing | None:
    """The refused publication that none has followed; None where all of it was accepted."""
    record = _read(home)
    if record is None:
        return None
    outcomes = [
        CheckOutcome.from_dict(outcome)
        for name, outcome in record["failed"].items()
        if name not in record["accepted"]
    ]
    return Standing(datetime.fromisoformat(record["refused_at"]), outcomes) if outcomes else None


def standing_since(home: Home) -> datetime | None:
    """When a publication was refused that waits for somebody to decide.

    A check that crashed settles nothing: it is asked again.
    """
    found = standing(home)
    if found is None or all(one.status == "crashed" for one in found.outcomes):
        return None
    return found.at


def _failed(record: dict[str, Any] | None) -> set[str]:
    found = record["failed"] if record is not None else {}
    return {name for name, outcome in found.items() if outcome["status"] == "failed"}


def _read(home: Home) -> dict[str, Any] | None:
    """The record; None where there is none or it is damaged: then nothing is accepted."""
    try:
        found = json.loads(file_of(home).read_text(encoding="utf-8"))
        complete = {*_SAME, "refused_at", "failed", "accepted"} <= found.keys()
        return dict(found) if complete else None
    except (OSError, ValueError, AttributeError):
        return None


def _write(home: Home, record: dict[str, Any]) -> None:
    write_text_durably(file_of(home), json.dumps(record, indent=1, ensure_ascii=True) + "\n")
