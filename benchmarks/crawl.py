"""What a crawl costs the client, beside `HfApi.list_models` asking the same of the same Hub.

What belongs here: CPU per 1,000 rows, memory, time and disk against one local Hub, each client
in a process of its own, never that of the server. `python -m benchmarks.crawl` holds a crawl
against the client library; with `--whole` it crawls and seals a Hub of five million models.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, get_session

from benchmarks.worlds import seal_days
from local_hub import Quota, World, named_world, serve
from orchestration.home import Home
from orchestration.hub import completeness
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import crawl
from orchestration.hub.pages import LISTINGS
from orchestration.snapshots import store
from orchestration.snapshots.importing import import_pages
from orchestration.snapshots.store import Source

# The budget: a third of the CPU of the client library; for five million models 1 GiB of memory
# and 700 MB of disk; nine tenths of what the Hub's own latency allows.
MOST_CPU, MOST_MEMORY, MOST_DISK, LEAST_SHARE = 1 / 3, 2**30, 700_000_000, 0.9
MODELS, WHOLE_HUB = 50_000, 5_000_000
LATENCY = 0.3  # seconds: what a page of the real Hub takes


def ours(endpoint: str, home: Path) -> int:
    """A crawl into `home`: pages checked, compressed, and on the disk."""
    return crawl(Home(home), HubClient(endpoint, token=False)).rows


def sealed(endpoint: str, home: Path) -> int:
    """The pages of a crawl that ended in `home`, sealed."""
    landed = crawl(Home(home), HubClient(endpoint, token=False))
    source = Source("live", landed.universe, {"endpoint": endpoint}, whole=True)
    (day,) = import_pages(Home(home), landed.pages, landed.snapshot_date, source).sealed
    return day.rows


def checked(endpoint: str, home: Path) -> int:
    """The pages of a crawl that ended in `home`, held against the day sealed there before."""
    client = HubClient(endpoint, token=False)
    landed = crawl(Home(home), client)
    (before,) = store.list_sealed(Home(home))
    problems = completeness.check(
        landed.pages,
        universe=landed.universe,
        previous=store.parquet_of(Home(home), before),
        client=client,
        observed_from=landed.observed_from,
        newest_created_at=landed.newest_created_at,
        temporary=Home(home).temporary,
    )
    if problems:
        raise SystemExit("; ".join(str(problem) for problem in problems))
    return landed.rows


def theirs(endpoint: str, home: Path) -> int:
    """`HfApi.list_models`, every model looked at and let go."""
    api = HfApi(endpoint=endpoint, token=False)
    expand: Any = list(LISTINGS["hub_models"].expand)
    return sum(1 for _ in api.list_models(sort="created_at", expand=expand))


def bare(endpoint: str, home: Path) -> int:
    """Every page asked for as soon as the one before is there, and thrown away."""
    path: str | None = LISTINGS["hub_models"].first
    pages = 0
    while path is not None:
        answer = get_session().get(endpoint + path)
        link = answer.links.get("next", {}).get("url")
        path = link.removeprefix(endpoint) if link else None
        pages += 1
    return pages


def step(endpoint: str, home: Path) -> int:
    """All of it as a day does it: the fetch step of a Dagster run, authors included."""
    os.environ |= {"HF_ENDPOINT": endpoint, "OBSERVATORY_HOME": str(home)}
    constants.ENDPOINT = endpoint
    from orchestration.defs.automation import running

    day = HubClient(endpoint, token=False).contact().snapshot_date
    report = running.execute(Home(home), "fetch_only", partition_key=day.isoformat())
    if not report.succeeded:
        raise SystemExit("; ".join(report.refusals + report.defects))
    return store.list_sealed(Home(home))[-1].rows


CLIENTS: dict[str, Callable[[str, Path], int]] = {
    "crawl": ours,
    "list_models": theirs,
    "check": checked,
    "seal": sealed,
    "fetch step": step,
}
COMPARED = ("crawl", "list_models")


def measure(client: str, endpoint: str, home: Path) -> dict[str, float]:
    """Run `client` in this process; CPU (s), wall time (s), peak memory (bytes), rows."""
    began, cpu = time.perf_counter(), time.process_time()
    rows = CLIENTS[client](endpoint, home)
    return {
        "rows": rows,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - began,
        "memory": _peak_memory(),
    }


def _peak_memory() -> int:
    """Most resident bytes of this process; its `ru_maxrss` would count its parent's as well."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024


def in_a_process(client: str, endpoint: str, home: Path | None = None) -> dict[str, float]:
    """`measure` in a process of its own, in `home` or one that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-crawl-") as passing:
        given = ["--client", client, "--endpoint", endpoint, "--home", str(home or passing)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.crawl", *given], check=True, stdout=subprocess.PIPE
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _serve(world: str, day: date, faults: Path, told: Connection) -> None:
    serve(
        world=world,
        date=day,
        port=0,
        faults=faults,
        quota=Quota.unlimited(),
        started=lambda hub: told.send(hub.endpoint),
    )


def _world(models: int) -> World:
    return named_world(f"scale:{models}x2")


@contextmanager
def local_hub(models: int, *, latency: float = 0.0) -> Iterator[str]:
    """The endpoint of a generated Hub of `models` on its second day, in a process of its own.

    Every page takes `latency` (s) longer than it must.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        delays = [{"do": "delay", "seconds": latency}] if latency else []
        json.dump({"faults": delays}, file)
        file.flush()
        world = _world(models)
        arguments = (world.name, world.dates[-1], Path(file.name), there)
        server = spawn.Process(target=_serve, args=arguments, daemon=True)
        server.start()
        try:
            yield here.recv()
        finally:
            server.terminate()
            server.join()


