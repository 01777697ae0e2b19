"""Generations on disk: what is in one, what verifying finds, what is kept, going back."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import reporting, status
from orchestration.errors import Refusal
from orchestration.gates import verdicts
from orchestration.gates.tables import REQUIRED
from orchestration.home import CHECKOUT, Home
from orchestration.publication import build, diff, generation, swap, verify
from orchestration.snapshots import store
from tests.unit.marts_fixture import build_warehouse, copied, home_with_marts, seal, seen

pytestmark = pytest.mark.xdist_group("publication_generations")
MARTS = CHECKOUT / "dbt_project" / "models" / "marts"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two generations, of three days and of four."""
    home = home_with_marts(tmp_path_factory.mktemp("generations") / "home", 3)
    swap.publish(home, code_version="1")
    seal(home, 4)
    build_warehouse(home)
    swap.publish(home, code_version="1")
    return home


@pytest.fixture
def home(published: Home, tmp_path: Path) -> Home:
    return copied(published, tmp_path)


def failed(folder: Path, home: Home | None = None) -> set[str]:
    return {one.name for one in verify.verify(folder, home) if one.status != "passed"}


def test_the_manifest_says_what_is_published(home: Home) -> None:
    manifest = generation.read_manifest(seen(home))
    assert manifest["generation"] == seen(home).name
    assert manifest["universe"] == {
        "kind": "world",
        "name": "fixture",
        "is_generated": True,
        "label": "the generated world 'fixture'",
    }
    assert manifest["snapshot_dates"] == ["2026-08-01", "2026-08-02", "2026-08-03", "2026-08-04"]
    assert [one["snapshot_date"] for one in manifest["sources"]] == manifest["snapshot_dates"]
    assert manifest["source"] == manifest["sources"][-1]
    assert manifest["tools"]["duckdb"] == duckdb.__version__
    assert "fct_claims" in manifest["null_tables"]
    files = {path.name for path in seen(home).iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == files


def test_the_file_opens_everywhere_and_says_what_it_is(home: Home) -> None:
    with duckdb.connect(str(seen(home) / "observatory.duckdb"), read_only=True) as connection:
        (tags,) = connection.execute(
            "select tags from duckdb_databases() where database_name = 'observatory'"
        ).fetchall()[0]
        assert tags["storage_version"].startswith("v1.0.0")
        row = connection.execute("select * from publication").fetchall()
        assert row[0][0] == seen(home).name
        assert (
            connection.execute(
                "select table_name from duckdb_tables() where comment is null union all "
                "select table_name from duckdb_columns() where not internal and comment is null"
            ).fetchall()
            == []
        )
        ((told,),) = connection.execute(
            "select comment from duckdb_columns() where table_name = 'dim_models' "
            "and column_name = 'model_id'"
        ).fetchall()
        described = yaml.safe_load((MARTS / "core" / "dim_models.yml").read_text())["models"][0]
        (said,) = (one for one in described["columns"] if one["name"] == "model_id")
        assert told.split() == said["description"].split()
        in_order = connection.execute(
            "select bool_and(model_key >= previous) from (select model_key, "
            "lag(model_key) over (order by rowid) as previous from dim_models)"
        ).fetchall()
        assert in_order == [(True,)]


def test_parquet_twins_bear_the_generation(home: Home) -> None:
    twins = sorted(seen(home).glob("*.parquet"))
    found = duckdb.execute(
        "select distinct value::varchar from parquet_kv_metadata($files) "
        "where key::varchar = 'generation'",
        {"files": [str(twin) for twin in twins]},
    ).fetchall()
    assert found == [(seen(home).name,)]


def test_a_whole_generation_verifies(home: Home) -> None:
    assert failed(seen(home), home) == set()
    assert failed(home.published / "current") == set()


def test_an_older_generation_verifies_although_the_home_went_on(home: Home) -> None:
    """Neither a day sealed since nor a corrected one speaks against it."""
    first, _ = (home.published / name for name in generation.generations(home))
    assert failed(first, home) == set()
    refused = dataclasses.replace(store.list_sealed(home)[0], downloads=1)
    note(home, refused)
    assert failed(first, home) == {"days_published"}
    note(home, dataclasses.replace(refused, content_sha256="another", version=2))
    assert failed(first, home) == set()


def note(home: Home, sealed: store.Sealed) -> None:
    """Write what the manifest of a sealed day says; gate 1 judges it anew."""
    folder = store.folder_of(home, sealed.snapshot_date)
    (folder / store.MANIFEST).write_text(sealed.to_json())
    (folder / verdicts.GATE).unlink(missing_ok=True)


@pytest.mark.parametrize("clock", ["2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
def test_no_clock_tells_what_was_sealed_since(home: Home, clock: str) -> None:
    first, _ = (home.published / name for name in generation.generations(home))
    for day in store.list_sealed(home):
        note(home, dataclasses.replace(day, sealed_at=clock))
    assert failed(first, home) == set()
    note(home, dataclasses.replace(store.list_sealed(home)[0], downloads=1))
    assert failed(first, home) == {"days_published"}


def test_a_manifest_that_names_no_sources_excuses_no_day(home: Home) -> None:
    first, second = (home.published / name for name in generation.generations(home))
    for folder in (first, second):
        manifest = generation.read_manifest(folder)
        del manifest["sources"]
        build.write_manifest(folder, manifest)
    assert failed(second, home) == set()
    assert failed(first, home) == {"days_published"}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "checks"),
    [
        (lambda f: flip(f / "dim_dates.parquet"), {"files_as_published"}),
        (lambda f: flip(f / "observatory.duckdb"), {"files_as_published"}),
        (lambda f: (f / "diff.json").unlink(), {"files_as_published"}),
        (lambda f: (f / "extra.txt").write_text("x"), {"files_as_published"}),
        (lambda f: (f / "manifest.json").write_text("{"), {"manifest_readable"}),
        (
            lambda f: (f / "observatory.duckdb").unlink(),
            {"files_as_published", "tables_as_published"},
        ),
    ],
    ids=["bit in a twin", "bit in the file", "file gone", "file added", "manifest", "no database"],
)
def test_damage_is_found(home: Home, damage: Callable[[Path], object], checks: set[str]) -> None:
    damage(seen(home))
    assert checks <= failed(seen(home))


def test_a_changed_row_is_found_even_under_a_new_file_hash(home: Home) -> None:
    """The manifest's hash of the content does not depend on the hash of the file."""
    folder = seen(home)
    with duckdb.connect(str(folder / "observatory.duckdb")) as connection:
        connection.execute("update dim_models set model_id = 'x/y' where rowid = 3")
    manifest = generation.read_manifest(folder)
    build.write_manifest(folder, manifest | {"files": generation.file_entries(folder)})
    assert failed(folder) == {"tables_as_published", "twins_equal"}


def test_twins_of_other_content_are_found(home: Home) -> None:
    folder = seen(home)
    twin = folder / "dim_countries.parquet"
    duckdb.execute(f"copy (select * from '{twin}' limit 2) to '{twin}.new' (format parquet)")
    Path(f"{twin}.new").replace(twin)
    manifest = generation.read_manifest(folder)
    build.write_manifest(folder, manifest | {"files": generation.file_entries(folder)})
    assert failed(folder) == {"twins_equal"}


def test_a_mixed_generation_is_found(home: Home) -> None:
    """A twin of the generation before, of the same content, does not belong to this one."""
    first, second = (home.published / name for name in generation.generations(home))
    shutil.copy(first / "dim_countries.parquet", second / "dim_countries.parquet")
    manifest = generation.read_manifest(second)
    build.write_manifest(second, manifest | {"files": generation.file_entries(second)})
    assert failed(second, home) == {"one_generation"}


def test_the_same_content_makes_no_new_generation(home: Home) -> None:
    before = generation.generations(home)
    publication = swap.publish(home, code_version="1")
    assert not publication.is_new
    assert publication.folder == seen(home)
    assert generation.generations(home) == before


def test_the_same_content_by_other_code_is_a_new_generation(home: Home) -> None:
    publication = swap.publish(home, code_version="2")
    assert publication.is_new
    assert publication.diff is not None
    assert all(
        one.added == one.changed == one.removed == 0 for one in publication.diff.tables.values()
    )


def test_a_damaged_current_generation_is_replaced(home: Home) -> None:
    flip(seen(home) / "dim_dates.parquet")
    publication = swap.publish(home, code_version="1")
    assert publication.is_new
    assert failed(seen(home), home) == set()


def test_rollback_and_forth(home: Home) -> None:
    first, second = generation.generations(home)
    assert swap.rollback(home) == first
    assert seen(home).name == first
    with pytest.raises(Refusal, match="no generation before the current one"):
        swap.rollback(home)
    assert swap.rollback(home, second) == second
    assert seen(home).name == second
    with pytest.raises(Refusal, match="no generation 2020"):
        swap.rollback(home, "2020")


def test_rollback_refuses_a_damaged_generation(home: Home) -> None:
    first, second = generation.generations(home)
    flip(home.published / first / "dim_dates.parquet")
    with pytest.raises(Refusal, match=r"dim_dates\.parquet is changed"):
        swap.rollback(home)
    assert seen(home).name == second


def test_publishing_after_a_rollback_shows_the_newer_one_again(home: Home) -> None:
    first, second = generation.generations(home)
    swap.rollback(home)
    publication = swap.publish(home, code_version="1")
    assert (publication.generation, publication.is_new) == (second, True)
    assert generation.generations(home) == [first, second]


def test_a_generation_that_was_never_shown_is_shown_by_the_next_run(home: Home) -> None:
    """As after a kill between the two renames at the end."""
    first, second = generation.generations(home)
    link = home.published / "current"
    link.unlink()
    link.symlink_to(first)
    (home.published / f".current-{os.getpid()}").symlink_to(second)
    assert swap.publish(home, code_version="1").generation == second
    assert not list(home.published.glob(".*"))


def test_seven_generations_are_kept_and_the_current_one(home: Home) -> None:
    names = [f"20200101T00000{n}Z-00000000" for n in range(9)]
    for name in names:
        shutil.copytree(seen(home), home.published / name)
    swap.publish(home, code_version="2")
    kept = generation.generations(home)
    assert len(kept) == swap.KEPT
    assert kept[-1] == seen(home).name
    assert kept[:4] == names[-4:]


def test_names_sort_by_time_even_when_the_clock_goes_back(home: Home) -> None:
    future = home.published / "29991231T235959Z-00000000"
    shutil.copytree(seen(home), future)
    publication = swap.publish(home, code_version="2")
    assert publication.generation > future.name


def test_strangers_beside_the_generations_are_left_alone(home: Home) -> None:
    """What a disk, a file server or an operator puts there, some of it with nearly our names."""
    strangers = [
        "lost+found",
        "@eaDir",
        ".snapshot",
        ".Trash-1000",
        "backup",
        "zzz-12345678",
        "20260101T000000Z",
        "20260101T000000Z-00000000.bak",
        "20261301T000000Z-00000000",
        "2026101T000000Z-00000000",
        "20260101T000000Z-0000000g",
    ]
    for name in strangers:
        shutil.copytree(seen(home), home.published / name)
    for number in range(swap.KEPT + 1):
        swap.publish(home, code_version=f"of day {number}")
    kept = generation.generations(home)
    assert len(kept) == swap.KEPT and not set(kept) & set(strangers)
    assert swap.rollback(home) == kept[-2]
    with pytest.raises(Refusal, match="no generation backup"):
        swap.rollback(home, "backup")
    assert all((home.published / name / "manifest.json").is_file() for name in strangers)


def test_a_link_to_a_stranger_is_mended_by_a_rollback(home: Home) -> None:
    name = seen(home).name
    shutil.copytree(seen(home), home.published / "backup")
    (home.published / "current").unlink()
    (home.published / "current").symlink_to("backup")
    assert swap.rollback(home, name) == seen(home).name == name


def refusals_of(home: Home) -> list[str]:
    """What publishing, going back and reading say, one after the other."""
    told = []
    for ask in (
        lambda: swap.publish(home, code_version="2"),
        lambda: swap.rollback(home),
        lambda: reporting.country_shares(home, reporting.Slice()),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        told.append(str(refused.value))
    (trouble,) = status.status(home)["trouble"]
    return [*told, trouble]


def restored(home: Home) -> Path:
    """The folder that a restore without symlinks leaves in the place of the link."""
    link, folder = home.published / "current", seen(home)
    link.unlink()
    shutil.copytree(folder, link)
    return link


def test_a_folder_in_the_place_of_the_link_is_refused_with_a_cure(home: Home) -> None:
    newest, copy = seen(home).name, restored(home)
    kept = ", ".join(generation.generations(home))
    for told in refusals_of(home):
        assert str(copy) in told and "move it to another place" in told
        assert f"observatory rollback GENERATION`, one of: {kept}" in told
    copy.rename(home.root / "aside")
    assert swap.rollback(home, newest) == newest
    assert not swap.publish(home, code_version="1").is_new


def test_where_that_folder_is_the_only_copy_the_cure_keeps_it(home: Home) -> None:
    newest, copy = seen(home).name, restored(home)
    shutil.rmtree(home.published / newest)
    for told in refusals_of(home):
        assert f"rename it to {newest}" in told and f"observatory rollback {newest}" in told
    copy.rename(home.published / newest)
    assert swap.rollback(home, newest) == newest
    assert not swap.publish(home, code_version="1").is_new
    assert failed(seen(home), home) == set()


def test_a_file_in_the_place_of_the_link_is_refused_too(home: Home) -> None:
    (home.published / "current").unlink()
    (home.published / "current").write_text(generation.generations(home)[-1])
    assert all("`current` is not a link" in told for told in refusals_of(home))


def test_leftovers_of_killed_runs_are_removed(home: Home) -> None:
    for name in (".building-1-2", ".removing-x"):
        (home.published / name).mkdir()
        (home.published / name / "observatory.duckdb").write_bytes(b"half")
    (home.published / ".current-7").symlink_to("nowhere")
    (home.published / ".shown.json.7").write_text("[")
    swap.publish(home, code_version="1")
    assert not list(home.published.glob(".*"))


def test_extras_join_the_generation_and_its_hashes(home: Home) -> None:
    @contextmanager
    def dashboard(folder: Path, beside: Path) -> Iterator[Callable[[], None]]:
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (folder / "observatory.duckdb").is_file()
        (beside / "dashboard").mkdir()

        def wait() -> None:
            (beside / "dashboard/index.html").write_text(manifest["generation"])

        yield wait

    publication = swap.publish(home, code_version="2", extras=[dashboard])
    page = publication.folder / "dashboard/index.html"
    assert page.read_text() == publication.generation
    assert "dashboard/index.html" in publication.manifest["files"]
    flip(page)
    assert failed(publication.folder) == {"files_as_published"}


def test_an_extra_that_fails_publishes_nothing(home: Home) -> None:
    @contextmanager
    def broken(folder: Path, beside: Path) -> Iterator[Callable[[], None]]:
        def wait() -> None:
            raise RuntimeError("no chart today")

        yield wait

    before = seen(home)
    with pytest.raises(RuntimeError, match="no chart today"):
        swap.publish(home, code_version="2", extras=[broken])
    assert seen(home) == before
    assert not list(home.published.glob(".*"))


def test_the_diff_counts_rows_and_names_moves(home: Home) -> None:
    first, second = (home.published / name for name in generation.generations(home))
    found = diff.diff(first, second)
    assert found.days_added == ["2026-08-04"]
    assert found.tables["fct_snapshot_quality_daily"] == diff.TableDiff(1, 0, 0)
    assert found.tables["dim_models"].added == 1
    assert found.tables["dim_models"].changed == 402
    assert found.tables["dim_countries"] == diff.TableDiff(0, 0, 0)
    assert {move["snapshot_date"] for move in found.moves} == {"2026-08-04"}
    assert all(abs(move["change"]) >= abs(found.moves[-1]["change"]) for move in found.moves)
    assert found.restatements == []
    kept = json.loads((second / "diff.json").read_text())
    assert kept["tables"]["dim_models"] == {"added": 1, "changed": 402, "removed": 0}
    back = diff.diff(second, first)
    assert back.days_removed == ["2026-08-04"]
    assert back.tables["dim_models"].removed == 1


def test_the_first_diff_adds_everything(home: Home) -> None:
    first = home.published / generation.generations(home)[0]
    found = json.loads((first / "diff.json").read_text())
    assert found["old"] is None
    assert found["tables"]["dim_models"]["added"] == 402


def test_content_hashes_ignore_order_and_encoding() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table a as select i, i / 3 as share, if(i % 5 = 0, null, 'x' || i) as name "
            "from range(1000) as t(i)"
        )
        connection.execute("create table b as from a order by hash(i)")
        columns = [("i", "BIGINT"), ("share", "DOUBLE"), ("name", "VARCHAR")]
        same = generation.content_sha256(connection, "a", columns)
        assert generation.content_sha256(connection, "b", columns) == same
        connection.execute("update b set share = share * (1 + 1e-15)")
        assert generation.content_sha256(connection, "b", columns) == same
        connection.execute("update b set share = share + 1e-6 where i = 7")
        assert generation.content_sha256(connection, "b", columns) != same


def test_a_generation_of_an_older_program_is_verified_by_what_it_had(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is required since an update must not make what was published a failure."""
    required = (*REQUIRED, "fct_of_tomorrow")
    monkeypatch.setattr("orchestration.publication.verify.REQUIRED", required)
    outcomes = verify.verify(seen(home), home)
    assert [one.name for one in outcomes] == [check.name for check in verify.CHECKS]
    assert {one.status for one in outcomes} == {"passed"}
    (seen(home) / "dim_dates.parquet").write_bytes(b"PAR1")
    assert "files_as_published" in failed(seen(home), home)
