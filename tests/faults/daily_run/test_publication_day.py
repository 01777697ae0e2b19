"""A day that was killed three times: published whole, spoken to nobody about, token untold."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.home import CHECKOUT, Home
from orchestration.snapshots import store
from tests.faults.daily_run.commands import (
    TOKEN,
    Hub,
    Watched,
    check_nothing_left,
    check_sealed,
    check_whole,
    tables,
)
from tests.integration.command_line import PROGRAM, environment_for

pytestmark = [
    pytest.mark.xdist_group("publication_daily_run"),
    pytest.mark.timeout(1800),
]


def test_a_day_killed_three_times_is_published_by_the_next_run(watched: Watched) -> None:
    check_whole(watched.home)
    check_sealed(watched.home)
    check_nothing_left(watched.home)
    (sealed,) = store.list_sealed(watched.home)
    assert sealed.rows == len(watched.hub.local.stage.content.day(watched.hub.days[0]))


def test_a_day_killed_three_times_says_what_an_undisturbed_one_says(
    watched: Watched, undisturbed: Home
) -> None:
    assert tables(watched.home) == tables(undisturbed)


def test_nobody_but_the_hub_is_spoken_to(watched: Watched) -> None:
    """Not by telemetry of Dagster, dbt, Great Expectations or huggingface_hub either."""
    assert watched.addresses.pop(f"127.0.0.1 {watched.hub.proxy.port}")
    assert watched.addresses == {}


def test_the_token_is_sent_to_the_hub_and_told_nowhere(watched: Watched) -> None:
    sent = {headers.get("authorization") for headers in watched.hub.proxy.headers}
    assert sent == {f"Bearer {TOKEN}"}
    places = [watched.transcript, *watched.home.root.rglob("*")]
    files = [path for path in places if path.is_file() and not path.is_symlink()]
    assert len(files) > 50 and any(path.suffix == ".db" for path in files)
    assert [str(path) for path in files if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.long
def test_the_kernel_sees_no_other_connection(daily_hub: Hub, tmp_path: Path) -> None:
    """The same below Python: what DuckDB, libpq, gRPC and all others ask the kernel for."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed here")
    trace = tmp_path / "trace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    observed = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-e", "signal=none"]
    subprocess.run(
        [*observed, "-o", str(trace), sys.executable, "-c", PROGRAM, "run"],
        env=environment_for(tmp_path / "home", daily_hub.environment),
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    spoken = [line for line in trace.read_text().splitlines() if "sa_family=AF_INET" in line]
    port = f"sin_port=htons({daily_hub.proxy.port})"
    assert spoken
    assert [line for line in spoken if port not in line or '"127.0.0.1"' not in line] == []
