"""Verdicts of gate 1 as they lie beside the raw snapshots, and what operators accepted.

What belongs here: `gate.json` and `accepted.json`, written and read. How a verdict comes about
is `raw.py`'s.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from orchestration.errors import Refusal
from orchestration.gates import raw_metrics
from orchestration.gates.outcome import CheckOutcome
from orchestration.gates.raw_checks import SUITE_VERSION
from orchestration.gates.raw_metrics import Metrics
from orchestration.home import Home, write_text_durably
from orchestration.snapshots import store
from orchestration.snapshots.store import Sealed

GATE = "gate.json"
ACCEPTED = "accepted.json"


@dataclass(frozen=True)
class Verdict:
    """Gate 1's answer for one version of one day, as `gate.json` keeps it."""

    snapshot_date: date
    content_sha256: str
    suite_version: int
    metrics_version: int
    judged_at: str
    passed: bool
    rows_quarantined: int
    outcomes: list[CheckOutcome]
    metrics: Metrics = field(default_factory=dict)

    def quality_rows(self) -> list[dict[str, Any]]:
        """Rows of `raw.quality_checks`, one a check."""
        return [
            {
                "snapshot_date": self.snapshot_date,
                "check_name": outcome.name,
                "status": outcome.status,
                "observed_value": float(outcome.observed)
                if isinstance(outcome.observed, int | float)
                else None,
                "threshold": outcome.threshold,
                "rows_quarantined": self.rows_quarantined,
            }
            for outcome in self.outcomes
        ]


def keep(home: Home, given: Verdict) -> None:
    """Keep a verdict. It can be given again, so a crash may lose it: no fsync for 721 files."""
    path = store.folder_of(home, given.snapshot_date) / GATE
    found = {name: value for name, value in vars(given).items() if name != "outcomes"}
    found["snapshot_date"] = given.snapshot_date.isoformat()
    found["outcomes"] = [outcome.to_dict() for outcome in given.outcomes]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(found, ensure_ascii=True) + "\n", encoding="utf-8")
    draft.replace(path)


def kept(home: Home, sealed: Sealed) -> Verdict | None:
    """The verdict beside a snapshot, if it is of this content and suite and no check crashed."""
    try:
        path = store.folder_of(home, sealed.snapshot_date) / GATE
        found = json.loads(path.read_text(encoding="utf-8"))
        found["snapshot_date"] = date.fromisoformat(found["snapshot_date"])
        found["outcomes"] = [CheckOutcome.from_dict(one) for one in found["outcomes"]]
        given = Verdict(**found)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    fits = (
        given.snapshot_date == sealed.snapshot_date
        and given.content_sha256 == sealed.content_sha256
        and given.suite_version == SUITE_VERSION
        and given.metrics_version == raw_metrics.METRICS_VERSION
        and not any(outcome.status == "crashed" for outcome in given.outcomes)
    )
    return given if fits else None


def keep_acceptance(home: Home, sealed: Sealed, check: str, reason: str) -> None:
    """Note that an operator accepts the failure of `check` for this content."""
    record = {
        "content_sha256": sealed.content_sha256,
        "checks": acceptances(home, sealed) | {check: reason},
    }
    file = store.folder_of(home, sealed.snapshot_date) / ACCEPTED
    write_text_durably(file, json.dumps(record, indent=2) + "\n")


def acceptances(home: Home, sealed: Sealed) -> dict[str, str]:
    """The checks that an operator accepted for this content, with the reasons."""
    file = store.folder_of(home, sealed.snapshot_date) / ACCEPTED
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        fits = found["content_sha256"] == sealed.content_sha256
        return {str(k): str(v) for k, v in found["checks"].items()} if fits else {}
    except (ValueError, KeyError, AttributeError) as error:
        raise Refusal(
            f"the acceptances of a day cannot be read ({error})",
            file=file,
            cure="remove the file, and accept again what is to be accepted",
        ) from error
