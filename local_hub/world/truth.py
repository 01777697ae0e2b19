"""What truly is in a generated world, written down for those who want to check a pipeline.

What belongs here: flows before any disturbance, origins, launches, owners, changes of name,
all as files. Nothing here is computed from what the Hub shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from local_hub.world import names, organizations
from local_hub.world.disturbances import day_number
from local_hub.world.events import EVER
from local_hub.world.population import DEFAULT_SECONDS, NEVER, Ints, Models
from local_hub.world.texts import keys
from local_hub.world.world import CHUNK, World

LAUNCH_SECONDS = 7 * 86_400
_EPOCH = date(1970, 1, 1)


def write_truth(world: World, folder: Path, *, flows: bool = True) -> None:
    """Write the truth of `world` as files of `folder`.

    models.parquet, roots.parquet, launches.parquet, organizations.parquet, renames.parquet,
    world.json and, with `flows`, flows.parquet (one row a model and day that it was listed:
    30 million for 5 million models and a week).
    """
    folder.mkdir(parents=True, exist_ok=True)
    launch = launches(world.models)
    models(world, launch).to_parquet(folder / "models.parquet", index=False)
    roots(world).to_parquet(folder / "roots.parquet", index=False)
    launch_table(world, launch).to_parquet(folder / "launches.parquet", index=False)
    organizations.truth(world.owners, world.events, world.size).to_parquet(
        folder / "organizations.parquet", index=False
    )
    renames(world).to_parquet(folder / "renames.parquet", index=False)
    about = {
        "name": world.name,
        "models": world.size.models,
        "first_day": str(world.size.first_day),
        "last_day": str(world.size.last_day),
        "seed": world.size.seed,
        "disturbances": world.disturbances.declared(),
    }
    (folder / "world.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if flows:
        write_flows(world, folder / "flows.parquet")


def models(world: World, launch: Ints) -> pd.DataFrame:
    """One row a model that ever lived: what it is, whose, and from when to when.

    Columns: model_key, born_id (the id it first had), owner, owner_type (organization,
    individual, null without a namespace), created_at, created_at_is_default, listed_on,
    deleted_on, released_on (null where the Hub's default date hides it), release_type, launch
    (a number), is_language_model, pipeline_tag, library_name, parameters_count.
    """
    them = world.models
    rows = np.arange(len(them))
    default = np.isin(them.created, DEFAULT_SECONDS)
    released = np.where(them.listed > them.created // 86_400, them.listed, them.created // 86_400)
    born = world.texts(EVER)
    kinds = pd.Series(born.author_types(rows).to_pylist(), dtype="str")
    return pd.DataFrame(
        {
            "model_key": keys(them, rows, world.size.seed).to_pandas(),
            "born_id": born.ids(rows).to_pandas(),
            "owner": born.authors(rows).to_pandas(),
            "owner_type": kinds.map({"org": "organization", "user": "individual"}),
            "created_at": pd.to_datetime(them.created, unit="s"),
            "created_at_is_default": default,
            "listed_on": _dates(them.listed),
            "deleted_on": _dates(them.deleted, unknown=them.deleted == NEVER),
            "released_on": _dates(released, unknown=default),
            "release_type": _told([kind for _, kind, _ in names.SUFFIXES], them.suffix),
            "launch": launch,
            "is_language_model": _told([speaks for _, speaks, _ in names.TASKS], them.task),
            "pipeline_tag": _told([task for task, *_ in names.TASKS], them.task),
            "library_name": _told(names.LIBRARIES, them.library),
            "parameters_count": _told([size * 1e9 for _, size in names.SIZES], them.size),
        }
    )


def roots(world: World) -> pd.DataFrame:
    """Where every model descends from: model_key, root_model_key, root_organization, weight.

    Weights of a model sum to 1: several parents share equally, members of a cycle and models
    whose parent cannot be read are their own root, and a lost parent counts for its owner
    (root_model_key null). Deletions are not considered: a deleted parent is still the origin.
    """
    them = world.models
    model, root, weight = root_weights(them.parents)
    key = keys(them, np.arange(len(them)), world.size.seed).to_pandas().to_numpy()
    owner = world.texts(EVER).authors(np.arange(len(them))).to_pandas().to_numpy()
    lost = np.array([parent.partition("/")[0] for parent in names.LOST_PARENTS], dtype=object)
    inside = root >= 0
    safe = np.where(inside, root, 0)
    return pd.DataFrame(
        {
            "model_key": key[model],
            "root_model_key": np.where(inside, key[safe], None),
            "root_organization": np.where(
                inside, owner[safe], lost[np.clip(-2 - root, 0, len(lost) - 1)]
            ),
            "weight": weight,
        }
    )


def root_weights(parents: Ints) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """Model, root and weight of every pair; a root below -1 is a lost parent of that code."""
    parents = parents.astype(np.int64)
    unreadable = parents < -1 - len(names.LOST_PARENTS)
    parents[unreadable] = -1
    parents[_in_cycles(parents)] = -1
    model = root = np.arange(len(parents))
    weight = np.ones(len(parents))
    done: list[tuple[Ints, Ints, npt.NDArray[np.float64]]] = []
    while len(model):
        above = np.where((root >= 0)[:, None], parents[np.maximum(root, 0)], -1)
        count = (above != -1).sum(axis=1)
        final = count == 0
        done.append((model[final], root[final], weight[final]))
        pairs = above != -1
        model = np.repeat(model, count)
        weight = np.repeat(weight / np.maximum(count, 1), count)
        root = above[pairs]
    found = [np.concatenate(parts) for parts in zip(*done, strict=True)]
    table = pd.DataFrame({"model": found[0], "root": found[1], "weight": found[2]})
    summed = table.groupby(["model", "root"], as_index=False)["weight"].sum()
    return summed["model"].to_numpy(), summed["root"].to_numpy(), summed["weight"].to_numpy()


def _in_cycles(parents: Ints) -> npt.NDArray[np.bool_]:
    """Which models are their own ancestors (worlds have cycles of two)."""
    rows = np.arange(len(parents))
    member = np.zeros(len(parents), dtype=bool)
    for place in range(parents.shape[1]):
        parent = parents[:, place]
        has = parent >= 0
        back = (parents[np.maximum(parent, 0)] == rows[:, None]).any(axis=1)
        member |= has & back
    return member


def launches(models: Models) -> Ints:
    """The number of the launch that each model belongs to.

    Models of one owner, family, version and nickname, each within 7 days of the first.
    """
    order = np.lexsort((models.created, models.nickname, models.version, models.stem, models.owner))
    family = np.zeros(len(order), dtype=bool)
    for attribute in (models.owner, models.stem, models.version, models.nickname):
        family[1:] |= attribute[order][1:] != attribute[order][:-1]
    family[0] = True
    created = models.created[order]
    begins = family.copy()
    while True:
        first = created[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
        late = created - first > LAUNCH_SECONDS
        if not late.any():
            break
        # Only the first late one after each first surely begins a launch; then look again.
        begins[1:] |= late[1:] & ~late[:-1]
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(begins) - 1
    return number


def launch_table(world: World, launch: Ints) -> pd.DataFrame:
    """One row a launch: launch, owner, launched_on (null: default date), release_type, models."""
    them = world.models
    rank = {"base": 0, "finetune": 1, "merge": 2, "adapter": 3, "checkpoint": 4,
            "quantization": 5, "format_conversion": 6}  # fmt: skip
    kinds = [kind for _, kind, _ in names.SUFFIXES]
    table = pd.DataFrame(
        {
            "launch": launch,
            "owner": _told(world.owners.names, them.owner),
            "created": them.created,
            "basic": np.array([rank[kind] for kind in kinds])[them.suffix],
        }
    )
    grouped = table.groupby("launch", as_index=False).agg(
        owner=("owner", "first"), created=("created", "min"), basic=("basic", "min"),
        models=("basic", "size"),
    )  # fmt: skip
    created = grouped["created"].to_numpy()
    return pd.DataFrame(
        {
            "launch": grouped["launch"],
            "owner": grouped["owner"],
            "launched_on": _dates(created // 86_400, unknown=np.isin(created, DEFAULT_SECONDS)),
            "release_type": _told(list(rank), grouped["basic"].to_numpy()),
            "models": grouped["models"],
        }
    )


def renames(world: World) -> pd.DataFrame:
    """Every change of name in the world's days: renamed_on, kind, model_key, before, after."""
    found = []
    for event in world.events.models:
        if event.on > EVER:
            row = np.array([event.row])
            found.append(
                {
                    "renamed_on": event.on,
                    "kind": "model",
                    "model_key": str(keys(world.models, row, world.size.seed)[0]),
                    "before": world.texts(event.on - timedelta(days=1)).ids(row)[0].as_py(),
                    "after": world.texts(event.on).ids(row)[0].as_py(),
                }
            )
    for moved in world.events.organizations:
        before = world.owners.names[moved.owner]
        found.append({"renamed_on": moved.on, "kind": "organization", "before": before,
                      "after": moved.name})  # fmt: skip
    return pd.DataFrame(found, columns=["renamed_on", "kind", "model_key", "before", "after"])


def write_flows(world: World, file: Path) -> None:
    """True downloads: snapshot_date, model_key, downloads; every day, the missing ones too."""
    schema = pa.schema(
        [("snapshot_date", pa.date32()), ("model_key", pa.string()), ("downloads", pa.int64())]
    )
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for number in range(day_number(world.size.first_day), day_number(world.size.last_day) + 1):
            on = _EPOCH + timedelta(days=number)
            rows = world.rows(on)
            for part in np.array_split(rows, max(1, -(-len(rows) // CHUNK))):
                writer.write_table(
                    pa.table(
                        {
                            "snapshot_date": pa.repeat(pa.scalar(on, pa.date32()), len(part)),
                            "model_key": keys(world.models, part, world.size.seed),
                            "downloads": world.counters.flow(part, on),
                        }
                    )
                )


def _dates(days: Ints, unknown: npt.NDArray[np.bool_] | None = None) -> list[date | None]:
    found: list[date | None] = pa.array(days.astype(np.int32), pa.date32(), unknown).to_pylist()
    return found


def _told(words: Sequence[Any], codes: Ints) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = np.array(words, dtype=object)[codes]
    return found
