"""Dataset repositories: one git revision a folder, as far as `huggingface_hub` reads them.

What belongs here: commits, trees and files of datasets. A repository is a folder with one
sub-folder a revision, named by its time (`2026-08-19`, `2026-08-19T063000Z`), each with every
file of that revision. Revisions that lie after the Hub's own time are not there yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from local_hub.content import hub_time
from orchestration.errors import Refusal

PAGE_LIMIT = 50


class NotThere(Exception):
    """Neither this repository, nor this revision, nor this file: the Hub's own error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Revision:
    """One commit: its id (40 hex digits), its time, and the folder that holds its files."""

    commit: str
    created_at: datetime
    folder: Path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def file(self, name: str) -> Path:
        """The file `name` of this revision, and never one from elsewhere."""
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            raise NotThere("EntryNotFound", "Entry not found")
        return path


class Repository:
    """The revisions of one dataset, by time."""

    def __init__(self, name: str, folder: Path) -> None:
        """Refuses a folder that is not there, is empty, or has undated sub-folders."""
        cure = "name a folder with one sub-folder a revision, such as 2026-08-19T063000Z"
        if not folder.is_dir():
            raise Refusal("there is no such folder of revisions", file=folder, cure=cure)
        self.name = name
        self.revisions: list[Revision] = []
        for path in sorted(path for path in folder.iterdir() if path.is_dir()):
            try:
                moment = datetime.fromisoformat(path.name)
            except ValueError as error:
                raise Refusal("a revision's folder bears no time", file=path, cure=cure) from error
            moment = moment.replace(tzinfo=moment.tzinfo or UTC)
            commit = hashlib.sha1(f"{name} {path.name}".encode()).hexdigest()
            self.revisions.append(Revision(commit, moment, path))
        if not self.revisions:
            raise Refusal("there is no revision in this folder", file=folder, cure=cure)
        self.revisions.sort(key=lambda revision: revision.created_at)

    def until(self, now: datetime) -> list[Revision]:
        """The revisions that are there at `now`, the newest first."""
        return [revision for revision in reversed(self.revisions) if revision.created_at <= now]

    def revision(self, name: str, now: datetime) -> Revision:
        """The revision called `name`: a commit, or `main` for the newest."""
        there = self.until(now)
        if name in ("main", "refs/heads/main") and there:
            return there[0]
        for revision in there:
            if revision.commit == name:
                return revision
        raise NotThere("RevisionNotFound", f"Invalid rev id: {name}")


class DatasetsApi:
    """The routes of datasets. `now` tells the Hub's own time."""

    def __init__(self, folders: Mapping[str, Path], now: Callable[[], datetime]) -> None:
        self._repositories = {name: Repository(name, path) for name, path in folders.items()}
        self._now = now
        self._digests: dict[Path, str] = {}

    @cached_property
    def routes(self) -> list[Route]:
        api = "/api/datasets/{owner}/{name}"
        return [
            Route(f"{api}/commits/{{revision:path}}", self._answering(self._commits)),
            Route(f"{api}/tree/{{revision}}", self._answering(self._tree)),
            Route(f"{api}/tree/{{revision}}/{{path:path}}", self._answering(self._tree)),
            Route(f"{api}/refs", self._answering(self._refs)),
            Route(f"{api}/revision/{{revision:path}}", self._answering(self._info)),
            # What else is called a dataset here is listed, and has no history.
            *(
                Route(f"/api/datasets/{name}", self._answering(self._info))
                for name in self._repositories
            ),
            Route(
                "/datasets/{owner}/{name}/resolve/{revision}/{path:path}",
                self._answering(self._resolve),
                methods=["GET", "HEAD"],
            ),
        ]

    def _answering(
        self, ask: Callable[[Request, Repository], Response]
    ) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            owner, name, *_ = request.url.path.partition("/datasets/")[2].split("/")
            name = f"{owner}/{name}"
            try:
                if name not in self._repositories:
                    raise NotThere("RepoNotFound", "Repository not found")
                return ask(request, self._repositories[name])
            except NotThere as error:
                headers = {"X-Error-Code": error.code, "X-Error-Message": str(error)}
                return Response(orjson.dumps({"error": str(error)}), 404, headers)

        return answer

    def _revision(self, request: Request, repository: Repository) -> Revision:
        return repository.revision(request.path_params.get("revision", "main"), self._now())

    def _commits(self, request: Request, repository: Repository) -> Response:
        newest = self._revision(request, repository)
        there = repository.until(newest.created_at)
        page = int(request.query_params.get("p", "0"))
        limit = min(int(request.query_params.get("limit", PAGE_LIMIT)), 1000)
        items = [
            {
                "id": revision.commit,
                "title": "Upload folder using huggingface_hub",
                "message": "",
                "authors": [{"user": repository.name.partition("/")[0]}],
                "date": hub_time(revision.created_at),
            }
            for revision in there[page * limit : (page + 1) * limit]
        ]
        response = _json(items)
        if (page + 1) * limit < len(there):
            following = request.url.include_query_params(p=page + 1)
            response.headers["Link"] = f'<{following}>; rel="next"'
        return response

    def _tree(self, request: Request, repository: Repository) -> Response:
        revision = self._revision(request, repository)
        root = (revision.folder / request.path_params.get("path", "")).resolve()
        if not root.is_relative_to(revision.folder.resolve()) or not root.is_dir():
            raise NotThere("EntryNotFound", "Entry not found")
        deep = request.query_params.get("recursive", "").lower() in ("true", "1")
        entries = root.rglob("*") if deep else root.iterdir()
        return _json([self._entry(path, revision) for path in sorted(entries)])

    def _entry(self, path: Path, revision: Revision) -> dict[str, Any]:
        name = path.resolve().relative_to(revision.folder.resolve()).as_posix()
        if path.is_dir():
            return {"type": "directory", "oid": _digest(name.encode()), "size": 0, "path": name}
        size, digest = path.stat().st_size, self._digest_of(path)
        return {
            "type": "file",
            "oid": _digest(digest.encode()),
            "size": size,
            "path": name,
            "lfs": {"oid": digest, "size": size, "pointerSize": 134},
        }

    def _refs(self, request: Request, repository: Repository) -> Response:
        commit = repository.revision("main", self._now()).commit
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit}
        return _json({"branches": [main], "converts": [], "tags": []})

    def _info(self, request: Request, repository: Repository) -> Response:
        revision = self._revision(request, repository)
        root = revision.folder
        siblings = [{"rfilename": path.relative_to(root).as_posix()} for path in revision.files()]
        return _json(
            {
                "_id": _digest(repository.name.encode())[:24],
                "id": repository.name,
                "author": repository.name.partition("/")[0],
                "sha": revision.commit,
                "createdAt": hub_time(repository.revisions[0].created_at),
                "lastModified": hub_time(revision.created_at),
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": siblings,
            }
        )

    def _resolve(self, request: Request, repository: Repository) -> Response:
        revision = self._revision(request, repository)
        try:
            file = revision.file(request.path_params["path"])
        except NotThere as error:
            headers = {"X-Error-Code": error.code, "X-Repo-Commit": revision.commit}
            return Response(b"Entry not found", 404, headers)
        digest = self._digest_of(file)
        headers = {"ETag": f'"{digest}"', "X-Repo-Commit": revision.commit}
        return FileResponse(file, headers=headers, media_type="application/octet-stream")

    def _digest_of(self, path: Path) -> str:
        if path not in self._digests:
            with path.open("rb") as file:
                self._digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path]


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
