"""The folder in which one observatory lives: its paths, its universe and its lock.

What belongs here: where things lie under `OBSERVATORY_HOME` and who may write there. What is
in those files belongs to the module that writes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, get_args

from orchestration.errors import Refusal

log = logging.getLogger(__name__)

CHECKOUT = Path(__file__).resolve().parent.parent

UniverseKind = Literal["hub", "panel", "world"]


@dataclass(frozen=True)
class Universe:
    """The set of models that a home's counters speak of.

    `hub` is the whole Hub, `panel` a recorded selection of it, `world` a generated one.
    Differences between counters of two universes would be lies, so a home holds one.
    """

    kind: UniverseKind
    name: str = ""

    @property
    def is_generated(self) -> bool:
        return self.kind == "world"

    def __str__(self) -> str:
        return {
            "hub": "the live Hub",
            "panel": f"the recorded panel '{self.name}'",
            "world": f"the generated world '{self.name}'",
        }[self.kind]


def write_text_durably(path: Path, text: str) -> None:
    """Replace `path` by `text` so that a reader or a crash sees the old or the new whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Home:
    """The paths of one observatory. Nothing is created before it is written to."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()

    @classmethod
    def from_environment(cls) -> Home:
        """The home that `OBSERVATORY_HOME` names; by default `data/` in the checkout."""
        return cls(Path(os.environ.get("OBSERVATORY_HOME") or CHECKOUT / "data"))

    def create(self) -> None:
        """Make the folder; a Refusal where that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(
                f"the home cannot be made or is no folder ({error.strerror})",
                file=self.root,
                cure="set OBSERVATORY_HOME to a folder that you may write to",
            ) from error

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def landing(self) -> Path:
        """Pages of crawls under way, and what was refused, kept aside."""
        return self.root / "landing"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse" / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def dagster(self) -> Path:
        return Path(os.environ.get("DAGSTER_HOME") or self.root / "dagster")

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def alerts(self) -> Path:
        """The journal of what people were told."""
        return self.root / "alerts.sqlite"

    @property
    def universe_file(self) -> Path:
        return self.root / "universe.json"

    def universe(self) -> Universe | None:
        """The universe this home belongs to, or None before its first run."""
        try:
            found = json.loads(self.universe_file.read_text(encoding="utf-8"))
            if found["kind"] not in get_args(UniverseKind) or not isinstance(found["name"], str):
                raise ValueError(f"kind {found['kind']!r}, name {found['name']!r}")
            return Universe(found["kind"], found["name"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(
                f"the universe of this home cannot be read ({error})",
                file=self.universe_file,
                cure="restore it from a backup, or use a new OBSERVATORY_HOME",
            ) from error

    def check_universe(self, universe: Universe) -> None:
        """Refuse `universe` where this home belongs to another; claim nothing."""
        owner = self.universe()
        if owner is not None and owner != universe:
            raise Refusal(
                f"this home belongs to {owner}; these records are of {universe}. "
                "Flows across two universes would be lies",
                file=self.universe_file,
                cure="set OBSERVATORY_HOME to another folder for them "
                "(for a panel, `--panel NAME` says which it is)",
            )

    def claim_universe(self, universe: Universe) -> None:
        """Write `universe` at a home's first run; refuse any other after it."""
        self.check_universe(universe)
        if self.universe() is None:
            claim = {
                "kind": universe.kind,
                "name": universe.name,
                "claimed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            write_text_durably(self.universe_file, json.dumps(claim, indent=2) + "\n")

    @contextlib.contextmanager
    def lock(
        self,
        purpose: str,
        *,
        waiting: Callable[[str], None] = log.info,
        timeout: float | None = None,
    ) -> Iterator[None]:
        """Hold this home for writing; wait while another process does.

        An OS file lock: it is gone with its process, however that ends. The same thread may
        take it again inside. For whom we wait is told once, to the log or to `waiting`, when
        `others` tells of us; with `timeout` (seconds) a wait that long is refused.
        """
        key = self._key
        if key in _held:
            yield
            return
        self.create()
        path = self.root / ".lock"
        with _opened(path) as file:
            if not _take(file, fcntl.LOCK_EX):
                with _opened(self._waiting) as line:
                    fcntl.flock(line, fcntl.LOCK_SH)
                    _wait_for(file, path, waiting, timeout)
            file.truncate(0)
            holder = {"pid": os.getpid(), "purpose": purpose, "since": _now()}
            file.write(json.dumps(holder))
            file.flush()
            _held.add(key)
            try:
                yield
            finally:
                _held.discard(key)
                file.truncate(0)
                fcntl.flock(file, fcntl.LOCK_UN)

    def holder(self) -> str | None:
        """Who holds this home now, in words, or None. Works without taking the lock."""
        path = self.root / ".lock"
        return None if _may_take(path, fcntl.LOCK_SH) else _describe_holder(path)

    def others(self) -> str | None:
        """Who but this thread waits for this home or holds it, in words, or None.

        Whoever came to the lock before this was asked, and lives, is told of or is done with it.
        """
        # In this order: who waits goes on to hold it, and never back.
        if not _may_take(self._waiting, fcntl.LOCK_EX):
            return "a process that waits for it"
        return None if self._key in _held else self.holder()

    @property
    def _key(self) -> tuple[str, int]:
        return (str(self.root), threading.get_ident())

    @property
    def _waiting(self) -> Path:
        """The file that all who wait for the lock hold together, until they have it."""
        return self.root / ".waiting"


_held: set[tuple[str, int]] = set()


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise Refusal(
            f"the home cannot be written to ({error.strerror})",
            file=path,
            cure="let this user write there, or set OBSERVATORY_HOME to another folder",
        ) from error


def _take(file: IO[str], how: int) -> bool:
    """Take the lock of `file` alone (LOCK_EX) or with others (LOCK_SH), if that can be now."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _may_take(path: Path, how: int) -> bool:
    """Whether the lock of the file could be taken now; nobody holds that of a file not there."""
    if not path.exists():
        return True
    with path.open("r", encoding="utf-8") as file:
        return _take(file, how)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe_holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"{found['purpose']} (process {found['pid']}, since {found['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def _wait_for(
    file: IO[str], path: Path, waiting: Callable[[str], None], timeout: float | None
) -> None:
    begun = time.monotonic()
    told = False
    while not _take(file, fcntl.LOCK_EX):
        holder = _describe_holder(path)
        if not told:
            waiting(f"waiting for {holder} to give {path.parent} free")
            told = True
        if timeout is not None and time.monotonic() - begun > timeout:
            raise Refusal(
                f"this home is in use by {holder}",
                file=path,
                cure="wait until it ends, or stop that process; the lock goes with it",
            )
        time.sleep(0.1)
