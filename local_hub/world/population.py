"""Who lives in a generated world: owners, their models, and how these descend from each other.

What belongs here: everything about a model that does not depend on the day, drawn once from
the seed as one array an attribute. Counters, texts and files belong elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from local_hub.world import names
from local_hub.world.disturbances import day_number

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]

BEGIN = date(2022, 3, 3)
DEFAULT_SECONDS = (1_646_263_744, 1_646_263_745)  # 2022-03-02T23:29:04Z and :05Z
NEVER = np.int32(2**31 - 1)
DAY = 86_400
SHARE_OF_DERIVATIVES = (0.33, 0.09, 0.03)  # by generation
MAX_PARENTS = 3


@dataclass(frozen=True)
class Size:
    """How large a world is, and when."""

    models: int
    first_day: date
    last_day: date
    seed: int


@dataclass(frozen=True)
class Owners:
    """Organizations first, the best known first, then individuals. `country`: index or -1."""

    names: list[str]
    organizations: int
    country: Ints
    kind: Ints
    weight: Floats
    growth: Floats

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class Models:
    """One array an attribute, one entry a model, in the order of (createdAt, _id)."""

    owner: Ints
    created: Ints  # seconds since 1970
    listed: Ints  # first day it can be seen, days since 1970
    deleted: Ints  # first day it is gone, or NEVER
    stem: Ints
    version: Ints
    size: Ints
    suffix: Ints
    nickname: Ints  # a second stem in the name of a fine-tune, or -1
    twin: Ints  # 0, or the number that tells it from a model of the same name
    task: Ints
    architecture: Ints
    library: Ints
    license: Ints
    language: Ints
    gate: Ints
    parents: Ints  # [n, 3]: row of a parent; -1 none; -2 - k the lost or unreadable parent k
    rate: Floats  # downloads a day at the end of the world
    burst: Floats  # days' worth of downloads that the launch adds

    def __len__(self) -> int:
        return len(self.owner)

    def select(self, rows: Any) -> Models:
        """The models of `rows`; the parents keep their numbers."""
        return Models(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def populate(size: Size) -> tuple[Owners, Models]:
    """The owners and models of a world; the same size gives the same world."""
    random = np.random.default_rng([size.seed, size.models])
    owners = _owners(random, size.models)
    n_derived = [round(size.models * share) for share in SHARE_OF_DERIVATIVES]
    models = _originals(random, owners, size, size.models - sum(n_derived))
    fame = _fame(random, owners, models)
    for count in n_derived:
        born = _derivatives(random, owners, models, fame, size, count)
        fame = np.concatenate([fame, _derived_fame(random, owners, born, fame)])
        models = _joined(models, born)
    models.rate = _rates(fame)
    return owners, _in_order(_finished(random, models, size))


def _owners(random: np.random.Generator, models: int) -> Owners:
    organizations = 150 + round(models * 0.012)
    users = max(100, round(models * 0.12))
    weights = np.array([weight for _, weight, _ in names.COUNTRIES])
    growths = np.array([growth for *_, growth in names.COUNTRIES])
    country = random.choice(len(weights), organizations, p=weights / weights.sum())
    kind = random.choice(6, organizations, p=[0.55, 0.14, 0.12, 0.05, 0.03, 0.11])
    fame = np.sort(random.lognormal(0.0, 1.3, organizations))[::-1]
    return Owners(
        names=[names.organization_name(i) for i in range(organizations)]
        + [names.user_name(i) for i in range(users)],
        organizations=organizations,
        country=np.concatenate([country, np.full(users, -1)]).astype(np.int16),
        kind=np.concatenate([kind, np.full(users, -1)]).astype(np.int8),
        weight=np.concatenate([fame, random.lognormal(-1.6, 1.0, users)]),
        growth=np.concatenate(
            [
                growths[country] * random.normal(1, 0.08, organizations),
                random.normal(1, 0.05, users),
            ]
        ).clip(0.7, 1.5),
    )


# One launch, variant by variant: (steps up in size, ending, days later, place of the parent).
_PLANS: tuple[tuple[tuple[int, str, int, int], ...], ...] = (
    ((0, "", 0, -1),),
    ((0, "-Instruct", 0, -1),),
    ((0, "", 0, -1), (0, "-Instruct", 0, 0)),
    ((0, "", 0, -1), (0, "-GGUF", 2, 0)),
    tuple(
        (step, ending, later, step * 2 + parent)
        for step in range(3)
        for ending, later, parent in (("", 0, -1 - step * 2), ("-Instruct", 1, 0))
    ),
    tuple(
        (step, ending, later, step * 4 + parent)
        for step in range(3)
        for ending, later, parent in (
            ("", 0, -1 - step * 4), ("-Instruct", 0, 0), ("-Instruct-FP8", 3, 1),
            ("-Instruct-GGUF", 5, 1),
        )
    ),
)  # fmt: skip
_PLAN_SHARES = {
    "organization": (0.30, 0.10, 0.22, 0.08, 0.18, 0.12),
    "user": (0.8, 0.1, 0.05, 0.05, 0, 0),
}
_PLAN_LENGTH = np.array([len(plan) for plan in _PLANS])
_PLAN_BEGIN = np.concatenate([[0], np.cumsum(_PLAN_LENGTH)[:-1]])
_PLAN_SIZES = np.array([1 + max(step for step, *_ in plan) for plan in _PLANS])
_STEPS = np.array([step for plan in _PLANS for step, *_ in plan])
_ENDINGS = np.array([names.SUFFIX[ending] for plan in _PLANS for _, ending, *_ in plan])
_LATER = np.array([later for plan in _PLANS for _, _, later, _ in plan])
_PARENT = np.array([parent for plan in _PLANS for *_, parent in plan])


def _originals(random: np.random.Generator, owners: Owners, size: Size, count: int) -> Models:
    launches = count  # at least one model each: enough in every case, cut below
    by_organization = random.random(launches) < 0.45
    owner = np.where(
        by_organization,
        _weighted(random, owners.weight[: owners.organizations] ** 0.7, launches),
        owners.organizations + _weighted(random, owners.weight[owners.organizations :], launches),
    )
    plan = np.where(
        by_organization,
        random.choice(len(_PLANS), launches, p=_PLAN_SHARES["organization"]),
        random.choice(len(_PLANS), launches, p=_PLAN_SHARES["user"]),
    )
    length = _PLAN_LENGTH[plan]
    launches = int(np.searchsorted(np.cumsum(length), count)) + 1
    owner, plan, length = owner[:launches], plan[:launches], length[:launches]
    day = _launch_days(random, size, launches)
    task = random.choice(len(names.TASKS), launches, p=_shares(names.TASKS))
    speaks = np.array([language for _, language, _ in names.TASKS])[task]
    stem, version = _families(random, owner, day)
    other_size = random.choice(names.OTHER_SIZES, launches)
    start_size = np.where(
        speaks,
        random.integers(names.LANGUAGE_SIZES.start, names.LANGUAGE_SIZES.stop - 2, launches),
        np.where(_PLAN_SIZES[plan] > 1, names.OTHER_SIZES[1], other_size),
    )
    architecture = np.where(
        speaks,
        random.integers(0, len(names.LANGUAGE_ARCHITECTURES), launches),
        random.integers(len(names.LANGUAGE_ARCHITECTURES), len(names.ARCHITECTURES), launches),
    )
    library = np.where(speaks, 1, random.choice([0, 1, 4, 6, 8], launches))
    library[random.random(launches) < 0.25] = 0

    launch = np.repeat(np.arange(launches), length)[:count]
    begin = np.cumsum(length) - length
    place = np.arange(count) - begin[launch]
    variant = _PLAN_BEGIN[plan[launch]] + place
    top = np.where(speaks, names.LANGUAGE_SIZES.stop - 1, len(names.SIZES) - 1)
    grown = np.minimum(start_size[launch] + _STEPS[variant], top[launch])
    parents = np.full((count, MAX_PARENTS), -1, dtype=np.int32)
    inner = _PARENT[variant]
    parents[:, 0] = np.where(inner >= 0, begin[launch] + inner, -1)
    later = day[launch] + _LATER[variant]
    when = _in_time(random, day[launch], later, day_number(size.last_day))
    return Models(
        owner=owner[launch],
        created=_moments(random, when),
        listed=when,
        deleted=np.full(count, NEVER),
        stem=stem[launch],
        version=version[launch],
        size=np.where(start_size[launch] == 0, 0, grown),
        suffix=_ENDINGS[variant],
        nickname=np.full(count, -1),
        twin=np.zeros(count, np.int32),
        task=task[launch],
        architecture=architecture[launch],
        library=_library_of(_ENDINGS[variant], library[launch]),
        license=random.choice(len(names.LICENSES), launches, p=_shares(names.LICENSES))[launch],
        language=random.choice(6, launches, p=[0.5, 0.3, 0.08, 0.06, 0.03, 0.03])[launch],
        gate=random.choice(3, launches, p=[0.94, 0.04, 0.02])[launch],
        parents=parents,
        rate=np.zeros(count),
        burst=random.choice([0.0, 3.0, 12.0], launches, p=[0.5, 0.3, 0.2])[launch],
    )


_DERIVED = ("-GGUF", "-AWQ", "-GPTQ-Int4", "-mlx-4bit", "-onnx", "-FP8", "-bnb-4bit", "-sft",
            "-dpo", "-lora", "-merge", "-checkpoint-1000")  # fmt: skip
_DERIVED_SHARES = np.array([26, 4, 4, 6, 2, 4, 4, 18, 8, 16, 6, 2]) / 100


def _derivatives(
    random: np.random.Generator,
    owners: Owners,
    models: Models,
    fame: Floats,
    size: Size,
    count: int,
) -> Models:
    """`count` models that descend from `models`, the famous ones more often."""
    first = _weighted(random, np.exp(fame * 0.5), count)
    ending = np.array([names.SUFFIX[e] for e in _DERIVED])[
        random.choice(len(_DERIVED), count, p=_DERIVED_SHARES)
    ]
    relation = np.array([relation for *_, relation in names.SUFFIXES])[ending]
    parents = np.full((count, MAX_PARENTS), -1, dtype=np.int32)
    parents[:, 0] = first
    last = day_number(size.last_day)
    for place in range(1, MAX_PARENTS):
        another = random.integers(0, len(models), count)
        joins = (relation == "merge") & (random.random(count) < (0.9, 0.35)[place - 1])
        joins &= models.listed[another] <= models.listed[first]
        joins &= ~(parents == another[:, None]).any(axis=1)
        parents[joins, place] = another[joins]
    # Half come within weeks of their parent, the others any time until today.
    parent_day = models.listed[first]
    soon = parent_day + random.exponential(25, count).astype(np.int64)
    soon[random.random(count) < 0.5] = last + 1
    when = _in_time(random, parent_day, soon, last)
    # A few houses quantize and convert for everyone: an eighth of them are organizations.
    houses = max(4, len(owners) // 400)
    house = np.where(
        random.random(houses) < 0.4,
        random.integers(0, owners.organizations, houses),
        random.integers(owners.organizations, len(owners), houses),
    )
    busy = 1 / np.arange(1, houses + 1)
    converts = (relation == "quantized") & (random.random(count) < 0.6)
    owner = np.where(
        converts,
        house[_weighted(random, busy, count)],
        np.where(
            random.random(count) < 0.25,
            _weighted(random, owners.weight[: owners.organizations] ** 0.4, count),
            owners.organizations + _weighted(random, owners.weight[owners.organizations :], count),
        ),
    )
    parent = models.select(first)
    tuned = np.isin(relation, ["finetune", "adapter", "merge"])
    return Models(
        owner=owner,
        created=_moments(random, when),
        listed=when,
        deleted=np.full(count, NEVER),
        stem=parent.stem,
        version=parent.version,
        size=parent.size,
        suffix=ending,
        nickname=np.where(tuned, random.integers(0, len(names.STEMS), count), parent.nickname),
        twin=np.zeros(count, np.int32),
        task=np.where(random.random(count) < 0.3, _untold(parent.task), parent.task),
        architecture=parent.architecture,
        library=_library_of(ending, parent.library),
        license=parent.license,
        language=parent.language,
        gate=np.zeros(count, np.int8),
        parents=parents,
        rate=np.zeros(count),
        burst=random.choice([0.0, 3.0, 12.0], count, p=[0.7, 0.2, 0.1]),
    )


def _untold(task: Ints) -> Ints:
    """The task left blank, language models staying what they are."""
    speaks = np.array([language for _, language, _ in names.TASKS])
    blank = [names.TASKS.index(found) for found in names.TASKS if found[0] is None]
    said = {names.TASKS[code][1]: code for code in blank}
    return np.where(speaks[task], said[True], said[False])


def _library_of(ending: Ints, otherwise: Ints) -> Ints:
    by_ending = {
        "-GGUF": "gguf", "-Instruct-GGUF": "gguf", "-mlx-4bit": "mlx", "-onnx": "onnx",
        "-lora": "peft",
    }  # fmt: skip
    found = np.array(otherwise)
    for text, library in by_ending.items():
        found[ending == names.SUFFIX[text]] = names.LIBRARIES.index(library)
    return found


def _families(random: np.random.Generator, owner: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Stem and version of each launch: an owner's launches take turns among its families."""
    order = np.lexsort((day, owner))
    sorted_owner = owner[order]
    first = np.concatenate([[True], sorted_owner[1:] != sorted_owner[:-1]])
    begin = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    ordinal = np.arange(len(owner)) - begin[group]
    total = np.diff(np.concatenate([begin, [len(owner)]]))[group]
    families = np.clip(np.sqrt(total), 1, len(names.STEMS)).astype(np.int64)
    stem = np.empty(len(owner), dtype=np.int64)
    version = np.empty(len(owner), dtype=np.int64)
    stem[order] = (sorted_owner * 131 + ordinal % families * 5) % len(names.STEMS)
    version[order] = 10 + ordinal // families
    return stem, version


