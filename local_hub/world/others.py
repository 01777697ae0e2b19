"""Datasets and Spaces of a generated world, so that they can be listed as models are.

What belongs here: their records on one day, drawn one by one from the world's seed. Nobody
measures them: they have owners, dates, counters and tags, and no story.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from local_hub.content import Other, Record, hub_time

# For each hundred models the Hub has some 25 datasets and 30 Spaces (2026).
_A_HUNDRED_MODELS = {"datasets": 25, "spaces": 30}
_BEFORE_NOON = time(11)
_DEFAULT_DATE = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
_WORDS = ("atlas", "breeze", "cedar", "delta", "ember", "fable", "grove", "harbor", "iris", "juno")
_TASKS = ("text-generation", "question-answering", "image-classification", "translation")
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M")
_SDKS = ("gradio", "docker", "static", "streamlit")


def records(
    kind: Other, *, models: int, seed: int, owners: Sequence[str], last_day: date, on: date
) -> Iterator[Record]:
    """Every dataset or Space that is there at the end of `on`, as the Hub lists it.

    As many as go with a world of so many `models`; nearly all of them exist on `last_day`.
    """
    for number in range(models * _A_HUNDRED_MODELS[kind] // 100):
        chance = Random(f"{seed} {kind} {number}")
        age = 1_500 * chance.random() ** 2
        created = datetime.combine(last_day, _BEFORE_NOON, UTC) - timedelta(days=age)
        if number % 20 == 0:
            created = _DEFAULT_DATE
        if created.date() > on:
            continue
        owner = owners[int(len(owners) * chance.random() ** 3)]
        days = (on - created.date()).days + 1
        found: Record = {
            "_id": f"{int(created.timestamp()):08x}{number:016x}",
            "id": f"{owner}/{chance.choice(_WORDS)}-{chance.choice(_WORDS)}-{number}",
            "author": owner,
            "createdAt": hub_time(created),
            "lastModified": hub_time(created + timedelta(days=(days - 1) * chance.random())),
            "likes": int(chance.paretovariate(1.1) * days) // 30,
            "trendingScore": chance.randrange(5),
            "private": False,
            "disabled": False,
        }
        if kind == "datasets":
            a_day = int(chance.paretovariate(0.9)) - 1
            found |= {
                "downloads": a_day * min(days, 30),
                "downloadsAllTime": a_day * days,
                "gated": chance.random() < 0.03 and "auto",
                "tags": [
                    f"task_categories:{chance.choice(_TASKS)}",
                    "language:en",
                    f"size_categories:{chance.choice(_SIZES)}",
                    "region:us",
                ],
            }
        else:
            sdk = chance.choice(_SDKS)
            found |= {"sdk": sdk, "tags": [sdk, "region:us"]}
        yield found
