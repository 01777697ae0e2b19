"""The daily run killed at random moments, in a home that has a publication already.

Old or new after each kill; after the next run, what an undisturbed one publishes. The three
kills that `make test` plays are those of a first day, in `test_publication_day.py`.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.faults.daily_run.commands import Hub, Reference, copy_of, run

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("publication_daily_run"),
    pytest.mark.timeout(3600),
]

KILLS = 200
# Where the suite is played in parts: the numbers of the kills, as 0-39.
PART = os.environ.get("OBSERVATORY_TEST_KILLS", f"0-{KILLS - 1}")


def numbers() -> range:
    first, last = PART.split("-")
    return range(int(first), int(last) + 1)


@pytest.mark.parametrize("number", numbers())
def test_a_killed_run_leaves_the_old_or_the_new(
    number: int, daily_hub: Hub, reference: Reference, tmp_path: Path
) -> None:
    chance = random.Random(number)
    home = copy_of(reference.base, tmp_path / "home")
    moment, with_children = chance.random(), chance.random() < 0.5
    seconds = reference.seconds
    killed = run(home, daily_hub).kill(moment * seconds, with_children=with_children)
    is_new = reference.check_published(home)
    # At once, though what the killed run had started may end only now; no daemon helps.
    reference.end(home, daily_hub)
    shutil.rmtree(home.root)
    if not killed:
        pytest.skip("the run ended before its moment")
    print(
        f"{number}: {'all' if with_children else 'alone'} at {moment:.2f} of {seconds:.0f} CPU s, "
        f"left {'the new' if is_new else 'the old'}"
    )
