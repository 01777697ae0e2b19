"""Reading sealed days as they were, whether they lie whole or compacted.

What belongs here: the two forms of a day on disk, and the one way to read both. Which days are
compacted, and when, is `compaction.py`'s.

Whole, as sealed:  hub_models/snapshot_date=D/models.vN.parquet      every column of the contract
Compacted:         hub_models/snapshot_date=D/counters.vN.parquet    what moves daily, narrow
                   hub_keys/keys.NNNN.parquet                        each model's identity, once
                   hub_attributes/month=M/attributes.NNNN.parquet    the rest, each version once
                   hub_keys/manifest.json,
                   hub_attributes/month=M/manifest.json              files and days, with hashes

A row of counters names its key and its attributes by number, so that a day is two joins, and
counters alone one, with the same keys for every day. Files are only ever added, never changed.
A manifest that is older than a day, as from a backup, does not lead to all of it: that is refused.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from orchestration.database import connect, literal, literals
from orchestration.errors import Refusal
from orchestration.home import Home, write_text_durably
from orchestration.snapshots import store
from orchestration.snapshots.contract import COLUMN_NAMES
from orchestration.snapshots.store import MANIFEST, Sealed

log = logging.getLogger(__name__)

KEYS_TABLE, ATTRIBUTES_TABLE = "hub_keys", "hub_attributes"
KEY_ROW, ATTRIBUTES_ROW = "key_row", "attributes_row"
COUNTERS = ("downloads", "downloadsAllTime", "likes", "trendingScore")
KEYS = ("_id", "id", "createdAt")
ATTRIBUTES = tuple(name for name in COLUMN_NAMES if name not in (*COUNTERS, *KEYS))
_BACKUP = (
    "restore the file from a backup made after the last compaction (an older one lacks what days "
    "compacted since need)"
)


@dataclass(frozen=True)
class Part:
    """One file of keys or of attributes, whose rows are numbered from `first_row` on."""

    file: str
    first_row: int
    rows: int
    sha256: str


def next_row(parts: Sequence[Part]) -> int:
    """The number of the next row that is added to `parts`."""
    return parts[-1].first_row + parts[-1].rows if parts else 0


@dataclass(frozen=True)
class CompactedDay:
    """One version of a day in its compacted form; the content is that of its own manifest.

    `keys_sha256` is the newest file of keys at that time: its rows name keys of it and of those
    before. An older program did not note it.
    """

    snapshot_date: str
    version: int
    content_sha256: str
    rows: int
    file: str
    sha256: str
    keys_sha256: str = ""

    def finds_keys(self, keys: Sequence[Part]) -> bool:
        """Whether `keys` are those that the day was compacted with, or newer."""
        if self.keys_sha256:
            return self.keys_sha256 in (one.sha256 for one in keys)
        return bool(keys) or not self.rows


@dataclass(frozen=True)
class Month:
    """The compacted days of a month: the content of `hub_attributes/month=M/manifest.json`."""

    month: str
    attributes: tuple[Part, ...] = ()
    days: tuple[CompactedDay, ...] = ()

    def find(self, sealed: Sealed) -> CompactedDay | None:
        """The compacted form of this very content of a day, or None."""
        for day in self.days:
            if (day.snapshot_date, day.version, day.content_sha256) == (
                sealed.snapshot_date.isoformat(),
                sealed.version,
                sealed.content_sha256,
            ):
                return day
        return None


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def month_folder(home: Home, month: str) -> Path:
    return home.raw / ATTRIBUTES_TABLE / f"month={month}"


def keys_folder(home: Home) -> Path:
    return home.raw / KEYS_TABLE


def read_month(home: Home, month: str) -> Month:
    """What is compacted of a month (nothing, where nothing is); a Refusal where it is damaged."""
    path = month_folder(home, month) / MANIFEST
    with _refusing(path):
        if not path.exists():
            return Month(month)
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["month"] != month:
            raise ValueError(f"it is of {found['month']}, its folder of another month")
        return Month(
            month,
            tuple(Part(**one) for one in found["attributes"]),
            tuple(CompactedDay(**one) for one in found["days"]),
        )


def read_keys(home: Home) -> tuple[Part, ...]:
    """The files of keys; a Refusal where their manifest is damaged."""
    path = keys_folder(home) / MANIFEST
    with _refusing(path):
        if not path.exists():
            return ()
        found = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Part(**one) for one in found["keys"])


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal(
            f"the manifest of compacted days cannot be read ({error})",
            file=path,
            cure=f"{_BACKUP}: without it these days are lost",
        ) from error


def older_manifest(folder: Path, snapshot_date: str) -> Refusal:
    """The answer where the manifest in `folder` does not lead to all of a compacted day."""
    return Refusal(
        f"{folder.name}/{MANIFEST} is gone or older than {snapshot_date}: it does not name all "
        "that this day was compacted into",
        file=folder / MANIFEST,
        cure=f"{_BACKUP}, or remove the folders of such days and import them again",
    )


def write_month(home: Home, month: Month) -> None:
    """Make the days of `month` count, all at once."""
    text = json.dumps(asdict(month), indent=1) + "\n"
    write_text_durably(month_folder(home, month.month) / MANIFEST, text)


def write_keys(home: Home, keys: Sequence[Part]) -> None:
    """Make `keys` count; those that no day names yet do no harm."""
    text = json.dumps({"keys": [asdict(one) for one in keys]}, indent=1) + "\n"
    write_text_durably(keys_folder(home) / MANIFEST, text)


def is_whole(home: Home, sealed: Sealed) -> bool:
    """Whether the day lies in its whole form (it may lie compacted as well)."""
    return store.parquet_of(home, sealed).exists()


def counters_file(home: Home, sealed: Sealed) -> Path:
    folder = store.folder_of(home, sealed.snapshot_date, sealed.table)
    return folder / f"counters.v{sealed.version}.parquet"


def records(home: Home, days: Iterable[Sealed], columns: Sequence[str] = COLUMN_NAMES) -> str:
    """SQL, in brackets, that gives snapshot_date and `columns` of the rows of `days`.

    Only the files, and of them the columns, that a statement around it asks for are read. The
    connection must be one that may read `home.raw`. A Refusal where a day lies in neither form.
    """
    whole: list[Path] = []
    compacted: list[Sealed] = []
    for day in days:
        if is_whole(home, day):
            whole.append(store.parquet_of(home, day))
        else:
            compacted.append(day)
    names = ", ".join(f'"{name}"' for name in columns)
    parts = []
    if whole:
        parts.append(f"select snapshot_date, {names} from {_dated(whole)}")
    if compacted:
        months = {month: read_month(home, month) for month in sorted(_months(compacted))}
        parts.append(compacted_records(home, months, read_keys(home), compacted, columns))
    return "(" + " union all ".join(parts) + ")"


def _months(days: Iterable[Sealed]) -> set[str]:
    return {month_of(day.snapshot_date) for day in days}


def compacted_records(
    home: Home,
    months: Mapping[str, Month],
    keys: Sequence[Part],
    days: Sequence[Sealed],
    columns: Sequence[str] = COLUMN_NAMES,
) -> str:
    """SQL that gives the same of days that lie compacted in `months`."""
    for day in days:
        _compacted_form(home, months[month_of(day.snapshot_date)], keys, day)
    if not set(columns) & set(ATTRIBUTES):
        return _joined(home, keys, days, columns, None)
    return " union all ".join(
        _joined(
            home,
            keys,
            [day for day in days if month_of(day.snapshot_date) == name],
            columns,
            month,
        )
        for name, month in months.items()
    )


def _compacted_form(home: Home, month: Month, keys: Sequence[Part], day: Sealed) -> CompactedDay:
    """The compacted form of a day; a Refusal where `month` and `keys` do not lead to all of it."""
    found = month.find(day)
    if found is None and counters_file(home, day).exists():
        raise older_manifest(month_folder(home, month.month), day.snapshot_date.isoformat())
    if found is None:
        raise Refusal(
            f"the sealed snapshot of {day.snapshot_date} is not there, neither whole nor compacted",
            file=store.parquet_of(home, day),
            cure="restore its folder from a backup, or remove it and import the day again",
        )
    if not found.finds_keys(keys):
        raise older_manifest(keys_folder(home), found.snapshot_date)
    return found


def _joined(
    home: Home,
    keys: Sequence[Part],
    days: Sequence[Sealed],
    columns: Sequence[str],
    month: Month | None,
) -> str:
    named = ", ".join(f'{_place(name)}."{name}"' for name in columns)
    largest_first = sorted(days, key=lambda day: day.rows, reverse=True)
    found = (
        f"select counters.snapshot_date, {named} "
        f"from {_dated([counters_file(home, day) for day in largest_first])} as counters "
    )
    if set(columns) & set(KEYS):
        found += _looked_up("keys", keys_folder(home), keys, KEY_ROW)
    if month:
        folder = month_folder(home, month.month)
        found += _looked_up("attributes", folder, month.attributes, ATTRIBUTES_ROW)
    return found


def _looked_up(name: str, folder: Path, parts: Sequence[Part], row: str) -> str:
    """A join that leaves the counters on the probing side.

    Only there does DuckDB use which days a statement around it asks for, and reads those files
    alone; on the other it reads the counters of every day there is. It takes the side that it
    believes larger, and believes of a list of files that each has the rows of the first: counters
    are named from the largest on, parts from the smallest. A condition makes it believe less of
    them again, where there is one of each: the remainder by 1 is always 0.
    """
    smallest_first = sorted(parts, key=lambda part: part.rows)
    files = literals(folder / part.file for part in smallest_first)
    return (
        f"left join (from read_parquet({files}, hive_partitioning = false) "
        f"where {row} % 1 = 0) as {name} using ({row}) "
    )


def _place(name: str) -> str:
    return "counters" if name in COUNTERS else "keys" if name in KEYS else "attributes"


def _dated(files: Iterable[Path]) -> str:
    return (
        f"read_parquet({literals(files)}, hive_partitioning = true, "
        "hive_types = {'snapshot_date': date})"
    )


def restore(home: Home, sealed: Sealed, file: Path) -> None:
    """Write the day as a whole Parquet file again, sorted by id, in the contract's columns."""
    names = ", ".join(f'"{name}"' for name in COLUMN_NAMES)
    with connect(
        folders=[home.raw, file.parent], temporary=home.temporary / "restore"
    ) as connection:
        connection.execute(
            f"copy (select {names} from {records(home, [sealed])} order by id) "
            f"to {literal(file)} (format parquet, compression zstd)"
        )