def _launch_days(random: np.random.Generator, size: Size, count: int) -> Ints:
    """More every year, so that the last days see about 0.1 % new models a day."""
    begin, end = day_number(BEGIN), day_number(size.last_day)
    return begin + (random.random(count) ** 0.6 * (end + 1 - begin)).astype(np.int64)


def _in_time(random: np.random.Generator, begin: Ints, day: Ints, last: int) -> Ints:
    """`day`, or any from `begin` to `last` where it lies beyond: no crowd on the last day."""
    anyhow = begin + (random.random(len(day)) * (last + 1 - begin)).astype(np.int64)
    return np.where(day <= last, day, anyhow)


def _moments(random: np.random.Generator, day: Ints) -> Ints:
    """A second of each day's morning: a Hub that plays this day begins at noon."""
    return day * DAY + random.integers(0, DAY // 2 - 3600, len(day))


def _fame(random: np.random.Generator, owners: Owners, models: Models) -> Floats:
    kind = np.array([0.0 if suffix == "" else 0.8 if "Instruct" in suffix else -0.8
                     for suffix, *_ in names.SUFFIXES])  # fmt: skip
    speaks = np.array([language for _, language, _ in names.TASKS])[models.task]
    known = 0.6 * np.log(owners.weight[models.owner])
    luck = random.normal(0, 1.6, len(models))
    fame: Floats = known + luck + kind[models.suffix] + 0.6 * speaks
    return fame


def _derived_fame(
    random: np.random.Generator, owners: Owners, born: Models, fame: Floats
) -> Floats:
    parent = fame[born.parents[:, 0]]
    own = np.log(owners.weight[born.owner])
    inherited: Floats = 0.5 * parent + 0.3 * own - 0.8 + random.normal(0, 1.3, len(born))
    return inherited


def _rates(fame: Floats) -> Floats:
    """Downloads a day by rank: 1 % of the models have 96 % of them, a third have none in 30 days.

    Measured on the Hub (2026-09): the top 10 hold 22 %, the top 100 47 %, the top 1 % 96.3 %.
    """
    count = len(fame)
    rank = np.arange(1, count + 1, dtype=np.float64)
    top = max(1, count // 100)
    head = (rank[:top] + 7) ** -1.2
    knots = np.log([0.01, 0.03, 0.145, 0.4, 0.66, 1.0])
    levels = np.log([1500.0, 250.0, 60.0, 4.0, 0.4, 0.02])
    body = np.exp(np.interp(np.log(rank[top:] / count), knots, levels))
    a_month = np.concatenate([head / head.sum() * 0.96, body / body.sum() * 0.04]) * count * 1000
    rate = np.empty(count)
    rate[np.argsort(-fame, kind="stable")] = a_month / 30
    return rate


def _finished(random: np.random.Generator, models: Models, size: Size) -> Models:
    """Default dates, late publication, deletions, lost parents, cycles, equal names."""
    count = len(models)
    first, last = day_number(size.first_day), day_number(size.last_day)
    old = np.flatnonzero(models.listed < day_number(BEGIN) + 200)
    default = old[random.random(len(old)) < 0.7]
    models.created[default] = random.choice(DEFAULT_SECONDS, len(default))
    models.listed[default] = day_number(BEGIN) - random.integers(1, 500, len(default))

    private = (models.listed > first - 30) & (random.random(count) < 0.015)
    wait = random.integers(3, 40, int(private.sum()))
    uploaded = models.listed[private]
    models.listed[private] = _in_time(random, uploaded, uploaded + wait, last)

    dies = random.random(count) < (last - first) * 2e-4
    models.deleted[dies] = random.integers(first + 1, last + 2, int(dies.sum()))
    models.deleted[dies & (models.deleted <= models.listed)] = NEVER

    told = np.flatnonzero(models.parents[:, 0] >= 0)
    lost = told[random.random(len(told)) < 0.03]
    choices = len(names.LOST_PARENTS) + len(names.UNREADABLE_PARENTS)
    models.parents[lost] = -1
    models.parents[lost, 0] = -2 - random.integers(0, choices, len(lost))

    derived = np.flatnonzero(models.parents[:, 0] >= 0)
    pairs = random.choice(derived, (max(1, len(derived) // 2000), 2), replace=False)
    models.parents[pairs] = -1
    models.parents[pairs[:, 0], 0] = pairs[:, 1]
    models.parents[pairs[:, 1], 0] = pairs[:, 0]
    models.twin = _twins(models)
    return models


def _twins(models: Models) -> Ints:
    """1, 2 ... for the second and later models that would bear the same id, by creation."""
    name = models.owner.astype(np.uint64)
    for attribute, bits in ((models.stem, 11), (models.version, 12), (models.size, 4),
                            (models.suffix, 4), (models.nickname + 1, 11)):  # fmt: skip
        name = (name << np.uint64(bits)) | attribute.astype(np.uint64)
    order = np.lexsort((models.created, name))
    same = np.concatenate([[False], name[order][1:] == name[order][:-1]])
    begin = np.maximum.accumulate(np.where(same, 0, np.arange(len(name))))
    twin = np.empty(len(name), dtype=np.int64)
    twin[order] = np.arange(len(name)) - begin
    return twin


def _in_order(models: Models) -> Models:
    """The models by creation, in compact types, parents following their rows."""
    order = np.argsort(models.created, kind="stable")
    place = np.empty(len(models), dtype=np.int32)
    place[order] = np.arange(len(models))
    models.parents = np.where(models.parents >= 0, place[models.parents], models.parents)
    ordered = models.select(order)
    for name, kind in (("owner", np.int32), ("created", np.int64), ("listed", np.int32),
                       ("deleted", np.int32), ("stem", np.int16), ("version", np.int16),
                       ("size", np.int8), ("suffix", np.int8), ("nickname", np.int16),
                       ("twin", np.int32), ("task", np.int8), ("architecture", np.int8),
                       ("library", np.int8), ("license", np.int8), ("language", np.int8),
                       ("gate", np.int8), ("parents", np.int32), ("rate", np.float32),
                       ("burst", np.float32)):  # fmt: skip
        setattr(ordered, name, getattr(ordered, name).astype(kind))
    return ordered


def _joined(some: Models, others: Models) -> Models:
    return Models(
        **{
            f.name: np.concatenate([getattr(some, f.name), getattr(others, f.name)])
            for f in fields(some)
        }
    )


def _weighted(random: np.random.Generator, weights: Floats, count: int) -> Ints:
    """`count` places drawn in proportion to `weights`."""
    steps = np.cumsum(weights)
    found: Ints = np.searchsorted(steps, random.random(count) * steps[-1], side="right")
    return np.minimum(found, len(weights) - 1)


def _shares(vocabulary: tuple[tuple[Any, ...], ...]) -> Floats:
    weights: Floats = np.array([entry[-1] for entry in vocabulary], dtype=np.float64)
    shares: Floats = weights / weights.sum()
    return shares
