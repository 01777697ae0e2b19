"""The answer of a gate: one outcome for each question and day.

What belongs here: the shape of a question and of its answer, and how it goes to JSON and back.
What is asked belongs to the gates; how it is shown, to Dagster, the CLI and the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal

# `crashed` says that the question could not be put: that is no answer, so it blocks as well.
Status = Literal["passed", "failed", "warned", "crashed"]


@dataclass(frozen=True)
class Check:
    """A question that a gate asks.

    `metric` is a column of the frame that holds the measured value, `least` and `most` bound
    it on both sides (inclusive). `learned` says that each row brings its own bounds, in the
    columns `<name>__least` and `<name>__most`. A value that is null was not measurable and
    passes, unless it is `required`. What does not block, warns. `acceptable` says that the
    answer is a matter of judgement, so that an operator may let it pass; a fact is none.
    """

    name: str
    description: str
    cure: str
    metric: str
    least: float | None = None
    most: float | None = None
    learned: bool = False
    required: bool = False
    blocking: bool = True
    acceptable: bool = False

    @property
    def threshold(self) -> str:
        """The bounds in words; those of a learned check are the row's own."""
        return bounds_in_words(self.least, self.most)

    def outcome(
        self,
        status: Status,
        observed: float | int | str | None,
        snapshot_date: date | None = None,
        *,
        threshold: str | None = None,
        sample: Sequence[dict[str, Any]] = (),
    ) -> CheckOutcome:
        """This check's answer; `threshold` where it is other than the declared one."""
        return CheckOutcome(
            name=self.name,
            description=self.description,
            status=status,
            snapshot_date=snapshot_date,
            observed=observed,
            threshold=self.threshold if threshold is None else threshold,
            cure=self.cure,
            blocking=self.blocking,
            sample=list(sample),
        )

    def crashed(self, why: str, snapshot_date: date | None = None) -> CheckOutcome:
        """The outcome of a check that could not be asked."""
        return self.outcome("crashed", why[:500], snapshot_date)


@dataclass(frozen=True)
class CheckOutcome:
    """What a gate found: `observed` against `threshold`, with up to a few rows that break it."""

    name: str
    description: str
    status: Status
    snapshot_date: date | None
    observed: float | int | str | None
    threshold: str
    cure: str
    blocking: bool
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """Whether this outcome stops the day or the publication."""
        return self.blocking and self.status in ("failed", "crashed")

    def accepted(self, reason: str) -> CheckOutcome:
        """This failure as an operator let it pass: a warning that tells why."""
        return replace(self, status="warned", threshold=f"{self.threshold}; accepted: {reason}")

    def to_dict(self) -> dict[str, Any]:
        day = self.snapshot_date.isoformat() if self.snapshot_date else None
        return asdict(self) | {"snapshot_date": day}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> CheckOutcome:
        day = found["snapshot_date"]
        return cls(**(found | {"snapshot_date": date.fromisoformat(day) if day else None}))

    def __str__(self) -> str:
        day = f"{self.snapshot_date}: " if self.snapshot_date else ""
        return f"{day}{self.name} {self.status}: observed {self.observed}, allowed {self.threshold}"


def blocked(outcomes: Iterable[CheckOutcome]) -> list[CheckOutcome]:
    """Those that stop the day or the publication."""
    return [outcome for outcome in outcomes if outcome.blocks]


def in_words(value: float) -> str:
    """A number as a person writes it: 12,345 or 0.0123."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def bounds_in_words(least: float | None, most: float | None) -> str:
    """The bounds as people read them; `anything` where there are none."""
    if least is not None and most is not None:
        if least == most:
            return in_words(least)
        return f"{in_words(least)} to {in_words(most)}"
    if least is not None:
        return f"at least {in_words(least)}"
    return f"at most {in_words(most)}" if most is not None else "anything"
