"""The contract of a raw snapshot: its columns, and when a row is set aside.

What belongs here: the declaration of `hub_models`, `hub_datasets` and `hub_spaces` as they lie on
disk, in the Hub's own field names, and the reasons for which a single row is refused. Reading
and writing do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# Ids are ASCII, at most 96 characters a part; ids without an owner are old ones (`gpt2`). The
# Hub lets no part begin with a dot, and a part `..` would be a path.
_PART = r"[A-Za-z0-9_\-][A-Za-z0-9_\-.]{0,95}"
ID_PATTERN = f"{_PART}(/{_PART})?"
COUNT_PATTERN = r"\d{1,15}(\.0+)?"

# Days that a snapshot can be of; anything else is a slip of the pen (0206-08-20).
FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2099, 12, 31)

# Fields beside the columns are counted by name; more names than these are no schema.
MOST_UNKNOWN_FIELDS = 100

# A day goes on without its bad rows below both shares; above one of them it is refused.
MAX_BAD_ROWS_SHARE = 0.005
MAX_BAD_DOWNLOADS_SHARE = 0.001


@dataclass(frozen=True)
class Column:
    """One column of a raw snapshot.

    `type` is DuckDB's; `path` is where the Hub's record holds it (a field or field.field);
    `reason` is why a row whose value does not fit is set aside; empty where the value is only
    left blank and counted. (A joke of 2026-08 declares 2 * 10^19 parameters; its downloads
    are as real as any.)
    """

    name: str
    type: str
    description: str
    path: str
    reason: str = "unreadable_text"


def _column(name: str, type_: str, description: str, reason: str, path: str = "") -> Column:
    return Column(name, type_, description, path or name, reason)


COLUMNS: tuple[Column, ...] = (
    _column("_id", "VARCHAR", "The Hub's own key of the repository.", "unreadable_text"),
    _column("id", "VARCHAR", "namespace/name, or a name alone.", "unreadable_id"),
    _column("author", "VARCHAR", "The namespace as the Hub gives it.", "unreadable_text"),
    _column("author_type", "VARCHAR", "org or user, where recorded.", "unreadable_text"),
    _column("createdAt", "TIMESTAMP", "Creation of the repository, UTC.", "unreadable_date"),
    _column("lastModified", "TIMESTAMP", "Last commit, UTC.", "unreadable_date"),
    _column("downloads", "BIGINT", "Rolling 30-day count.", "impossible_count"),
    _column("downloadsAllTime", "BIGINT", "Cumulative count.", "impossible_count"),
    _column("likes", "BIGINT", "Likes.", "impossible_count"),
    _column("gated", "VARCHAR", "false, true, auto, manual; null: absent.", "unreadable_text"),
    _column("private", "BOOLEAN", "Private repository.", "unreadable_flag"),
    _column("disabled", "BOOLEAN", "Disabled repository.", "unreadable_flag"),
    _column("tags", "VARCHAR[]", "Free text; lineage is base_model:X.", "unreadable_tags"),
    _column("pipeline_tag", "VARCHAR", "Task.", "unreadable_text"),
    _column("library_name", "VARCHAR", "Library.", "unreadable_text"),
    _column("trendingScore", "DOUBLE", "The Hub's trending score.", ""),
    _column(
        "safetensors_total",
        "BIGINT",
        "Parameters counted by safetensors.",
        "",
        "safetensors.total",
    ),
)

COLUMN_NAMES = tuple(column.name for column in COLUMNS)


@dataclass(frozen=True)
class Kind:
    """One kind of repository: the Hub's word for it, and the columns of its snapshots."""

    name: str
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        """What its raw snapshots are called."""
        return f"hub_{self.name}"

    @property
    def known_fields(self) -> frozenset[str]:
        """What a record may carry without being counted as unknown."""
        paths = {column.path.split(".")[0] for column in self.columns}
        return frozenset(paths | {"modelId", "snapshot_date"})


def _like_models(*names: str) -> tuple[Column, ...]:
    return tuple(column for column in COLUMNS if column.name in names)


MODELS = Kind("models", COLUMNS)
DATASETS = Kind(
    "datasets",
    _like_models(
        "_id", "id", "author", "createdAt", "lastModified", "downloads", "downloadsAllTime",
        "likes", "gated", "private", "disabled", "tags", "trendingScore",
    ),
)  # fmt: skip
# The Hub counts no downloads of Spaces.
SPACES = Kind(
    "spaces",
    (
        *_like_models(
            "_id", "id", "author", "createdAt", "lastModified", "likes", "private", "disabled",
            "tags", "trendingScore",
        ),
        _column("sdk", "VARCHAR", "gradio, docker, static ...", "unreadable_text"),
    ),
)  # fmt: skip
OTHERS = (DATASETS, SPACES)

REASONS: dict[str, str] = {
    "unreadable_id": "the id is missing or not of the form namespace/name "
    "(letters, digits, _ - . with no dot first; at most 96 a part)",
    "impossible_count": "a count is negative, not a whole number, or beyond 10^15",
    "unreadable_date": "a date cannot be read as ISO 8601",
    "future_date": "the model was created after the snapshot was taken",
    "unreadable_tags": "tags are not a list of texts",
    "unreadable_flag": "a flag is neither true nor false",
    "unreadable_text": "a text is no text, or holds a NUL character, which PostgreSQL cannot store",
    "unreadable_unicode": "the record holds a lone surrogate or broken UTF-8, which is no "
    "Unicode text",
    "duplicate_id": "the id comes more than once, with other values",
    "duplicate_key": "the Hub's key (_id) comes under another id as well, as when a model is "
    "renamed during a crawl; the row that was changed or seen last stays",
}


def created_until(day: date, observed_to: datetime | None) -> datetime:
    """When a model of the snapshot of `day` can have been created at the latest, UTC, naive.

    An hour after its end, as clocks differ. A crawl that passes midnight keeps its date.
    """
    end = datetime.combine(day, datetime.min.time()) + timedelta(days=1)
    if observed_to is not None:
        if observed_to.tzinfo is not None:
            observed_to = observed_to.astimezone(UTC).replace(tzinfo=None)
        end = max(end, observed_to)
    return end + timedelta(hours=1)