def damage(home: Home, sealed: Sealed, hashed: dict[Path, str]) -> str | None:
    """What is wrong with the files of a day, in words, by their hashes; None where nothing is.

    `hashed` remembers hashes between calls: the days of a month share files.
    """

    def differs(path: Path, sha256: str) -> str | None:
        if not path.exists():
            return f"{path.name} is not there"
        if path not in hashed:
            hashed[path] = store.sha256_of(path)
        if hashed[path] != sha256:
            return f"{path.name} is not the file that was sealed: its SHA-256 differs"
        return None

    if is_whole(home, sealed):
        return differs(store.parquet_of(home, sealed), sealed.sha256)
    month, keys = read_month(home, month_of(sealed.snapshot_date)), read_keys(home)
    try:
        compacted = _compacted_form(home, month, keys, sealed)
    except Refusal as refused:
        return f"{refused.problem}; {refused.cure}"
    folder = month_folder(home, month.month)
    found = [differs(counters_file(home, sealed), compacted.sha256)]
    found += [differs(folder / one.file, one.sha256) for one in month.attributes]
    found += [differs(keys_folder(home) / one.file, one.sha256) for one in keys]
    return next((words for words in found if words), None)


def first_as_sealed(home: Home, days: Iterable[Sealed], what_for: str) -> Sealed | None:
    """The first of `days` that lies as it was sealed; a warning tells of each before it.

    `what_for` says what the damaged ones are passed over in: something that cannot wait for them.
    """
    for sealed in days:
        try:
            why = damage(home, sealed, {})
        except Refusal as refusal:  # of the manifest that tells what is compacted
            why = str(refusal)
        if why is None:
            return sealed
        log.warning(
            "%s: the day %s is damaged (%s), and passed over in %s\n"
            "Cure: restore the file from a backup, or remove its folder and import the day again",
            store.parquet_of(home, sealed),
            sealed.snapshot_date,
            why,
            what_for,
        )
    return None
