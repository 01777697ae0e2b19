"""What a crawl costs the client, beside `HfApi.list_models` asking the same of the same Hub.

What belongs here: CPU per 1,000 rows, memory, and time against one local Hub, each client in
a process of its own, in turns. Run as `python -m benchmarks.crawl [--models N] [--rounds N]`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, get_session

from local_hub import Quota, serve
from orchestration.home import Home
from orchestration.hub.client import HubClient
from orchestration.hub.crawl import crawl
from orchestration.hub.pages import LISTINGS

# The budget: a third of the CPU of the client library, 1 GiB however many models there are, and
# nine tenths of what the Hub's own latency allows.
MOST_CPU, MOST_MEMORY, LEAST_SHARE = 1 / 3, 2**30, 0.9
LATENCY = 0.3  # seconds: what a page of the real Hub takes


def ours(endpoint: str) -> int:
    """A crawl into a new home: pages checked, compressed, and on the disk."""
    with tempfile.TemporaryDirectory(prefix="bench-crawl-") as folder:
        return crawl(Home(Path(folder)), HubClient(endpoint, token=False)).rows


def theirs(endpoint: str) -> int:
    """`HfApi.list_models`, every model looked at and let go."""
    api = HfApi(endpoint=endpoint, token=False)
    expand: Any = list(LISTINGS["hub_models"].expand)
    return sum(1 for _ in api.list_models(sort="created_at", expand=expand))


def bare(endpoint: str) -> int:
    """Every page asked for as soon as the one before is there, and thrown away."""
    path: str | None = LISTINGS["hub_models"].first
    pages = 0
    while path is not None:
        answer = get_session().get(endpoint + path)
        link = answer.links.get("next", {}).get("url")
        path = link.removeprefix(endpoint) if link else None
        pages += 1
    return pages


CLIENTS: dict[str, Callable[[str], int]] = {"crawl": ours, "list_models": theirs}


def measure(client: str, endpoint: str) -> dict[str, float]:
    """Run `client` in this process; CPU (s), wall time (s), peak memory (bytes), rows."""
    warm = CLIENTS[client]
    began, cpu = time.perf_counter(), time.process_time()
    rows = warm(endpoint)
    return {
        "rows": rows,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - began,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def in_a_process(client: str, endpoint: str) -> dict[str, float]:
    """`measure` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crawl", "--client", client, "--endpoint", endpoint],
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _serve(world: str, faults: Path, told: Connection) -> None:
    serve(
        world=world,
        port=0,
        faults=faults,
        quota=Quota.unlimited(),
        started=lambda hub: told.send(hub.endpoint),
    )


@contextmanager
def local_hub(models: int, *, latency: float = 0.0) -> Iterator[str]:
    """The endpoint of a generated Hub of `models`, in a process of its own.

    Every page takes `latency` (s) longer than it must.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        delays = [{"do": "delay", "seconds": latency}] if latency else []
        json.dump({"faults": delays}, file)
        file.flush()
        arguments = (f"scale:{models}x1", Path(file.name), there)
        server = spawn.Process(target=_serve, args=arguments, daemon=True)
        server.start()
        try:
            yield here.recv()
        finally:
            server.terminate()
            server.join()


def share_of_latency(pages: int = 15, rounds: int = 3) -> float:
    """How much of the time of a crawl a client that does nothing but ask would take, too."""
    took: dict[Callable[[str], int], list[float]] = {bare: [], ours: []}
    with local_hub(pages * 1000 - 500, latency=LATENCY) as endpoint:
        bare(endpoint)
        for _ in range(rounds):
            for client, walls in took.items():
                began = time.perf_counter()
                client(endpoint)
                walls.append(time.perf_counter() - began)
    # First contact is one request more.
    return statistics.median(took[bare]) / (statistics.median(took[ours]) - LATENCY)


def compare(models: int, rounds: int) -> dict[str, float]:
    """Medians over `rounds`, clients in turns: CPU (s) per 1,000 rows, wall (s), memory (bytes)."""
    found: dict[str, list[dict[str, float]]] = {client: [] for client in CLIENTS}
    with local_hub(models) as endpoint:
        measure("crawl", endpoint)  # the server makes its day at the first request
        for _ in range(rounds):
            for client in CLIENTS:
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        print(json.dumps(measure(given.client, given.endpoint)))
        return 0
    found = compare(given.models, given.rounds)
    for client in CLIENTS:
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
    return 0 if fits and share >= LEAST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
