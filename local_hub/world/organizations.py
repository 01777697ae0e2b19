"""Who the generated organizations are: the truth, and what a curator could know of it.

What belongs here: both tables, in the shape of the project's seed of real organizations.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from local_hub.world import names
from local_hub.world.chance import chance
from local_hub.world.events import Events
from local_hub.world.population import Owners, Size

EVIDENCE = "generated world"
COLUMNS = [
    "organization", "canonical_organization", "country_code", "alternative_country_code",
    "organization_type", "parent", "confidence", "evidence", "valid_from", "valid_to",
    "is_international",
]  # fmt: skip


def truth(owners: Owners, events: Events, size: Size) -> pd.DataFrame:
    """Every organization, one row a name and period, with its true home.

    The columns of `known` and `owner` (its number), `is_known` (whether the curator has it).
    """
    count = owners.organizations
    numbers = np.arange(count)
    codes = np.array([code for code, *_ in names.COUNTRIES], dtype=object)
    country = codes[owners.country[:count]]
    kind = np.array(names.ORGANIZATION_TYPES, dtype=object)[owners.kind[:count]]
    luck = chance(numbers, size.seed, 20)
    international = (kind == "community") & (luck < 0.5)
    contested = chance(numbers, size.seed, 21) < 0.04
    rival = codes[(owners.country[:count] + 1 + (luck * 7).astype(int)) % len(codes)]
    confidence = np.where(
        chance(numbers, size.seed, 22) < 0.05, "low", np.where(luck < 0.3, "medium", "high")
    )
    host = (luck * numbers * 0.5).astype(int)
    owned = (chance(numbers, size.seed, 23) < 0.06) & (host < numbers)
    rows = pd.DataFrame(
        {
            "organization": owners.names[:count],
            "canonical_organization": owners.names[:count],
            "country_code": _where(~international, country),
            "alternative_country_code": _where(contested & ~international, rival),
            "organization_type": kind,
            "parent": _where(owned, np.array(owners.names, dtype=object)[host]),
            "confidence": confidence,
            "evidence": EVIDENCE,
            "valid_from": None,
            "valid_to": None,
            "is_international": international,
            "owner": numbers,
            "is_known": (chance(numbers, size.seed, 24) > 0.1) & (numbers < max(50, count * 0.7)),
        }
    )
    rows = pd.concat([_moved_home(rows, codes, size), _lost(len(rows))], ignore_index=True)
    return _with_new_names(rows, events)


def known(owners: Owners, events: Events, size: Size) -> pd.DataFrame:
    """What a diligent curator could know: most organizations, without the obscure ones."""
    every = truth(owners, events, size)
    found: pd.DataFrame = every[every["is_known"]][COLUMNS].reset_index(drop=True)
    return found


def _where(told: npt.NDArray[np.bool_], texts: npt.NDArray[Any]) -> list[str | None]:
    return [text if here else None for here, text in zip(told, texts, strict=True)]


def _moved_home(rows: pd.DataFrame, codes: npt.NDArray[Any], size: Size) -> pd.DataFrame:
    """One known organization moves its headquarters in the middle of the world's days."""
    movers = rows.index[rows["is_known"] & ~rows["is_international"]]
    days = (size.last_day - size.first_day).days
    if len(movers) < 8 or days < 2:
        return rows
    before = rows.loc[[movers[7]]]
    moves_on: date = size.first_day + timedelta(days=days // 2)
    after = before.assign(
        valid_from=str(moves_on),
        country_code=codes[(list(codes).index(before["country_code"].iloc[0]) + 3) % len(codes)],
        alternative_country_code=None,
    )
    before = before.assign(valid_to=str(moves_on - timedelta(days=1)))
    others: pd.DataFrame = rows.drop(index=movers[7])
    return pd.concat([others, before, after], ignore_index=True)


def _lost(count: int) -> pd.DataFrame:
    """The owners of lost parents: one CN, one FR, one that nobody knows."""
    found = []
    for number, (parent, code) in enumerate(
        zip(names.LOST_PARENTS, ("CN", "FR", "US"), strict=True)
    ):
        name = parent.partition("/")[0]
        found.append(
            {
                **dict.fromkeys(COLUMNS), "organization": name, "canonical_organization": name,
                "country_code": code, "organization_type": "company", "confidence": "high",
                "evidence": EVIDENCE, "is_international": False, "owner": count + number,
                "is_known": code != "US",
            }
        )  # fmt: skip
    return pd.DataFrame(found)


def _with_new_names(rows: pd.DataFrame, events: Events) -> pd.DataFrame:
    """A renamed organization has a row for either name."""
    for event in events.organizations:
        here = rows["owner"] == event.owner
        rows.loc[here, "canonical_organization"] = event.name
        renamed = rows[here].assign(organization=event.name)
        rows = pd.concat([rows, renamed], ignore_index=True)
    return rows
