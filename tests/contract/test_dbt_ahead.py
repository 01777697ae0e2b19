"""dbt started ahead: it answers one question, and is gone with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestration.defs.transform import ahead
from orchestration.defs.transform.project import CODE, ensure_manifest
from orchestration.warehouse import PROJECT

ASKED = ["--quiet", "list", "--resource-type", "source", "--output", "name"]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_LOG_PATH": str(folder),
        "OBSERVATORY_WAREHOUSE": str(folder / "warehouse.duckdb"),
    }


def asked(arguments: list[str], folder: Path, code: str = CODE) -> tuple[int, str]:
    process = ahead.invoke(arguments, environment(folder), code)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read().decode()
    return process.wait(60), said


def test_it_answers_started_ahead_and_started_now(tmp_path: Path) -> None:
    ensure_manifest()
    with ahead.dbt_ahead():
        first = asked(ASKED, tmp_path)
        # The one that was ready has answered; this is another.
        assert asked(ASKED, tmp_path) == first
    code, said = first
    assert code == 0
    assert "raw.hub_models" in said.split()


def test_one_that_died_while_it_waited_is_replaced(tmp_path: Path) -> None:
    with ahead.dbt_ahead():
        assert ahead._process is not None
        ahead._process.kill()
        ahead._process.wait()
        assert asked(ASKED, tmp_path)[0] == 0


def test_what_dbt_cannot_do_is_told_by_its_exit(tmp_path: Path) -> None:
    code, said = asked(["list", "--no-such-option"], tmp_path)
    assert code == 2
    assert "no-such-option" in said


def test_it_builds_by_no_other_models_than_the_run_read(tmp_path: Path) -> None:
    """A run crawls for half an hour; models that are pulled meanwhile are the next run's."""
    code, said = asked(ASKED, tmp_path, code="models of another day")
    assert code == 2
    assert "the models changed" in said


def test_what_it_wrote_is_in_the_warehouse_and_in_no_log_of_writes(tmp_path: Path) -> None:
    """Who opens the file next reads such a log again, before a limit of memory can be set."""
    code, said = asked(["--quiet", "seed", "--select", "countries"], tmp_path)
    assert code == 0, said
    assert [file.name for file in tmp_path.glob("warehouse*")] == ["warehouse.duckdb"]


def test_it_dies_with_the_process_that_started_it() -> None:
    """Left alone it would hold the warehouse against the next run."""
    starting = (
        "from orchestration.defs.transform import ahead\n"
        "with ahead.dbt_ahead():\n"
        "    print(ahead._process.pid, flush=True)\n"
        "    import time; time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starting], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        # Once it waits for its question, it would wait for ever.
        while "dbt" not in Path(f"/proc/{child}/maps").read_text():
            time.sleep(0.05)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(child)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
