"""Generated models as JSON, made column by column.

What belongs here: the texts of `/api/models` items. A page of 1,000 costs a few ms this way,
a tenth of what it takes through Python objects; no generated text holds what JSON escapes.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

# Fields of an item, and the raw column that each one is made of.
SOURCES = {
    "_id": "_id",
    "modelId": "id",
    "author": "author",
    "createdAt": "createdAt",
    "lastModified": "lastModified",
    "downloads": "downloads",
    "downloadsAllTime": "downloadsAllTime",
    "likes": "likes",
    "gated": "gated",
    "private": "private",
    "disabled": "disabled",
    "tags": "tags",
    "pipeline_tag": "pipeline_tag",
    "library_name": "library_name",
    "trendingScore": "trendingScore",
    "safetensors": "safetensors_total",
}


def json_objects(table: pa.Table, fields: Iterable[str]) -> pa.Array:
    """One JSON object a row of raw columns: the id, and those of `fields` that are not null."""
    pieces = ['{"id":"', _column(table, "id"), '"']
    for field in fields:
        if field in SOURCES:
            value = _VALUES.get(field, _plain)(_column(table, SOURCES[field]))
            pieces.append(pc.coalesce(_joined(f',"{field}":', value), ""))
    return _joined(*pieces, "}")


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _joined(*pieces: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "")


def _plain(values: pa.Array) -> pa.Array:
    """Texts in quotes, numbers and flags as they are."""
    if pa.types.is_string(values.type):
        return _joined('"', values, '"')
    return pc.cast(values, pa.string())


def _whole(values: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(values, pa.int64()), pa.string())


def _time(values: pa.Array) -> pa.Array:
    # A cast writes `2026-08-20 01:02:03.000`, ten times as fast as strftime.
    text = pc.cast(values.cast(pa.timestamp("ms")), pa.string())
    return _joined('"', pc.binary_replace_slice(text, 10, 11, "T"), 'Z"')


def _gate(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, "false"), "false", _joined('"', values, '"'))


def _list(values: pa.Array) -> pa.Array:
    return _joined('["', pc.binary_join(values, '","'), '"]')


def _weights(totals: pa.Array) -> pa.Array:
    total = pc.cast(totals, pa.string())
    return _joined('{"parameters":{"BF16":', total, '},"total":', total, "}")


_VALUES = {
    "createdAt": _time,
    "lastModified": _time,
    "gated": _gate,
    "tags": _list,
    "trendingScore": _whole,
    "safetensors": _weights,
}
