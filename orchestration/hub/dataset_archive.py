"""History from outside: a dataset repository whose revisions are a daily archive of the Hub.

What belongs here: which revision stands for which day, fetching its file through
huggingface_hub's cache, and giving its columns the Hub's own names. What the rows are worth
is `snapshots`' to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from json import JSONDecodeError
from pathlib import Path
from typing import TypeVar

import duckdb
import httpx2
from huggingface_hub import GitCommitInfo
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from orchestration.database import connect, identifier, literal
from orchestration.errors import Refusal, disk_is_full
from orchestration.hub.client import HubClient

T = TypeVar("T")

FILE = "models.parquet"
# Fields by the Hub's own name, and what archives have called them.
COLUMNS: dict[str, tuple[str, ...]] = {
    "_id": ("_id",),
    "id": ("id", "modelId", "model_id"),
    "author": ("author",),
    "author_type": ("author_type",),
    "createdAt": ("createdAt", "created_at"),
    "lastModified": ("lastModified", "last_modified"),
    "downloads": ("downloads",),
    "downloadsAllTime": ("downloadsAllTime", "downloads_all_time"),
    "likes": ("likes",),
    "gated": ("gated",),
    "private": ("private",),
    "disabled": ("disabled",),
    "tags": ("tags",),
    "pipeline_tag": ("pipeline_tag",),
    "library_name": ("library_name",),
    "trendingScore": ("trendingScore", "trending_score"),
    "safetensors": ("safetensors",),
}
TRIES = 5


@dataclass(frozen=True)
class Revision:
    """The last revision of one UTC day in which the archive's file was new."""

    dataset: str
    snapshot_date: date
    commit: str
    committed_at: datetime
    file: str


@dataclass(frozen=True)
class Fetched:
    """One day's file with the Hub's own names; `left_out` are the columns nobody asked for."""

    path: Path
    revision: Revision
    left_out: list[str]


def list_revisions(
    client: HubClient,
    dataset: str,
    *,
    first: date | None = None,
    last: date | None = None,
    file: str = FILE,
) -> Iterator[Revision]:
    """The revisions of `dataset` that stand for the days in [first, last], oldest first.

    A day without a commit, or whose commits left `file` as it was, is missing and stays so.
    Refusal where there is no such dataset, or it cannot be asked.
    """
    commits = _asked(
        client, dataset, lambda: client.api().list_repo_commits(dataset, repo_type="dataset")
    )
    of_days: dict[date, list[GitCommitInfo]] = {}
    for commit in commits:  # the newest first
        of_days.setdefault(commit.created_at.astimezone(UTC).date(), []).append(commit)
    days = sorted(of_days)
    before = [on for on in days if first is not None and on < first]
    known = _newest(client, dataset, of_days[before[-1]], file)[1] if before else None
    for on in days:
        if (first is not None and on < first) or (last is not None and on > last):
            continue
        commit, content = _newest(client, dataset, of_days[on], file)
        if content is not None and content != known:
            yield Revision(dataset, on, commit.commit_id, commit.created_at.astimezone(UTC), file)
            known = content


