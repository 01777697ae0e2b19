"""Numbers, dates and names as people read them.

What belongs here: turning one value into text, and making text from the data harmless to the
eye. Escaping for HTML is Jinja's; whole sentences belong to the pages.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

THIN = "\u202f"
NO_BREAK = "\u00a0"
MINUS = "\u2212"
TO = "\u2013"
LONGEST_NAME = 120
# A class of characters: controls, what joins, reorders or hides (bidi overrides, zero widths,
# tags), lone surrogates, private use.
UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)


WINDOWS = {
    "30d": "30 days",
    "365d": "365 days",
    "28d": "28 days",
    "7d": "7 days",
    "1d": "1 day",
    "all_time": "All time",
}
COHORTS = {"all": "All models", "new_365d": "Models under a year old"}
SCOPES = {"all": "Every kind", "language_models": "Language models"}
ATTRIBUTIONS = {"publisher": "Publisher", "base_model": "Base model"}
RELEASE_TYPES = {
    "all": "Everything",
    "base": "Base models",
    "finetune": "Fine-tunes",
    "adapter": "Adapters",
    "merge": "Merges",
    "quantization": "Quantizations",
    "format_conversion": "Format conversions",
    "checkpoint": "Checkpoints",
}
NO_COUNTRY = {
    "unattributed_individual": "Individuals",
    "unattributed_organization": "Organizations of unknown home",
    "unattributed_unknown": "Owners nobody described",
    "international": "International communities",
}
_WITH_ARTICLE = frozenset({"US", "GB", "AE", "NL", "PH", "CZ", "DO", "BS", "MV"})


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0..1 as `41.2 %`; an em dash where there is none."""
    if share is None:
        return "—"
    least = 0.5 * 10 ** -(digits + 2)
    if 0 < share < least:
        return f"<{2 * least * 100:.{digits}f}{THIN}%"
    return f"{share * 100:.{digits}f}{THIN}%".replace("-", MINUS)


def signed(number: float, digits: int = 1) -> str:
    """A number with its sign, `+1.2`; what rounds to nothing has none."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def points(difference: float | None) -> str:
    """A difference of two shares as signed percentage points, `+1.2`."""
    return "—" if difference is None else signed(difference * 100)


def between(low: float | None, high: float | None) -> str:
    """The range of a share: both ends and one percent sign."""
    if low is None or high is None:
        return "—"
    return f"{low * 100:.1f}{TO}{high * 100:.1f}{THIN}%"


def count(number: float | None) -> str:
    """A whole number with its thousands, `1,234,567`."""
    return "—" if number is None else f"{number:,.0f}".replace("-", MINUS)


def magnitude(number: float | None) -> str:
    """A large number in three figures, `2.21 billion`."""
    if number is None:
        return "—"
    rounded = float(f"{number:.3g}")
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if abs(rounded) >= size:
            return f"{rounded / size:.3g} {name}"
    return count(number)


def figures(number: float | None) -> str:
    """A number of any size in four figures."""
    if number is None:
        return "—"
    text = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
    return text.replace("-", MINUS)


def ratio(number: float | None) -> str:
    """A number of 0..1 that is no share, `0.983`."""
    return "—" if number is None else f"{number:.3f}"


def day(value: dt.date | None) -> str:
    """`22 August 2026`."""
    return "—" if value is None else f"{value.day} {value:%B %Y}"


def window_phrase(window_name: str) -> str:
    """The window at the end of a clause: `of the last 30 days`."""
    if window_name == "all_time":
        return "since the Hub began to count"
    if window_name == "1d":
        return "of the last day"
    return f"of the last {WINDOWS.get(window_name, window_name)}"


def legible(value: Any, longest: int = LONGEST_NAME) -> str:
    """Text from the data, with what could hide or reorder it made visible, and cut to a line."""
    text = re.sub(f"[{UNSEEN}]", "\ufffd", str(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def unmeasured(reason: str | None) -> str:
    """What stands where a value is missing: never 0."""
    why = legible(reason).replace("_", " ") if reason else "no reason was recorded"
    return f"not measurable: {why}"


def with_article(country_key: str, name: str) -> str:
    """A country's name inside a sentence: `the United States`, `China`."""
    return f"the {name}" if country_key in _WITH_ARTICLE else name


def on_change(difference: float | None, days: int) -> str:
    """A change over some days as the end of a sentence."""
    if difference is None:
        return f"not measured {days} days before"
    return f"{points(difference)} in {days} days"


def capital(text: str) -> str:
    """`text` with its first letter raised, the rest left alone."""
    return text[:1].upper() + text[1:]


def largest(number: int, kind: str) -> str:
    """The head of a ranking in words: `8 largest lines`, `largest line`."""
    return f"largest {kind}" if number == 1 else f"{number} largest {kind}s"


def listed(items: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
