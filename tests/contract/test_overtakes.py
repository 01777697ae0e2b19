"""Who overtakes, of organizations that a long list of a day does not name."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from tests.contract import random_history
from tests.contract.compiled_models import build, compiled
from tests.contract.random_history import ORGANIZATIONS, History
from tests.contract.test_share_properties import MODELS

pytestmark = pytest.mark.xdist_group("overtakes")

DAYS = [date(2026, 10, number) for number in (1, 6, 10, 11, 12, 13)]
AFTER_GAP, BEFORE_JUMP, JUMP = DAYS[2:5]
# From its list of 500 nobody is missing who has 26,000 downloads or more; the 50th has 29,951.
OWNERS = {f"o{number:04}": 30_000 - number for number in range(2_400)}
PASSES = (
    *MODELS,
    *(
        f"int_hub__{name}"
        for name in (
            "known_models",
            "entity_shares",
            "measured_days",
            "unknown_shares",
            "standings",
            "passes",
        )
    ),
)


def row(owner: str, day: date, downloads: dict[date, int], **changes: Any) -> dict[str, Any]:
    """A model that has so many downloads a day, in 30 days too."""
    pairs = zip([DAYS[0] - timedelta(days=1), *DAYS], DAYS, strict=False)
    counter = sum(downloads[each] * (each - last).days for last, each in pairs if each <= day)
    found = {
        "_id": owner, "id": f"{owner}/model", "author": owner, "author_type": "org", "tags": ["x"],
        "createdAt": datetime(2024, 1, 1), "downloads": downloads[day],
        "downloadsAllTime": 100_000 + counter, "pipeline_tag": "text-to-image",
    }  # fmt: skip
    return found | changes


def drawn() -> History:
    """On the day of the jump all but the 2,400 go to the twelfth place, if they are not there.

    One goes there of seven days on the day before, and was first seen yet another before: with all
    its downloads, for it was made after the snapshot before that.
    """
    large = dict.fromkeys(DAYS, 29_988)
    jumping = {day: 50 if day < JUMP else 29_988 for day in DAYS}
    history: History = {}
    for day in DAYS:
        rows = [
            row(owner, day, dict.fromkeys(DAYS, downloads)) for owner, downloads in OWNERS.items()
        ]
        rows.append(row("climber", day, jumping))
        # The root of what it has is another's, whom nobody sees.
        rows.append(row("tuner", day, jumping, tags=["base_model:unseen/root"]))
        if day >= JUMP:
            rows.append(row("newcomer", day, large, createdAt=datetime.combine(JUMP, time())))
        # Of the one model of it that is there on that day nobody knows a flow.
        faint = {"_id": "seen-late", "id": "faint/late"} if day == JUMP else {}
        rows.append(row("faint", day, large, **faint))
        if day != BEFORE_JUMP:
            rows.append(row("returned", day, jumping))
        if day >= AFTER_GAP:
            # 7 days of the twelfth are 209,916 downloads.
            counter = 209_915 if day > AFTER_GAP else 200
            made = datetime.combine(AFTER_GAP - timedelta(days=2), time())
            few = dict.fromkeys(DAYS, 50)
            rows.append(row("late", day, few, createdAt=made, downloadsAllTime=counter))
        rows.append(row("renamed" if day >= JUMP else "former", day, large, _id="of-two-names"))
        history[day] = rows
    return history


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    inputs = random_history.inputs(drawn())
    owners = pd.DataFrame(list(csv.DictReader(io.StringIO(ORGANIZATIONS)))).replace("", None)
    inputs["seeds.owners"] = owners
    inputs["seeds.hub_organizations"] = (
        "select * replace (valid_from::date as valid_from, valid_to::date as valid_to, "
        "is_international::boolean as is_international) from seeds.owners"
    )
    inputs["raw.generated_organizations"] = "select * from seeds.hub_organizations where false"
    inputs["raw.rows_set_aside"] = "select null::date as snapshot_date, '' as id where false"
    return build(compiled(tmp_path_factory.mktemp("compiled"), PASSES), inputs)


@pytest.mark.parametrize(
    ("attribution", "climbers"),
    [("publisher", {"climber", "tuner"}), ("base_model", {"climber", "unseen"})],
)
@pytest.mark.parametrize("window", ["30d", "1d"])
def test_who_was_there_and_not_named_passes_all_that_were(
    built: duckdb.DuckDBPyConnection, attribution: str, climbers: set[str], window: str
) -> None:
    """Not who is new, nor has another name, nor was away: that one was behind nobody."""
    found = built.execute(
        "select leader, follower from built.int_hub__passes where entity_kind = 'organization' "
        "and cohort = 'all' and scope = 'all' and window_name = ? and attribution = ? "
        "and snapshot_date = ?",
        [window, attribution, JUMP],
    ).fetchall()
    ranks = dict(
        built.execute(
            "select organization, rank from marts.fct_organization_share_daily "
            "where cohort = 'all' and scope = 'all' and window_name = ? and attribution = ? "
            "and snapshot_date = ? and rank <= 50",
            [window, attribution, JUMP],
        ).fetchall()
    )
    named = set(ranks) & set(OWNERS)
    others = {"newcomer", "returned", "renamed"}
    assert climbers <= set(ranks) and (window == "1d" or others <= set(ranks))
    assert {leader for leader, _ in found} == climbers
    for climber in climbers:
        passed = {follower for leader, follower in found if leader == climber}
        assert passed == {owner for owner in named if ranks[owner] > ranks[climber]}
        assert len(passed) > 20


@pytest.mark.parametrize("attribution", ["publisher", "base_model"])
def test_who_was_made_in_a_gap_of_days_was_there_with_all_its_downloads(
    built: duckdb.DuckDBPyConnection, attribution: str
) -> None:
    found = built.execute(
        "select leader, count(*) > 20 from built.int_hub__passes "
        "where entity_kind = 'organization' and cohort = 'all' and scope = 'all' "
        "and window_name = '7d' and attribution = ? and snapshot_date = ? group by leader",
        [attribution, BEFORE_JUMP],
    ).fetchall()
    assert found == [("late", True)]


def test_who_is_unknown_and_not_named_is_not_taken_for_gone(
    built: duckdb.DuckDBPyConnection,
) -> None:
    """One of the largest of the day before, of a list that names 500."""
    slice_ = "window_name = '1d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
    (is_named,), (unknown,) = (
        built.execute(f"{question} where snapshot_date = ? and {slice_}", [JUMP]).fetchall()
        for question in (
            "select count(*) filter (organization = 'faint') "
            "from marts.fct_organization_share_daily",
            "select list(entity) from built.int_hub__unknown_shares",
        )
    )
    assert is_named == (0,) and unknown == (["faint"],)
