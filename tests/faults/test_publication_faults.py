"""Publications under kill -9, full disks, failing disks, little memory; readers meanwhile.

Each time the publication is wholly old or wholly new, and the next run succeeds without help.
`make test` runs a seeded sample of each suite, `make test-long` all.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.home import Home
from orchestration.publication import generation, swap, verify, weeks
from tests.faults import publication_processes as faults
from tests.faults.publication_processes import running
from tests.unit.marts_fixture import FIRST_DAY, build_warehouse, seal

pytestmark = pytest.mark.xdist_group("publication_faults")
CONTEXT = faults.processes()


class Stage:
    """A home with one generation, and two warehouses to publish in turn."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        dates = seal(self.home, 3)
        self.warehouses = [
            build_warehouse(self.home, dates, path=root / "warehouse_a.duckdb"),
            build_warehouse(
                self.home,
                dates,
                path=root / "warehouse_b.duckdb",
                change="update marts.dim_models set library_name = 'b'",
            ),
        ]
        self.publish()
        self.raw = self.raw_content()

    def publish(self) -> swap.Publication:
        """A publication that nobody disturbs; then nothing of the disturbed ones is left."""
        published = swap.publish(self.home, self.warehouses[0], code_version="undisturbed")
        assert not list(self.home.published.glob(".*"))
        return published

    def folder(self) -> Path:
        folder = generation.current(self.home)
        assert folder is not None
        return folder

    def check(self, before: Path) -> bool:
        """The publication is whole, and the one `before` or a newer; says whether it is newer."""
        folder = self.folder()
        assert [str(one) for one in verify.whole(folder) if one.status != "passed"] == []
        assert faults.look(self.home.published / "current") == folder.name
        assert folder.name >= before.name
        assert self.raw_content() == self.raw
        return folder != before

    def raw_content(self) -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.home.raw.rglob("*.parquet"))
        }


@pytest.fixture(autouse=True, scope="module")
def _every_table_is_divided() -> Iterator[None]:
    """As in the processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weeks, "DIVIDED_FROM", 1)
        patch.setattr(weeks, "TAKEN_OVER_FROM", 1)
        yield


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("publication"))


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.timeout(3600)
def test_kill_at_random_moments_leaves_the_old_or_the_new(stage: Stage, kills: int) -> None:
    moments = random.Random(11)
    root = stage.home.root
    # The first one also waits for the fork server to load Great Expectations.
    for attempt in ("first", "timed"):
        process = CONTEXT.Process(target=faults.publish, args=(root, stage.warehouses[1], attempt))
        begun = time.monotonic()
        with running(process):
            process.join()
            assert process.exitcode == 0
    undisturbed = time.monotonic() - begun
    changed = 0
    for number in range(kills):
        before = stage.folder()
        warehouse = stage.warehouses[number % 2]
        process = CONTEXT.Process(target=faults.publish, args=(root, warehouse, f"kill {number}"))
        with running(process):
            process.join(moments.uniform(0, 1.05 * undisturbed))
        changed += stage.check(before)
    assert stage.publish().folder == stage.folder()
    assert kills - changed > 0


@pytest.mark.parametrize("cases", [4, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.timeout(3600)
def test_a_full_disk_leaves_the_old_one(stage: Stage, cases: int) -> None:
    """Files may grow to a random size, from nothing to nearly that of the database."""
    sizes = random.Random(12)
    largest = max(path.stat().st_size for path in stage.folder().rglob("*"))
    for number in range(cases):
        before = stage.folder()
        limit = int(largest * sizes.random() ** 3)
        process = CONTEXT.Process(
            target=faults.publish_within,
            args=(stage.home.root, stage.warehouses[number % 2], f"full {number}", limit),
        )
        with running(process):
            process.join()
            assert process.exitcode != 0
        assert not stage.check(before)
    stage.publish()


@pytest.mark.parametrize("every", [41, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.timeout(3600)
def test_a_failing_disk_leaves_the_old_or_the_new(stage: Stage, every: int) -> None:
    """The n-th fsync, rename or the like fails; every n in the long run, till there are no more."""
    codes = faults.ERRNOS if every == 1 else faults.ERRNOS[:1]
    ended = {1: 0}
    for number in itertools.takewhile(
        lambda _: faults.NOT_REACHED not in ended.values(), itertools.count(every // 2 + 1, every)
    ):
        for code in codes:
            before = stage.folder()
            process = CONTEXT.Process(
                target=faults.publish_failing,
                args=(
                    stage.home.root,
                    stage.warehouses[number % 2],
                    f"call {number}, errno {code}",
                    number,
                    code,
                ),
            )
            with running(process):
                process.join()
                is_new = stage.check(before)
                assert is_new or process.exitcode == faults.STOPPED
                ended[number] = process.exitcode or 0
    assert faults.STOPPED in ended.values()
    stage.publish()


@pytest.mark.parametrize("memory", ["1MB", "8MB", "24MB"])
def test_too_little_memory_leaves_the_old_or_the_new(stage: Stage, memory: str) -> None:
    before = stage.folder()
    process = CONTEXT.Process(
        target=faults.publish_in_memory,
        args=(stage.home.root, stage.warehouses[1], f"memory {memory}", memory),
    )
    with running(process):
        process.join()
        assert stage.check(before) == (process.exitcode == 0)
    stage.publish()


def test_two_publishers_at_once_take_turns(stage: Stage) -> None:
    before = stage.folder()
    both = [
        CONTEXT.Process(target=faults.publish, args=(stage.home.root, warehouse, f"at once {n}"))
        for n, warehouse in enumerate(stage.warehouses)
    ]
    with running(both[0]), running(both[1]):
        for process in both:
            process.join()
            assert process.exitcode == 0
    assert stage.check(before)
    names = [name for name in generation.generations(stage.home) if name > before.name]
    assert len(names) == 2


@pytest.mark.parametrize("publications", [5, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.timeout(3600)
def test_readers_see_whole_generations_and_each_new_one_soon(
    tmp_path: Path, publications: int
) -> None:
    stage = Stage(tmp_path)
    told = CONTEXT.SimpleQueue()
    seen: dict[int, str] = {}
    errors: list[str] = []

    def all_see(name: str, deadline: float) -> bool:
        while time.monotonic() < deadline:
            while not told.empty():
                number, found = told.get()
                seen[number] = found
                if found.startswith("error"):
                    errors.append(found)
            if list(seen.values()) == [name] * 8:
                return True
            time.sleep(0.01)
        return False

    readers = [
        CONTEXT.Process(
            target=faults.read, args=(stage.home.root, told, number, time.monotonic() + 3000)
        )
        for number in range(8)
    ]
    try:
        for reader in readers:
            reader.start()
        assert all_see(stage.folder().name, time.monotonic() + 60)
        for number in range(publications):
            published = swap.publish(
                stage.home, stage.warehouses[(number + 1) % 2], code_version=f"{number}"
            )
            assert published.is_new
            assert all_see(published.generation, time.monotonic() + 5), seen
    finally:
        for reader in readers:
            reader.kill()
            reader.join()
    assert errors == []


def test_a_day_sealed_while_publishing_waits_for_its_turn(stage: Stage) -> None:
    """The warehouse lacks a day that passed: refused, the publication stays, no half of it."""
    before = stage.folder()
    home = Home(stage.home.root.parent / "other")
    seal(home, 2)
    build_warehouse(home, [FIRST_DAY])
    with pytest.raises(swap.PublicationRefused, match="days_published"):
        swap.publish(home, code_version="1")
    assert generation.current(home) is None
    assert stage.folder() == before
