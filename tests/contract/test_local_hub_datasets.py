"""Dataset repositories of the local Hub, read with huggingface_hub itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from local_hub import LocalHub, World, named_world, write_dataset
from orchestration.errors import Refusal

HTTP = httpx2.Client(timeout=5)
NAME = "cfahlgren1/hub-stats"


@pytest.fixture(scope="module")
def world() -> World:
    return named_world("clean:600x60")


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A revision for each of 60 days, and a second one on the last."""
    folder = tmp_path_factory.mktemp("hub-stats")
    write_dataset(world, folder)
    later = folder / f"{world.dates[-1]}T110000Z" / "notes"
    later.mkdir(parents=True)
    (later / "read me.txt").write_text("the second one today")
    return folder


@pytest.fixture(scope="module")
def hub(world: World, folder: Path) -> Iterator[LocalHub]:
    with LocalHub(world, datasets={NAME: folder}) as running:
        yield running


@pytest.fixture
def api(hub: LocalHub, world: World) -> HfApi:
    hub.set_date(world.dates[-1])
    return HfApi(endpoint=hub.endpoint, token=False)


def test_commits_are_listed_newest_first_over_pages(api: HfApi, world: World) -> None:
    commits = api.list_repo_commits(NAME, repo_type="dataset")
    assert len(commits) == len({commit.commit_id for commit in commits}) == 61
    times = [commit.created_at for commit in commits]
    assert times == sorted(times, reverse=True)
    assert {time.date() for time in times} == set(world.dates)
    older = api.list_repo_commits(NAME, repo_type="dataset", revision=commits[5].commit_id)
    assert older == commits[5:]


def test_every_revision_has_its_own_files(api: HfApi, world: World, tmp_path: Path) -> None:
    commits = api.list_repo_commits(NAME, repo_type="dataset")
    for commit in (commits[1], commits[-1]):
        (entry,) = api.list_repo_tree(NAME, repo_type="dataset", revision=commit.commit_id)
        file = hf_hub_download(
            NAME, entry.path, repo_type="dataset", revision=commit.commit_id,
            endpoint=api.endpoint, cache_dir=tmp_path, token=False,
        )  # fmt: skip
        assert Path(file).stat().st_size == getattr(entry, "size", None)
        expected = world.texts(commit.created_at.date()).table(world.rows(commit.created_at.date()))
        found = pq.read_table(file)
        assert found["downloadsAllTime"].to_pylist() == expected["downloadsAllTime"].to_pylist()
        assert "author_type" not in found.column_names
    again = hf_hub_download(
        NAME, "models.parquet", repo_type="dataset", revision=commits[1].commit_id,
        endpoint=api.endpoint, cache_dir=tmp_path, token=False, local_files_only=True,
    )  # fmt: skip
    assert Path(again).exists()


def test_main_is_the_newest_revision(api: HfApi) -> None:
    info = api.dataset_info(NAME)
    assert info.sha == api.list_repo_commits(NAME, repo_type="dataset")[0].commit_id
    assert info.sha == api.list_repo_refs(NAME, repo_type="dataset").branches[0].target_commit
    assert [sibling.rfilename for sibling in info.siblings or []] == ["notes/read me.txt"]
    paths = [entry.path for entry in api.list_repo_tree(NAME, repo_type="dataset", recursive=True)]
    assert paths == ["notes", "notes/read me.txt"]


def test_a_path_with_spaces_can_be_fetched(api: HfApi, tmp_path: Path) -> None:
    file = hf_hub_download(
        NAME, "notes/read me.txt", repo_type="dataset", endpoint=api.endpoint,
        cache_dir=tmp_path, token=False,
    )  # fmt: skip
    assert Path(file).read_text() == "the second one today"


def test_what_lies_ahead_is_not_there_yet(hub: LocalHub, api: HfApi, world: World) -> None:
    newest = api.list_repo_commits(NAME, repo_type="dataset")[0].commit_id
    hub.set_date(datetime.combine(world.dates[-1], datetime.min.time(), tzinfo=UTC))
    assert len(api.list_repo_commits(NAME, repo_type="dataset")) == 59
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(NAME, revision=newest)


def test_what_is_not_there_is_told_apart(api: HfApi, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.list_repo_commits("some/other", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_commits(NAME, repo_type="dataset", revision="0" * 40)
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(NAME, "absent.parquet", repo_type="dataset", endpoint=api.endpoint,
                        cache_dir=tmp_path, token=False)  # fmt: skip


def test_no_file_outside_a_revision_can_be_fetched(hub: LocalHub, api: HfApi, folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    for way_out in ("..%2F..%2Fsecret.txt", "%2e%2e/%2e%2e/secret.txt"):
        url = f"{hub.endpoint}/datasets/{NAME}/resolve/main/{way_out}"
        assert HTTP.get(url).status_code == 404
        tree = f"{hub.endpoint}/api/datasets/{NAME}/tree/main/{way_out.rpartition('secret')[0]}"
        assert HTTP.get(tree).status_code == 404


def test_folders_that_hold_no_revisions_are_refused(tmp_path: Path, world: World) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "undated" / "first").mkdir(parents=True)
    for name in ("absent", "empty", "undated"):
        with pytest.raises(Refusal, match="Cure: name a folder with one sub-folder a revision"):
            LocalHub(world, datasets={NAME: tmp_path / name})