def share_of_latency(pages: int = 15, rounds: int = 3) -> float:
    """How much of the time of a crawl a client that does nothing but ask would take, too."""
    took: dict[Callable[[str, Path], int], list[float]] = {bare: [], ours: []}
    with local_hub(pages * 1000 - 500, latency=LATENCY) as endpoint:
        bare(endpoint, Path())
        for _ in range(rounds):
            for client, walls in took.items():
                with tempfile.TemporaryDirectory(prefix="bench-crawl-") as home:
                    began = time.perf_counter()
                    client(endpoint, Path(home))
                    walls.append(time.perf_counter() - began)
    # First contact is one request more.
    return statistics.median(took[bare]) / (statistics.median(took[ours]) - LATENCY)


def compare(models: int, rounds: int) -> dict[str, float]:
    """Medians over `rounds`, clients in turns: CPU (s) per 1,000 rows, wall (s), memory (bytes)."""
    found: dict[str, list[dict[str, float]]] = {client: [] for client in COMPARED}
    with local_hub(models) as endpoint:
        in_a_process("crawl", endpoint)  # the server makes its day at the first request
        for _ in range(rounds):
            for client in COMPARED:
                found[client].append(in_a_process(client, endpoint))
    told = {}
    for client, runs in found.items():
        told[f"{client} rows"] = runs[0]["rows"]
        told[f"{client} CPU per 1,000 rows"] = statistics.median(
            run["cpu"] / run["rows"] * 1000 for run in runs
        )
        told[f"{client} wall"] = statistics.median(run["wall"] for run in runs)
        told[f"{client} memory"] = max(run["memory"] for run in runs)
    told["CPU ratio"] = told["crawl CPU per 1,000 rows"] / told["list_models CPU per 1,000 rows"]
    return told


def tell_compared(models: int, rounds: int) -> bool:
    """Print what the crawl costs beside the client library; whether it keeps the budget."""
    found = compare(models, rounds)
    for client in COMPARED:
        print(
            f"{client:12} {found[f'{client} rows']:>9,.0f} rows  "
            f"{found[f'{client} CPU per 1,000 rows'] * 1000:6.1f} ms CPU per 1,000 rows  "
            f"{found[f'{client} memory'] / 2**20:6.0f} MiB  {found[f'{client} wall']:6.1f} s"
        )
    print(f"CPU ratio {found['CPU ratio']:.2f} (budget {MOST_CPU:.2f})")
    share = share_of_latency()
    print(
        f"{share:.0%} of the speed that a latency of {LATENCY} s a page allows "
        f"(budget {LEAST_SHARE:.0%})"
    )
    fits = found["CPU ratio"] <= MOST_CPU and found["crawl memory"] <= MOST_MEMORY
    return fits and share >= LEAST_SHARE


def tell_whole(models: int, folder: Path | None) -> bool:
    """Crawl, check and seal a Hub of `models`, print what it took; whether it keeps the budget."""
    took: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-crawl-", dir=folder) as made:
        home = Home(Path(made) / "home")
        world = _world(models)
        # In a process of its own, which gives its memory back.
        sealer = multiprocessing.get_context("spawn").Process(
            target=seal_days, args=(home, world, world.dates[:1])
        )
        sealer.start()
        sealer.join()
        by_run = Home(Path(made) / "run")
        shutil.copytree(home.root, by_run.root)
        with local_hub(models) as endpoint:
            for client in ("crawl", "check", "seal"):
                took[client] = in_a_process(client, endpoint, home.root)
                took[client]["disk"] = _bytes_in(home.landing) if client == "crawl" else 0
            took["fetch step"] = in_a_process("fetch step", endpoint, by_run.root) | {"disk": 0}
        sealed_day = store.list_sealed(home)[-1]
        took["seal"]["disk"] = store.parquet_of(home, sealed_day).stat().st_size
    print(f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, {sealed_day.rows:,} models\n")
    print("| what | rows | wall | CPU | CPU per 1,000 rows | peak memory | on disk |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for client, run in took.items():
        print(
            f"| {client} | {run['rows']:,.0f} | {run['wall']:,.0f} s | {run['cpu']:,.0f} s "
            f"| {run['cpu'] / run['rows'] * 1e6:.1f} ms | {run['memory'] / 2**20:,.0f} MiB "
            f"| {run['disk'] / 1e6:,.0f} MB |"
        )
    print(f"\nbudget: {MOST_MEMORY / 2**20:,.0f} MiB for each, {MOST_DISK / 1e6:,.0f} MB sealed")
    is_lean = all(run["memory"] <= MOST_MEMORY for run in took.values())
    return is_lean and took["seal"]["disk"] <= MOST_DISK


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--whole", action="store_true", help=f"crawl and seal a whole Hub ({WHOLE_HUB:,} models)"
    )
    parser.add_argument("--models", type=int, help=f"by default {MODELS:,}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where --whole needs some 2 GB, for a while")
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        print(json.dumps(measure(given.client, given.endpoint, given.home)))
        return 0
    if given.whole:
        return 0 if tell_whole(given.models or WHOLE_HUB, given.folder) else 1
    return 0 if tell_compared(given.models or MODELS, given.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
