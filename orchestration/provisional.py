"""The sentence about figures that later snapshots may still repair.

What belongs here: the words alone, the same on a terminal and on a page. Which figures they are
is said by `is_provisional` of the marts.
"""

from __future__ import annotations


def told(days: int) -> str:
    """What is said where the newest `days` days are provisional; nothing where none is."""
    match days:
        case 0:
            return ""
        case 1:
            return "newest day provisional: later snapshots may still repair it"
        case _:
            return f"newest {days} days provisional: later snapshots may still repair them"
