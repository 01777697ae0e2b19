"""Which colour belongs to whom; the colours themselves are in `static/site.css`.

What belongs here: names of style-sheet variables, so that light and dark can differ while a
country keeps its hue on every page. The script resolves `var(--...)` when it draws.
"""

from __future__ import annotations

# The countries one meets in a chart's foreground; every other one is drawn in a quiet grey and
# told apart by its label.
COUNTRIES = ("US", "CN", "FR", "GB", "DE", "KR", "CA", "JP", "IL", "AE", "IN", "SG")

RELEASE_TYPES = (
    "base", "finetune", "adapter", "merge", "quantization", "format_conversion", "checkpoint",
)  # fmt: skip

ENTRIES = 8

STATUSES = ("passed", "warned", "failed", "crashed")


def country(country_key: str) -> str:
    """The colour of a country, or the quiet one."""
    return f"var(--country-{country_key if country_key in COUNTRIES else 'other'})"


def entry(place: int) -> str:
    """The colour of the `place`-th of things that have none of their own."""
    return f"var(--entry-{place + 1})" if place < ENTRIES else "var(--country-other)"


def release_type(name: str) -> str:
    return f"var(--release-{name.replace('_', '-')})"
