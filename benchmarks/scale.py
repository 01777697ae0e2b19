"""`make bench-scale`: how cost grows with models and days, and how far the floor is.

What belongs here: homes of generated worlds, measured in pieces that can be run one by one. The
results of a run are committed in `docs/scaling.md`.

    python -m benchmarks.scale curves                       5,000 models, 2 and 30 days: for CI
    python -m benchmarks.scale curves --models 5000,50000,500000 --days 2,30,120
    python -m benchmarks.scale organizations --models 500000
    python -m benchmarks.scale alternatives --models 500000 --days 30
    python -m benchmarks.scale history --models 5000000 --days 3
    python -m benchmarks.scale floor --models 5000000
    python -m benchmarks.scale queries --models 5000000 --days 365
    python -m benchmarks.scale year --models 5000000
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from benchmarks import lean, profiles, queries, sameness, year
from benchmarks.measuring import OBSERVATORY, Figure, circumstances, measure
from benchmarks.worlds import CURATED, WINDOWS_BEGIN, seal_days
from local_hub import named_world
from orchestration.gates import verdicts
from orchestration.home import CHECKOUT, Home
from orchestration.publication import generation
from orchestration.publication.generation import CURRENT
from orchestration.snapshots import reading, retention, store
from orchestration.snapshots.retention import Retention
from orchestration.warehouse import generated_organizations_file

PICTURES = CHECKOUT / "docs" / "images"


def curves(work: Path, models: list[int], days: list[int]) -> None:
    """One more day after 1, 29 ... others: its time and memory, and those of a rebuild."""
    print("| models | day | publish it | CPU | peak memory | all days before, rebuilt | a day |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for count in models:
        for number in days:
            day, rebuilt = _one_more_day(work, count, number, CURATED)
            print(
                f"| {count:,} | {number} | {day.wall:.1f} s | {day.cpu:.1f} s "
                f"| {day.peak:,.0f} MiB | {rebuilt.wall:.1f} s "
                f"| {rebuilt.wall / max(number - 1, 1):.1f} s |",
                flush=True,
            )


def organizations(work: Path, models: list[int], days: list[int]) -> None:
    """The same by how many organizations are curated: each is a row of every slice."""
    print("| models | day | curated organizations | publish it | CPU | peak memory |")
    print("|---:|---:|---:|---:|---:|---:|")
    for count in models:
        for number in days:
            for curated in (0, 500, 2_000, 8_000):
                day, _ = _one_more_day(work, count, number, curated)
                print(
                    f"| {count:,} | {number} | {curated:,} | {day.wall:.1f} s | {day.cpu:.1f} s "
                    f"| {day.peak:,.0f} MiB |",
                    flush=True,
                )


def _one_more_day(work: Path, count: int, number: int, curated: int) -> tuple[Figure, Figure]:
    """The last of `number` days, and all days before it at once."""
    home = Home(work / f"{count}x{number}")
    world = named_world(f"scale:{count}x{number}")
    seal_days(home, world, list(world.dates)[:-1], curated)
    rebuilt = publish(home, f"{count} models, {number - 1} days")
    seal_days(home, world, list(world.dates)[-1:], curated)
    day = publish(home, f"{count} models, day {number}")
    shutil.rmtree(home.root)
    return day, rebuilt


def alternatives(work: Path, models: list[int], days: list[int]) -> None:
    """The newest day by us, and by what a user would write instead."""
    print(
        "| models | day | we | pandas: two tables | dbt's microbatch: two tables "
        "| all days anew (dbt's full refresh) |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    for count in models:
        for number in days:
            home = Home(work / f"alternatives-{count}x{number}")
            world = named_world(f"scale:{count}x{number}")
            *before, newest = world.dates
            seal_days(home, world, before)
            publish(home, "the days before")
            microbatch(home, before[0], newest)
            seal_days(home, world, [newest])
            ours = publish(home, f"{count} models, day {number}")
            theirs = microbatch(home, newest, newest + timedelta(days=1))
            program = [sys.executable, "-m", "benchmarks.in_pandas", str(home.root)]
            pandas = measure("pandas", program, home.root, "")
            shutil.rmtree(home.warehouse.parent)
            anew = publish(home, f"{number} days anew")
            told = (
                f"{one.wall:.1f} s, {one.peak:,.0f} MiB" for one in (ours, pandas, theirs, anew)
            )
            print(f"| {count:,} | {number} | {' | '.join(told)} |", flush=True)
            shutil.rmtree(home.root)


def microbatch(home: Home, since: date, until: date) -> Figure:
    """The days from `since` to before `until` by the dbt project in benchmarks/microbatch."""
    project = Path(__file__).parent / "microbatch"
    folder = home.root / "microbatch"
    folder.mkdir(exist_ok=True)
    options = {"project-dir": project, "profiles-dir": project} | {
        f"{name}-path": folder / name for name in ("target", "log")
    }
    command = [str(Path(sys.executable).with_name("dbt")), "run"]
    command += [f"--{name}={path}" for name, path in options.items()]
    command += [f"--event-time-start={since}", f"--event-time-end={until}"]
    return measure(
        "microbatch",
        command,
        home.root,
        "",
        MICROBATCH_BEGIN=str(since),
        MICROBATCH_DATABASE=str(folder / "warehouse.duckdb"),
        MICROBATCH_RAW=str(home.raw / "hub_models"),
        MICROBATCH_ORGANIZATIONS=str(generated_organizations_file(home)),
    )


def history(work: Path, models: list[int], days: list[int]) -> None:
    """Compacted days: bytes per model-day, and seconds to compact and prove one."""
    print(
        "| models | whole, B a model-day | counters, B a model-day "
        "| new attributes, B a model-day | attributes of a month, B a model | keys, B a model "
        "| s a day |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for count in models:
        for number in days:
            home = Home(work / f"history-{count}x{number}")
            world = named_world(f"scale:{count}x{number + 2}")
            seal_days(home, world, world.dates)
            begun = time.monotonic()
            done = retention.enforce(home, Retention(2, 0), is_judged=lambda _: True).compacted
            seconds = (time.monotonic() - begun) / len(done)
            rows = sum(day.sealed.rows for day in done)
            whole = sum(day.bytes_before for day in done)
            at_rest = retention.bytes_at_rest(home)
            months = [
                reading.read_month(home, month)
                for month in sorted({reading.month_of(day.sealed.snapshot_date) for day in done})
            ]
            files = [
                reading.month_folder(home, month.month) / one.file
                for month in months
                for one in month.attributes
            ]
            first, *later = [file.stat().st_size for file in files]
            print(
                f"| {count:,} | {whole / rows:.1f} | {at_rest['counters'] / rows:.2f} "
                f"| {sum(later) / max(rows - done[0].sealed.rows, 1):.2f} "
                f"| {first / done[0].sealed.rows:.1f} "
                f"| {at_rest['keys'] / done[-1].sealed.rows:.1f} | {seconds:.1f} |",
                flush=True,
            )
            shutil.rmtree(home.root)


def floor(work: Path, models: list[int], days: list[int]) -> None:
    """The second of two days, by us and by the hand-written script, in one run.

    The profile of our day is drawn into docs/images.
    """
    print("| models | we | CPU | peak memory | lean script | ratio |")
    print("|---:|---:|---:|---:|---:|---:|")
    for count in models:
        home = Home(work / f"floor-{count}")
        world = named_world(f"scale:{count}x30")
        first, second = list(world.dates)[-2:]
        seal_days(home, world, [first])
        publish(home, "the day before")
        seal_days(home, world, [second])
        ours = publish(home, f"{count} models, day 2")
        picture = PICTURES / f"day-profile-{count}.svg"
        profiles.draw(home, f"A day of {count:,} models, {circumstances()}", picture)
        one, two = (store.parquet_of(home, day) for day in store.list_sealed(home))
        homes = generated_organizations_file(home)
        before = work / "before"
        lean.run(one, first, homes, None, before)
        theirs = lean.run(two, second, homes, before / lean.DATABASE, work / "lean")
        in_all = sum(theirs.values())
        print(
            f"| {count:,} | {ours.wall:.1f} s | {ours.cpu:.1f} s | {ours.peak:,.0f} MiB "
            f"| {in_all:.1f} s | {ours.wall / in_all:.1f} |",
            flush=True,
        )
        for name, seconds in theirs.items():
            print(f"  lean: {name} {seconds:.1f} s", flush=True)
        published = home.published / "current" / generation.DATABASE
        print(sameness.report(work / "lean" / lean.DATABASE, published), flush=True)


def after_a_year(work: Path, models: list[int], days: list[int]) -> None:
    """The newest day after one other, after a year, and after one that is compacted."""
    print("| models | day | publish it | CPU | peak memory | published file |")
    print("|---:|---|---:|---:|---:|---:|")
    for count in models:
        for number in days:
            world = named_world(f"scale:{count}x{number}")
            second = Home(work / f"second-{count}")
            seal_days(second, world, [world.dates[-2]])
            publish(second, "the day before")
            seal_days(second, world, [world.dates[-1]])
            _told(second, count, "2")
            shutil.rmtree(second.root)

            home = Home(work / f"year-{count}")
            newest = year.make(home, world, publish)
            with year.put_back(home, work / f"kept-{count}"):
                seal_days(home, world, [newest])
                _told(home, count, f"{number}, all days whole")
            year.compact(home, newest)
            seal_days(home, world, [newest])
            _told(home, count, f"{number}, the days on which windows begin compacted")
            shutil.rmtree(home.root)


def _told(home: Home, count: int, name: str) -> None:
    day = publish(home, f"{count} models, day {name}")
    size = (home.published / CURRENT / generation.DATABASE).stat().st_size / 2**20
    print(
        f"| {count:,} | {name} | {day.wall:.1f} s | {day.cpu:.1f} s | {day.peak:,.0f} MiB "
        f"| {size:,.0f} MiB |",
        flush=True,
    )
    print(profiles.steps(home).to_string(index=False), flush=True)


def answers(work: Path, models: list[int], days: list[int]) -> None:
    """What the published file answers after many days, and how large it is."""
    for count in models:
        home = Home(work / f"queries-{count}")
        world = named_world(f"scale:{count}x366")
        days_sealed = [world.dates[-1 - back] for back in (*WINDOWS_BEGIN, 0)]
        seal_days(home, world, days_sealed)
        publish(home, f"{count} models, {len(days_sealed)} days")
        for number in days:
            folder = work / f"{count}x{number}"
            folder.mkdir()
            queries.measure(home.published / "current", number, folder)
            shutil.rmtree(folder)
        shutil.rmtree(home.root)


def publish(home: Home, name: str) -> Figure:
    """`observatory publish`: gate 1, build, gate 2, publication with gate 3, dashboard."""
    figure = measure(name, [*OBSERVATORY, "publish"], home.root, "")
    refused = [
        day.snapshot_date
        for day in store.list_sealed(home)
        if not ((given := verdicts.kept(home, day)) and given.passed)
    ]
    if refused:
        raise SystemExit(f"{name}: the first gate refused {refused}: nothing was measured")
    return figure


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.replace("_", "").split(",")]


PIECES: dict[str, tuple[Callable[[Path, list[int], list[int]], None], str, str]] = {
    "curves": (curves, "5000", "2,30"),
    "organizations": (organizations, "500000", "2"),
    "alternatives": (alternatives, "50000", "30"),
    "history": (history, "500000", "5"),
    "floor": (floor, "500000", "2"),
    "queries": (answers, "50000", "365"),
    "year": (after_a_year, "50000", "366"),
}


def main() -> None:
    """Measure one piece and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("piece", choices=PIECES)
    parser.add_argument("--models", type=_numbers)
    parser.add_argument("--days", type=_numbers)
    parser.add_argument("--folder", type=Path, help="where the homes are made and removed")
    given = parser.parse_args()
    piece, models, days = PIECES[given.piece]
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="observatory-scale-", dir=given.folder))
    print(f"{circumstances()}\n")
    try:
        piece(work, given.models or _numbers(models), given.days or _numbers(days))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