def fetch(
    client: HubClient, revision: Revision, folder: Path, *, cache: Path | None = None
) -> Fetched:
    """Download one day's file through huggingface_hub's `cache`, and write it to `folder`.

    The result is a Parquet file named by its date, with the Hub's own field names. Refusal
    where it cannot be had, or is no Parquet file of models: that one does not stay in the cache,
    where a year of such days would be 400 GB.
    """
    found = _asked(
        client,
        revision.dataset,
        lambda: client.api().hf_hub_download(
            revision.dataset,
            revision.file,
            repo_type="dataset",
            revision=revision.commit,
            cache_dir=cache,
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    source, target = Path(found).resolve(), folder / f"{revision.snapshot_date}.parquet"
    try:
        return Fetched(target, revision, _rename_columns(source, target, revision))
    except Refusal:
        source.unlink()
        raise


def _newest(
    client: HubClient, dataset: str, newest_first: list[GitCommitInfo], file: str
) -> tuple[GitCommitInfo, str | None]:
    """The last commit of a day that has `file`, and what it is there."""
    for commit in newest_first:
        content = _content(client, dataset, commit.commit_id, file)
        if content is not None:
            return commit, content
    return newest_first[0], None


def _content(client: HubClient, dataset: str, commit: str, file: str) -> str | None:
    """What `file` is at `commit`: the hash of its content; None where it is not there."""
    folder = str(Path(file).parent) if "/" in file else None

    def look() -> str | None:
        tree = client.api().list_repo_tree(
            dataset, path_in_repo=folder, revision=commit, repo_type="dataset"
        )
        for item in tree:
            if isinstance(item, RepoFile) and item.path == file:
                return item.lfs.sha256 if item.lfs else item.blob_id
        return None

    return _asked(client, dataset, look)


def _asked(client: HubClient, dataset: str, ask: Callable[[], T]) -> T:
    """What `ask` answers; tried again through short outages; a Refusal with the cause else."""
    trials = Retrying(
        sleep=client.clock.sleep,
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=2, max=60, min=0.5),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        return trials(ask)
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise Refusal(
            f"{client.endpoint} has no dataset {dataset!r} that we may read ({_first_line(error)})",
            cure="check the name; a private or gated dataset needs HF_TOKEN",
        ) from None
    except EntryNotFoundError as error:
        raise Refusal(
            f"the dataset {dataset!r} holds no such file ({_first_line(error)})",
            cure=f"the archive's file must be called {FILE}",
        ) from None
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError) as error:
        raise Refusal(
            f"the dataset {dataset!r} cannot be had from {client.endpoint}: {_first_line(error)}",
            cure="run again later: what is downloaded stays in huggingface_hub's cache",
        ) from None


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: huggingface_hub's own tries end after 23 s."""
    if isinstance(error, HfHubHTTPError):
        response = error.response
        return response is not None and (response.status_code >= 500 or response.status_code == 429)
    return isinstance(error, httpx2.TransportError | LocalEntryNotFoundError | JSONDecodeError)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _rename_columns(source: Path, target: Path, revision: Revision) -> list[str]:
    """Write the known columns of `source` to `target`; the names of those left out."""
    draft = target.with_name(f".{target.name}")
    connection = connect(folders=[source.parent, target.parent.absolute()])
    try:
        described = connection.execute(
            f"select column_name, column_type from (describe from read_parquet({literal(source)}))"
        ).fetchall()
        types = {str(name): str(kind) for name, kind in described}
        chosen = {
            ours: name
            for ours, names in COLUMNS.items()
            if (name := next((name for name in names if name in types), None)) is not None
        }
        if "id" not in chosen or not {"downloads", "downloadsAllTime"} & chosen.keys():
            raise Refusal(
                f"{revision.file} of {revision.snapshot_date} is no file of the Hub's models: it "
                f"has the columns {', '.join(sorted(types)[:20])}",
                cure="an archive holds at least id and downloads",
            )
        if name := chosen.get("safetensors"):
            _check_safetensors(connection, source, revision, name, types[name])
        columns = ", ".join(
            f'{_value(ours, name, types[name])} as "{ours}"' for ours, name in chosen.items()
        )
        connection.execute(
            f"copy (select {columns} from read_parquet({literal(source)})) "
            f"to {literal(draft.absolute())} (format parquet, compression zstd)"
        )
    except duckdb.Error as error:
        if disk_is_full(str(error)):
            raise
        raise Refusal(
            f"{revision.file} of {revision.snapshot_date} cannot be read ({_first_line(error)})",
            cure="run again: it is fetched anew; if that is no better, its owner must repair it",
        ) from error
    finally:
        connection.close()
    draft.replace(target)
    return sorted(types.keys() - set(chosen.values()))


def _value(ours: str, name: str, kind: str) -> str:
    """SQL that gives column `name` of type `kind` the shape in which the Hub lists it."""
    column = identifier(name)
    if ours == "safetensors":
        # Whether it is a count, the import sees, and counts those that are none.
        return f"struct_pack(total := {_json(name, kind)}->>'total')"
    if ours == "tags" and not kind.endswith("[]"):
        # A list's JSON is one; another text stays a text, and the import sets its row aside.
        value = _json(name, kind)
        return (
            f"case json_type({value}) when 'ARRAY' then {value} when 'NULL' then null "
            f"else to_json({column}::varchar) end"
        )
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {column})"
    return column


def _json(name: str, kind: str) -> str:
    column = identifier(name)
    if kind.startswith("STRUCT"):
        return f"to_json({column})"
    return f"try_cast({column}::varchar as json)"


def _check_safetensors(
    connection: duckdb.DuckDBPyConnection, source: Path, revision: Revision, name: str, kind: str
) -> None:
    """Refuse a column of which values would be lost without a word: blank is what most have."""
    column = identifier(name)
    found = connection.execute(
        f"select count(*), min(file_row_number) + 1, "
        f"left(arg_min({column}::varchar, file_row_number), 120) "
        f"from read_parquet({literal(source)}, file_row_number = true) where {column} is not null "
        f"and coalesce(json_type({_json(name, kind)}), '') not in ('OBJECT', 'NULL')"
    ).fetchall()
    ((count, row, first),) = found
    if count:
        raise Refusal(
            f"rows of {revision.snapshot_date} hold no JSON object there, {count:,} in all; "
            f"the first: {first!r}",
            file=f"{revision.dataset}/{revision.file}",
            row=row,
            field=name,
            cure=f"its owner must write {name} as JSON, or as Parquet's own structs; "
            "the other days go on without this one",
        )
