"""The errors that people are meant to read.

What belongs here: errors that refuse input or state and tell the cure. Errors that mean a
defect of our own are ordinary exceptions and do not belong here.
"""

from __future__ import annotations

from pathlib import Path

# How the system, SQLite and DuckDB say that nothing more can be written; the last is what SQLite
# says of a file that may not grow.
_FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "database or disk is full",
    "disk I/O error",
)


class Refusal(Exception):
    """Something was refused; nothing was changed by it.

    `problem` says what is wrong, `cure` what the reader can do. `file`, `row` (1-based, as an
    editor counts lines) and `field` say where, as far as it is known.
    """

    def __init__(
        self,
        problem: str,
        *,
        cure: str,
        file: str | Path | None = None,
        row: int | None = None,
        field: str | None = None,
    ) -> None:
        self.problem = problem
        self.cure = cure
        self.file = file
        self.row = row
        self.field = field
        super().__init__(self._text())

    def _text(self) -> str:
        where = [
            f"{name} {value}"
            for name, value in (("file", self.file), ("row", self.row), ("field", self.field))
            if value is not None
        ]
        place = f"{', '.join(where)}: " if where else ""
        return f"{place}{self.problem}\nCure: {self.cure}"


def disk_is_full(words: str) -> Refusal | None:
    """The refusal that an error stands for, by its `words`, where it says that a disk is full.

    It can come from any statement of any library: from Dagster's own records as from ours.
    """
    told = [line.strip() for line in words.splitlines() if any(one in line for one in _FULL)]
    if not told:
        return None
    return Refusal(
        f"nothing more can be written: {told[-1]}",
        cure="make room on the disk of OBSERVATORY_HOME (look at the disk itself, where it has "
        "room), or lift the limit on the size of files, and run again: what was sealed and what "
        "is published is as it was",
    )
