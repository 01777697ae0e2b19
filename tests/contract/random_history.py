"""Small random histories of the Hub, as raw rows, in which much goes wrong.

What belongs here: drawing days, models and counters, and the tables that dbt reads of them.
Asserting belongs to the tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

Row = dict[str, Any]
History = dict[date, list[Row]]

LAST = date(2026, 10, 31)
COLUMNS = {
    "snapshot_date": "date", "_id": "varchar", "id": "varchar", "author": "varchar",
    "author_type": "varchar", "createdAt": "timestamp", "lastModified": "timestamp",
    "downloads": "bigint", "downloadsAllTime": "bigint", "likes": "bigint", "gated": "varchar",
    "tags": "varchar[]", "pipeline_tag": "varchar", "library_name": "varchar",
    "safetensors_total": "bigint",
}  # fmt: skip
ORGANIZATIONS = """\
organization,canonical_organization,country_code,is_international,alternative_country_code,organization_type,parent,ultimate_parent,confidence,evidence,valid_from,valid_to
acme,acme,US,false,,company,,,high,invented,,
shan,shan,CN,false,US,company,,,high,invented,,
gamma,gamma,FR,false,,company,,,low,invented,,
globe,globe,,true,,community,,,high,invented,,
moved,moved,DE,false,SE,company,,,high,invented,,2026-10-20
moved,moved,JP,false,,company,,,high,invented,2026-10-21,
"""
OWNERS = {
    "acme": "org", "shan": "org", "gamma": "org", "globe": "org", "moved": "org",
    "unmapped": "org", "person": "user", "silent": None,
}  # fmt: skip


def draw(seed: int, *, models: int = 24) -> History:
    """Some twenty days, two of them a year before: gaps, stalls, rollbacks, deletions, returns.

    Downloads of 30 days stay under 30,000, so that doubled ones are still small.
    """
    chance = random.Random(seed)
    steps = [chance.choice([1, 1, 1, 1, 2, 3, 5]) for _ in range(16)]
    days = [LAST]
    for step in steps:
        days.insert(0, days[0] - timedelta(days=step))
    days = [LAST - timedelta(days=chance.randrange(365, 380)), *days]
    stalled = set(chance.sample(days[4:], 2))
    fallen_on, held = chance.choice(days[5:]), chance.choice([1, 2, 20])
    drawn = [_model(chance, number, days) for number in range(models)]
    found: History = {}
    shown: dict[int, int] = {}
    for place, day in enumerate(days):
        found[day] = []
        for number, (row, rate, there, fall) in enumerate(drawn):
            if not there(day):
                continue
            age = max((day - row["createdAt"].date()).days + 1, 0) if row["createdAt"] else 900
            counter = int(rate * (age + chance.random()))
            if day in stalled and chance.random() < 0.97:
                counter = shown.get(number, counter)
            since = days.index(fallen_on)
            if number % 3 == 0 and since <= place < since + held:
                counter = int(counter * 0.8)
            if fall and day >= fall:
                counter = int(counter * 0.9)
            shown[number] = counter
            found[day].append(row | {"downloads": int(rate * 30), "downloadsAllTime": counter})
    return found


def _model(
    chance: random.Random, number: int, days: Sequence[date]
) -> tuple[Row, float, Callable[[date], bool], date | None]:
    """A model without counters, its downloads a day, when it is there, and when it falls."""
    owner = chance.choice([*OWNERS, None])
    first = chance.choice([days[0], days[0], days[1], chance.choice(days)])
    last = chance.choice([LAST, LAST, LAST, chance.choice(days)])
    away = chance.choice(days) if chance.random() < 0.1 else None
    listed = datetime.combine(first, datetime.min.time())
    if chance.random() < 0.6:
        listed -= timedelta(days=chance.randrange(500), hours=-5)
    created: datetime | None = listed
    if chance.random() < 0.1:
        created = chance.choice([None, datetime(2022, 3, 2, 23, 29, 4)])
    parents = [
        f"base_model:{kind}:{_id(chance.randrange(24), chance.choice(list(OWNERS)))}"
        for kind in chance.sample(["quantized", "finetune", "merge"], chance.choice([0, 0, 1, 2]))
    ]
    lost = ["base_model:acme/never-seen", "base_model:not a name", "base_model:nobody"]
    tags = [*parents, *chance.sample(lost, chance.choice([0, 0, 0, 1])), "license:mit"]
    row = {
        "_id": f"key-{number}",
        "id": _id(number, owner) if owner else f"model-{number}",
        "author": owner,
        "author_type": OWNERS.get(owner or ""),
        "createdAt": created,
        "tags": [*tags, *chance.sample(["llama", "conversational"], chance.choice([0, 1]))],
        "pipeline_tag": chance.choice([None, "text-generation", "text-to-image"]),
    }
    rate = chance.choice([0.0, 0.5, 3.0, 40.0, 900.0]) * (0.5 + chance.random())
    fall = chance.choice(days) if chance.random() < 0.1 else None
    return row, rate, lambda day: first <= day <= last and day != away, fall


def _id(number: int, owner: str) -> str:
    return f"{owner}/model-{number}"


def inputs(history: Mapping[date, Sequence[Row]]) -> dict[str, pd.DataFrame | str]:
    """The sources and seeds of dbt for a rebuild of `history`."""
    rows = [row | {"snapshot_date": day} for day, of_day in history.items() for row in of_day]
    records = pd.DataFrame(rows).reindex(columns=[*COLUMNS])
    columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in COLUMNS.items())
    days = sorted(history)
    empty = {name: pd.DataFrame(columns=names, dtype="str") for name, names in _EMPTY.items()}
    return {
        **empty,
        "seeds.hub_namespace_renames": "select '' as old_namespace, '' as new_namespace, "
        "null::date as renamed_on where false",
        "raw.records": records,
        "raw.hub_models": f"select {columns} from raw.records",
        "raw.hub_counters": 'select snapshot_date, "_id", id, "createdAt", downloads, '
        '"downloadsAllTime" from raw.hub_models',
        "raw.snapshots": pd.DataFrame({"snapshot_date": days, "is_whole": True}),
        "raw.build_window": pd.DataFrame({"from_date": [days[0]], "to_date": [days[-1]]}),
    }


_EMPTY = {
    "raw.hub_authors": ["author", "author_type", "fullname", "asked_on"],
    "seeds.hub_individuals": ["organization", "confidence", "evidence"],
    "seeds.legacy_model_ids": ["model_id", "new_model_id"],
    "seeds.lineage_overrides": ["model_id", "base_model_id", "evidence"],
    "seeds.release_date_corrections": ["model_id", "released_on"],
}
