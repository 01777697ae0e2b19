"""Whether the first of the countries is first for sure.

What belongs here: the rule alone, for a terminal and for a page. The words are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def could_be_first(countries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Who is first in some case of the doubtful homes instead of the first; None where nobody is.

    It is the one whose band goes furthest. A case that gives it its high may give the first its
    low: what is doubtful counts once. Of the others none is before it then. Rows without a band
    are in no doubt that is known.
    """
    first, *others = countries
    banded = [row for row in others if row["share_of_all_high"] is not None]
    furthest = max(banded, key=lambda row: row["share_of_all_high"], default=None)
    low = first["share_of_all_low"]
    if furthest is None or low is None or furthest["share_of_all_high"] < low:
        return None
    return furthest
