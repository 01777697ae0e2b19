"""Faults on purpose, declared in a small file: what a client of the Hub must survive.

What belongs here: reading the declarations and deciding which request each one strikes. The
ways to misbehave are in `misbehaviour`; README.md in this folder shows a file.
"""

from __future__ import annotations

import fnmatch
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from local_hub.listing import RULES
from local_hub.misbehaviour import WAYS, Way
from orchestration.errors import Refusal

_CURE = "write it as local_hub/README.md shows"
_LISTINGS = frozenset(f"/api/{kind}" for kind in RULES)
_NUMBERS = re.compile(r"(\d+)(?:(-)(\d+)?)?")


@dataclass(frozen=True)
class Range:
    """Whole numbers from `low` to `high`, both included; `high` None: without end."""

    low: int
    high: int | None

    def __contains__(self, number: object) -> bool:
        return (
            isinstance(number, int | float)
            and self.low <= number
            and (self.high is None or number <= self.high)
        )


@dataclass(frozen=True)
class Fault:
    """One declaration: `way` strikes the requests that fulfil every condition, `times` times."""

    way: Way
    path: str = "/api/models"
    requests: Range | None = None
    page: Range | None = None
    seconds: Range | None = None
    probability: float = 1.0
    times: int | None = None


class Faults:
    """The faults of one server, with the counts that they depend on."""

    def __init__(self, declared: list[Fault], *, seed: int = 0) -> None:
        self._declared = declared
        self._random = random.Random(seed)
        self._asked = [0] * len(declared)
        self._struck = [0] * len(declared)
        self._pages: dict[str, dict[str | None, int]] = {}
        self._began: float | None = None

    @property
    def struck(self) -> int:
        """How many times any fault struck so far."""
        return sum(self._struck)

    def striking(self, path: str, cursor: str | None) -> list[Way]:
        """The ways in which to spoil this request, in the order of the file."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        page = self._page(path, cursor) if path in _LISTINGS else None
        ways = []
        for place, fault in enumerate(self._declared):
            if not fnmatch.fnmatchcase(path, fault.path):
                continue
            self._asked[place] += 1
            lucky = fault.probability < 1 and self._random.random() >= fault.probability
            if (
                not lucky
                and (fault.times is None or self._struck[place] < fault.times)
                and (fault.requests is None or self._asked[place] in fault.requests)
                and (fault.page is None or page in fault.page)
                and (fault.seconds is None or now - self._began in fault.seconds)
            ):
                self._struck[place] += 1
                ways.append(fault.way)
        return ways

    def _page(self, path: str, cursor: str | None) -> int:
        """The number of this page: the first has no cursor, the others count as they come."""
        pages = self._pages.setdefault(path, {})
        if cursor is None:
            pages.clear()
        return pages.setdefault(cursor, len(pages) + 1)


def read_faults(source: Path | Mapping[str, Any]) -> Faults:
    """The faults declared in a YAML or JSON file, or in a mapping of the same shape.

    Refuses what it does not understand, naming the fault and the field.
    """
    file = source if isinstance(source, Path) else None
    declared = _parsed(source) if isinstance(source, Path) else source
    if not isinstance(declared, Mapping) or not isinstance(declared.get("faults"), list):
        raise Refusal("there is no list called `faults`", file=file, cure=_CURE)
    seed = declared.get("seed", 0)
    if not isinstance(seed, int):
        raise Refusal("the seed is no whole number", file=file, field="seed", cure=_CURE)
    faults = []
    for number, entry in enumerate(declared["faults"], start=1):
        try:
            faults.append(_fault(entry))
        except (ValueError, TypeError) as error:
            raise Refusal(f"fault {number}: {error}", file=file, cure=_CURE) from error
    return Faults(faults, seed=seed)


def _parsed(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refusal(f"the faults cannot be read ({error})", file=file, cure=_CURE) from error


def _fault(entry: Any) -> Fault:
    if not isinstance(entry, Mapping) or entry.get("do") not in WAYS:
        raise ValueError(f"`do` must be one of {', '.join(WAYS)}")
    options = dict(entry)
    kind, when, times = options.pop("do"), options.pop("when", {}), options.pop("times", None)
    if times is not None and not isinstance(times, int):
        raise ValueError("`times` must be a whole number")
    if not isinstance(when, Mapping):
        raise ValueError("`when` must hold path, requests, page, seconds, probability")
    return Fault(_way(WAYS[kind], options), times=times, **dict(map(_condition, when.items())))


def _condition(named: tuple[Any, Any]) -> tuple[str, Any]:
    name, value = named
    if name in ("requests", "page", "seconds"):
        return name, _range(name, value)
    if name == "path" and isinstance(value, str):
        return name, value
    if name == "probability" and isinstance(value, int | float) and 0 <= value <= 1:
        return name, float(value)
    raise ValueError(f"`when` cannot hold {name}: {value!r}")


def _range(name: str, value: Any) -> Range:
    found = _NUMBERS.fullmatch(str(value))
    if found is None:
        raise ValueError(f"`{name}` must be 3, 3-7 or 3-, not {value!r}")
    low = int(found[1])
    if found[2] is None:
        return Range(low, low)
    return Range(low, int(found[3]) if found[3] else None)


def _way(kind: type[Way], options: dict[str, Any]) -> Way:
    known = {field.name: field for field in fields(kind)}
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"`{name}` is not among its options: {', '.join(known) or 'none'}")
        expected, example = _EXPECTED[str(known[name].type)]
        if isinstance(value, bool) != (expected is bool) or not isinstance(value, expected):
            raise ValueError(f"`{name}` must be like {example}, not {value!r}")
    return kind(**options)


# By the type that an option is annotated with: what the file may hold, and an example.
_EXPECTED: dict[str, tuple[Any, str]] = {
    "int": (int, "3"),
    "float": ((int, float), "0.5"),
    "bool": (bool, "true"),
    "str": (str, "some text"),
    "Mapping[str, str]": (Mapping, "{Retry-After: '5'}"),
    "date | None": (date, "2026-08-20"),
}
