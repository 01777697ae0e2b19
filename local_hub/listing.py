"""How the Hub lists: which parameters it takes, which fields it gives, where a page ends.

What belongs here: the rules of `/api/models` and its like, without HTTP. A refused question is
`BadQuery`, which the server answers with status 400.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from local_hub.content import SORTS, Day, Kind, Rows, Sort

PAGE_LIMIT = 1000


@dataclass(frozen=True)
class Rules:
    """What can be asked of one kind of repository: fields given unasked, with `full`, on wish.

    `info` are the fields on wish of a single repository, which are more than those of a listing.
    """

    default: tuple[str, ...]
    full: tuple[str, ...]
    expands: frozenset[str]
    info: frozenset[str]
    sorts: tuple[Sort, ...] = SORTS


_MODELS = (
    "_id", "modelId", "likes", "trendingScore", "private", "downloads", "tags",
    "pipeline_tag", "library_name", "createdAt",
)  # fmt: skip
_DATASETS = (
    "_id", "author", "disabled", "gated", "lastModified", "likes", "trendingScore", "private",
    "downloads", "tags", "createdAt",
)  # fmt: skip
_SPACES = ("_id", "likes", "trendingScore", "private", "sdk", "tags", "createdAt")
_OF_ALL = frozenset(
    {
        "author", "cardData", "createdAt", "disabled", "lastModified", "likes", "private",
        "resourceGroup", "sha", "siblings", "tags", "trendingScore",
    }
)  # fmt: skip
_OF_MODELS = _OF_ALL | {
    "config", "downloads", "downloadsAllTime", "evalResults", "gated", "gguf", "inference",
    "inferenceProviderMapping", "library_name", "mask_token", "model-index", "pipeline_tag",
    "safetensors", "spaces", "transformersInfo", "widgetData",
}  # fmt: skip
_OF_DATASETS = _OF_ALL | {
    "citation", "description", "downloads", "downloadsAllTime", "gated", "mainSize",
    "paperswithcode_id", "usedStorage",
}  # fmt: skip
_OF_SPACES = _OF_ALL | {
    "datasets", "models", "region", "runtime", "sdk", "subdomain", "usedStorage",
}  # fmt: skip
RULES: dict[Kind, Rules] = {
    "models": Rules(
        _MODELS,
        (*_MODELS, "author", "sha", "lastModified", "gated", "disabled", "siblings"),
        _OF_MODELS,
        _OF_MODELS | {"baseModels", "childrenModelCount", "usedStorage"},
    ),
    "datasets": Rules(_DATASETS, (*_DATASETS, "sha", "siblings"), _OF_DATASETS, _OF_DATASETS),
    "spaces": Rules(
        _SPACES,
        (*_SPACES, "author", "sha", "lastModified", "disabled", "siblings"),
        _OF_SPACES,
        _OF_SPACES,
        ("createdAt", "lastModified", "likes", "trendingScore"),
    ),
}
_NOT_PLAYED = ("apps", "inference", "inference_provider", "num_parameters")


class BadQuery(Exception):
    """The Hub would answer this question with status 400."""


@dataclass(frozen=True)
class Query:
    """One question to a listing, understood."""

    sort: Sort
    ascending: bool
    limit: int
    fields: tuple[str, ...]
    author: str | None
    search: str | None
    filters: tuple[str, ...]
    gated: bool | None
    cursor: tuple[float, str] | None


def understand(parameters: Iterable[tuple[str, str]], rules: Rules) -> Query:
    """The query that URL parameters ask. Raises BadQuery."""
    asked: dict[str, list[str]] = {}
    for name, value in parameters:
        asked.setdefault(name.removesuffix("[]"), []).append(value)
    for name in _NOT_PLAYED:
        if name in asked:
            raise BadQuery(f"the local Hub does not play the parameter {name!r}")

    def last(name: str) -> str | None:
        return asked[name][-1] if name in asked else None

    sort = last("sort") or "trendingScore"
    if sort not in rules.sorts:
        raise BadQuery(f"invalid sort {sort!r}: one of {', '.join(rules.sorts)}")
    filters = [*asked.get("filter", []), *asked.get("pipeline_tag", [])]
    return Query(
        sort=next(known for known in SORTS if known == sort),
        ascending=last("direction") == "1",
        limit=_limit(last("limit")),
        fields=fields_of(asked, rules.expands, rules.default, rules.full),
        author=last("author"),
        search=last("search"),
        filters=tuple(tag for text in filters for tag in text.split(",") if tag),
        gated=_flag(last("gated")) if "gated" in asked else None,
        cursor=_decode(last("cursor")),
    )


def fields_of(
    asked: dict[str, list[str]],
    expandable: frozenset[str],
    otherwise: tuple[str, ...],
    in_full: tuple[str, ...],
) -> tuple[str, ...]:
    """The fields that `expand` or `full` ask for. Raises BadQuery."""
    full = any(
        _flag(value) for name in ("full", "config", "cardData") for value in asked.get(name, ())
    )
    expand = [name for text in asked.get("expand", []) for name in text.split(",") if name]
    if expand and full:
        raise BadQuery("expand cannot be used together with full, config or cardData")
    unknown = sorted(set(expand) - expandable)
    if unknown:
        raise BadQuery(f"invalid expand {unknown[0]!r}: one of {', '.join(sorted(expandable))}")
    if expand:
        return ("_id", *dict.fromkeys(expand))
    return in_full if full else otherwise


@dataclass(frozen=True)
class Page:
    """One page: its items as a JSON list, and where the next begins (None after the last)."""

    body: bytes
    next_cursor: str | None


def page(day: Day, query: Query) -> Page:
    """The page of `day` that `query` asks for."""
    order = _ordered(day, query)
    start = _place(day, order, query) if query.cursor else 0
    rows = order[start : start + query.limit]
    more = start + len(rows) < len(order) and len(rows) > 0
    return Page(
        day.encoded(rows, query.fields), _encode(day, query.sort, int(rows[-1])) if more else None
    )


def _ordered(day: Day, query: Query) -> Rows:
    order = day.newest_first(query.sort)
    if query.author is not None or query.search is not None or query.filters:
        match = day.matching(author=query.author, search=query.search, filters=query.filters)
        order = order[match[order]]
    if query.gated is not None:
        is_gated = [bool(record.get("gated")) for record in day.records(order)]
        order = order[np.array(is_gated, dtype=bool) == query.gated]
    return order[::-1] if query.ascending else order


def _place(day: Day, order: Rows, query: Query) -> int:
    """How many rows of `order` come before or at the cursor: a binary search by keyset."""
    assert query.cursor is not None
    keys = day.sort_keys(query.sort)
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        row = int(order[middle])
        here = (keys[row].item(), day.tie(row))
        passed = here <= query.cursor if query.ascending else here >= query.cursor
        low, high = (middle + 1, high) if passed else (low, middle)
    return low


def _encode(day: Day, sort: Sort, row: int) -> str:
    value = [day.sort_keys(sort)[row].item(), day.tie(row)]
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


def _decode(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    try:
        value: Any = orjson.loads(base64.urlsafe_b64decode(text))
        key, tie = value
        if isinstance(key, int | float) and isinstance(tie, str):
            return key, tie
    except (binascii.Error, ValueError, TypeError):
        pass
    raise BadQuery("invalid cursor")


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE_LIMIT
    if not text.isdecimal() or int(text) == 0:
        raise BadQuery(f"invalid limit {text!r}: a number from 1 to {PAGE_LIMIT}")
    return min(int(text), PAGE_LIMIT)


def _flag(text: str | None) -> bool:
    return text is not None and text.lower() in ("true", "1", "")
