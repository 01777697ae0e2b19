"""Showing a generation to readers, all at once, and going back.

What belongs here: the order of the steps from candidate to `current`, and what a crash at any
of them leaves: hidden folders, which the next publication removes. The symlink moves last.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.errors import Refusal
from orchestration.gates.outcome import CheckOutcome, blocked
from orchestration.home import Home, sync_folder
from orchestration.profile import Profile
from orchestration.publication import refusals, showings
from orchestration.publication.build import BUILDING, Candidate, Extra, build, complete
from orchestration.publication.diff import Diff, diff
from orchestration.publication.generation import (
    CURRENT,
    Manifest,
    current,
    damages,
    generations,
    is_damaged,
    kept,
    read_manifest,
    unreadable,
)
from orchestration.publication.verify import verify

KEPT = 7
REMOVING = ".removing-"


class PublicationRefused(Refusal):
    """A gate blocked; `outcomes` are all that was asked, `current` is unchanged."""

    def __init__(self, outcomes: Sequence[CheckOutcome]) -> None:
        self.outcomes = list(outcomes)
        stops = blocked(outcomes)
        first = stops[0]
        more = f" (and {len(stops) - 1} more)" if len(stops) > 1 else ""
        where = f"; for example {first.sample[0]}" if first.sample else ""
        super().__init__(f"nothing was published: {first}{more}{where}", cure=first.cure)


@dataclass(frozen=True)
class Publication:
    """What readers see now. `is_new` is false where it is what they saw before."""

    generation: str
    folder: Path
    is_new: bool
    manifest: Manifest
    outcomes: list[CheckOutcome] = field(default_factory=list)
    diff: Diff | None = None


def publish(
    home: Home,
    warehouse: Path | None = None,
    *,
    code_version: str,
    extras: Sequence[Extra] = (),
    profile: Profile | None = None,
) -> Publication:
    """Build, verify and show a generation of `warehouse` (default: the home's own).

    Everything is checked here, whatever was checked before: gate 1's verdict on every day,
    hashes, twins, gate 3. `extras` add files to the private folder meanwhile. A failure that
    an operator accepted for this content (`refusals.accept`) is a warning, which the manifest
    keeps. The same content as the current generation makes no new one. Where the link `current`
    is lost, what readers saw last counts as what they see. Raises PublicationRefused, and leaves
    `current` as it was on any error. `profile` measures the steps.
    """
    profile = profile or Profile()
    with home.lock("publishing"):
        remove_leftovers(home)
        seen = showings.last_seen(home)
        with profile.step("publication: write tables and twins"):
            candidate = build(
                home,
                warehouse or home.warehouse,
                code_version=code_version,
                seen=seen,
                shown=showings.note(home),
            )
        try:
            with ExitStack() as at_work:
                beside = _beside(candidate)
                at_work.callback(shutil.rmtree, beside, ignore_errors=True)
                waits = [at_work.enter_context(extra(candidate.folder, beside)) for extra in extras]
                with profile.step("publication: hash the files"):
                    candidate = complete(candidate)
                accepted = refusals.accepted(home, candidate.manifest)
                with profile.step("publication: verify, gate 3"):
                    found = verify(
                        candidate.folder,
                        home,
                        seen=seen,
                        hashes=candidate.hashes,
                        is_candidate=True,
                    )
                outcomes = [
                    one.accepted(accepted[one.name])
                    if one.status == "failed" and one.name in accepted
                    else one
                    for one in found
                ]
                if blocked(outcomes):
                    crashed = [one.observed for one in outcomes if one.status == "crashed"]
                    if crashed and seen is not None and is_damaged(seen):
                        raise unreadable(seen, crashed[0])
                    refusals.note(home, candidate.manifest, outcomes)
                    raise PublicationRefused(outcomes)
                same = _same_content(home, candidate, seen)
                if same is None:
                    candidate.manifest["accepted"] = accepted
                    with profile.step("publication: compare with the generation before"):
                        changes = diff(seen, candidate.folder)
                        changes.write(candidate.folder)
                    with profile.step("publication: dashboard and hashes"):
                        for wait in waits:
                            wait()
                        for path in beside.iterdir():
                            path.rename(candidate.folder / path.name)
                        candidate = complete(candidate)
            if same is not None:
                shutil.rmtree(candidate.folder)
                is_new = same != seen
                _show(home, same)
                refusals.forget(home)
                return Publication(same.name, same, is_new, read_manifest(same), outcomes)
            with profile.step("publication: onto the disk"):
                folder = _settle(home, candidate)
        except BaseException:
            shutil.rmtree(candidate.folder, ignore_errors=True)
            raise
        _show(home, folder)
        refusals.forget(home)
        _remove_old(home)
        return Publication(folder.name, folder, True, candidate.manifest, outcomes, changes)


def rollback(home: Home, generation: str | None = None) -> str:
    """Show `generation` again, or the one before what readers saw last; give its name.

    Its files are hashed before. A Refusal where it is not kept or damaged.
    """
    with home.lock("rolling back"):
        names = generations(home)
        noted = showings.note(home)
        if generation is None:
            older = [name for name in names if noted and name < noted[-1].generation]
            if not older:
                raise Refusal(
                    "there is no generation before the current one",
                    file=home.published,
                    cure=f"name one of those that are kept: {', '.join(names) or 'none is'}",
                )
            generation = older[-1]
        folder = kept(home, generation)
        damaged = damages(folder, read_manifest(folder))
        if damaged:
            raise Refusal(
                f"this generation is damaged: {damaged[0]['file']} is {damaged[0]['problem']}",
                file=folder,
                cure=f"choose another of: {', '.join(names)}",
            )
        _show(home, folder)
        return generation


def remove_leftovers(home: Home) -> None:
    """Remove what killed runs left behind; the caller holds the home's lock.

    Other hidden things are none of ours: a file system keeps its snapshots and its waste there.
    """
    if not home.published.is_dir():
        return
    drafts = (f".{CURRENT}-", f".{showings.SHOWN}.")
    for path in home.published.glob(".*"):
        if not path.name.startswith((BUILDING, REMOVING, *drafts)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _beside(candidate: Candidate) -> Path:
    """An empty folder: what is written there meanwhile, verification does not find unannounced."""
    folder = candidate.folder.with_name(f"{candidate.folder.name}-beside")
    folder.mkdir()
    return folder


def _same_content(home: Home, candidate: Candidate, seen: Path | None) -> Path | None:
    """A whole generation with this content by this code: the current one, or a newer.

    A newer one is what a run built that was killed before the last step, or what readers saw
    before a rollback.
    """
    for name in reversed(generations(home)):
        folder = home.published / name
        if seen is not None and name < seen.name:
            return None
        try:
            manifest = read_manifest(folder)
        except Refusal:
            continue
        same = all(
            manifest.get(key) == candidate.manifest[key]
            for key in ("content_sha256", "code_version", "universe")
        )
        if same and not damages(folder, manifest):
            return folder
    return None


def _settle(home: Home, candidate: Candidate) -> Path:
    """Put the finished folder to its name, on the disk and not only in its cache."""
    folders = {candidate.folder}
    for path in candidate.folder.rglob("*"):
        if path.is_dir():
            folders.add(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for folder in folders:
        sync_folder(folder)
    target = home.published / candidate.generation
    candidate.folder.rename(target)
    sync_folder(home.published)
    return target


def _show(home: Home, folder: Path) -> None:
    """Move `current` to `folder` in one step: a reader finds the old one or the new."""
    draft = home.published / f".{CURRENT}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder.name, target_is_directory=True)
    draft.replace(home.published / CURRENT)
    sync_folder(home.published)
    showings.note(home)


def _remove_old(home: Home) -> None:
    """Keep the last `KEPT` generations, and the current one wherever it stands."""
    seen = current(home)
    for name in generations(home)[:-KEPT]:
        if seen is None or name != seen.name:
            doomed = home.published / f"{REMOVING}{name}"
            (home.published / name).rename(doomed)
            shutil.rmtree(doomed)
