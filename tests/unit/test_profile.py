"""What a step took is measured from outside of it, children included, and told as a table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration import profile
from orchestration.home import Home
from orchestration.profile import Profile, Step


def test_a_step_counts_its_children(tmp_path: Path) -> None:
    file = tmp_path / "eight_mib"
    file.write_bytes(b"x" * 2**23)
    hungry = f"data = bytearray(200 * 2**20); open({str(file)!r}, 'rb').read(); import time; "
    measured = Profile()
    with measured.step("hungry"):
        subprocess.run([sys.executable, "-c", hungry + "time.sleep(1.2)"], check=True)
    (step,) = measured.steps
    assert step.seconds > 1.2
    assert step.peak_memory_mib is not None and step.peak_memory_mib > 200
    assert step.bytes_read is not None and step.bytes_read >= 2**23


def test_a_step_that_is_taken_again_counts_for_one() -> None:
    measured = Profile()
    for size in (200, 0):
        with measured.step("part"):
            data = bytearray(size * 2**20)
            time.sleep(0.7)
            del data
        with measured.step(f"after {size}"):
            pass
    part, *others = measured.steps
    assert [step.name for step in (part, *others)] == ["part", "after 200", "after 0"]
    assert part.seconds >= 1.4
    assert part.peak_memory_mib is not None and part.peak_memory_mib > 200


def test_a_step_that_fails_is_measured_too() -> None:
    measured = Profile()
    with pytest.raises(ValueError), measured.step("fails"):
        raise ValueError
    assert [step.name for step in measured.steps] == ["fails"]


def test_steps_are_taken_once_and_in_the_order_of_a_day(tmp_path: Path) -> None:
    home = Home(tmp_path)
    profile.keep(home, "transform", [Step("build", 3.0, 4.0, 5.0, 6)])
    profile.keep(home, "fetch", [Step("crawl", 1.0)])
    assert [step.name for step in profile.take(home)] == ["crawl", "build"]
    assert profile.take(home) == []


def test_the_slowest_nodes_of_a_build(tmp_path: Path) -> None:
    results = [
        {"unique_id": f"model.hub_observatory.model_{n}", "execution_time": n} for n in range(20)
    ]
    file = tmp_path / "run_results.json"
    file.write_text(json.dumps({"results": results}))
    nodes = profile.slowest_nodes(file, most=2)
    assert [(node.name, node.seconds) for node in nodes] == [
        ("dbt model: model_19", 19.0),
        ("dbt model: model_18", 18.0),
    ]
    assert profile.slowest_nodes(tmp_path / "none.json") == []


def test_the_table_leaves_out_what_was_not_measured() -> None:
    table = profile.as_markdown([Step("a", 1.25, 2.0, 1_500.4, 3 * 2**20), Step("b", 0.04)])
    assert table.splitlines()[2:] == ["| a | 1.2 | 2.0 | 1,500 | 3 |", "| b | 0.0 |  |  |  |"]
