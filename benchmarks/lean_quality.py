"""The hand-written script's questions to a snapshot, before anything is made of it.

What belongs here: what the file and its rows must be, against its manifest and the day before,
in one look at the narrow columns. Ranges that are learned from weeks are not asked of two days.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.gates.outcome import bounds_in_words
from orchestration.snapshots.contract import COLUMNS, created_until

# Of the day before: its rows, its newest model, its largest owner, its shares of nulls.
KNOWN_COLUMNS = "name varchar, value double, moment timestamp, owner varchar"

_READABLE = "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,95})?"
_NARROW = [column.name for column in COLUMNS if column.name != "tags"]
_ROWS = f"""
select count(*) as rows, count(*) filter (id is null) as null_ids,
    count(*) filter (not regexp_full_match(id, '{_READABLE}')) as unreadable,
    count(*) filter (downloads < 0 or downloadsAllTime < 0 or likes < 0 or safetensors_total < 0
        or downloads > 1e11 or downloadsAllTime > 1e13) as impossible,
    count(*) filter (createdAt > timestamp '{{until}}') as future,
    count(*) filter (lower(author) <> lower(split_part(id, '/', 1)) and contains(id, '/'))
        / count(*) as other_authors,
    count(*) filter (lastModified < createdAt) / count(*) as unordered,
    count(*) filter (downloads > downloadsAllTime) / count(*) as exceeding,
    sum(downloads)::double as downloads, sum(downloadsAllTime)::double as all_time,
    sum(likes)::double as likes, count(*) filter (downloads = 0) / count(downloads) as zeros,
    max(createdAt) as newest, {
    ", ".join(f'1 - count("{name}") / count(*) as "nulls_{name}"' for name in _NARROW)
}
from read_parquet('{{today}}', hive_partitioning = false)
"""
_MODELS = """
select count(*) - count(distinct m) as repeated_ids, count(*) - count(distinct k) as repeated_keys,
    1 - count(*) filter (has_tags) / count(*) as nulls_tags,
    (select count(*) from known where last_seen_on = date '{before}') as models_before,
    count(*) filter (was_there) as still_there,
    count(*) filter (is_unmoved) as unmoved, count(*) filter (is_jump) as jumps
from today
"""
# Few ids change: only of these the id of the day before is looked up.
_RECASED = """
select count(*) from today join state.dim_models as before
    on k = md5_number(before.model_key) and lower(today.model_id) = lower(before.model_id)
where was_there and today.m <> known_m
"""
_OWNERS = """
create temp table namespace as
select case when contains(model_id, '/') then organization else '(no namespace)' end as owner,
    sum(d30) as downloads
from today group by owner
"""


def ask(connection: duckdb.DuckDBPyConnection, today: Path, day: date, before: date | None) -> None:
    """Fill the day's rows of fct_snapshot_quality_daily; without a manifest there are none."""
    told = today.with_name("manifest.json")
    if not told.exists():
        return
    manifest: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    until = created_until(day, datetime.fromisoformat(manifest["observed_to"]))

    def one(query: str) -> dict[str, Any]:
        for name, value in {"today": today, "until": until, "before": before or day}.items():
            query = query.replace(f"{{{name}}}", str(value))
        answer = connection.execute(query)
        names = [column[0] for column in answer.description or ()]
        return dict(zip(names, answer.fetchall()[0], strict=True))

    found = one(_ROWS) | one(_MODELS)
    known = {
        name: (value, moment, owner)
        for name, value, moment, owner in connection.execute("from known_figure").fetchall()
    }
    connection.execute(_OWNERS)
    largest = one("select max_by(owner, downloads) as owner from namespace")["owner"]
    nulls = {name: found[name] for name in found if name.startswith("nulls_")}
    compared: dict[str, float | None] = dict.fromkeys(
        ("lost", "recased", "jumps", "unmoved", "went_back", "owner_there", "nulls_gained")
    )
    least_rows = None
    is_large = found["rows"] >= 10_000
    if before is not None:
        models = found["models_before"]
        rows_before = known["rows"][0]
        least_rows = rows_before - max(0.005 * rows_before, 5)
        query = "select count(*) from namespace join known_figure using (owner)"
        there = connection.execute(query).fetchall()[0][0]
        compared = {
            "lost": (models - found["still_there"]) / models / (day - before).days,
            "recased": connection.execute(_RECASED).fetchall()[0][0] / models,
            "jumps": found["jumps"],
            "unmoved": found["unmoved"] / models,
            "went_back": int(found["newest"] < known["newest"][1]) if is_large else None,
            "owner_there": there,
            "nulls_gained": max(value - known[name][0] for name, value in nulls.items()),
        }
    off = abs(found["rows"] - manifest["rows"]) + abs(found["downloads"] - manifest["downloads"])
    aside, gone = manifest["rows_quarantined"], manifest["downloads_quarantined"]
    described = connection.execute(
        f"describe from read_parquet('{today}', hive_partitioning = false)"
    ).fetchall()
    with today.open("rb") as file:
        is_sealed = hashlib.file_digest(file, "sha256").hexdigest() == manifest["sha256"]
    is_declared = {(name, kind) for name, kind, *_ in described} == {
        (column.name, column.type) for column in COLUMNS
    }
    age = (until - found["newest"]).total_seconds() / 86_400 if is_large else None
    total = max(found["downloads"], found["all_time"])
    nothing = "nothing to compare with yet"
    checks: list[tuple[str, float | None, float | None, float | None]] = [
        ("file_as_sealed", is_sealed, 1, None),
        ("columns_as_declared", is_declared, 1, None),
        ("counts_as_sealed", off, None, 0),
        ("rows_exist", found["rows"], 1, None),
        ("ids_present", found["null_ids"], None, 0),
        ("ids_readable", found["unreadable"], None, 0),
        ("ids_unique", found["repeated_ids"], None, 0),
        ("keys_unique", found["repeated_keys"], None, 0),
        ("counts_possible", found["impossible"], None, 0),
        ("dates_possible", found["future"], None, 0),
        ("downloads_exist", total, 1, None),
        ("zeros_possible", found["zeros"], None, 0.98),
        ("counters_in_their_columns", found["likes"] / found["downloads"], None, 1),
        ("all_time_not_below_month", found["exceeding"], None, 0.05),
        ("authors_match_ids", found["other_authors"], None, 0.01),
        ("dates_ordered", found["unordered"], None, 0.01),
        ("quarantined_rows_few", aside / (found["rows"] + aside), None, 0.005),
        ("quarantined_downloads_few", gone / (found["downloads"] + gone), None, 0.001),
        ("not_served_again", compared["unmoved"] == 1, None, 0),
        ("models_move", compared["unmoved"], None, 0.999),
        ("newest_model_recent", age, None, 7),
        ("newest_model_moves_on", compared["went_back"], None, 0),
        ("rows_complete", found["rows"], least_rows, None),
        ("models_lost_usual", compared["lost"], None, None),
        ("heavy_models_there", None, None, 0.02),
        ("ids_keep_their_case", compared["recased"], None, 0.001),
        ("no_impossible_jump", compared["jumps"], None, 0),
        ("recorded_as_before", compared["nulls_gained"], None, 0.05),
        ("largest_owner_there", compared["owner_there"], 1, None),
        ("rows_usual", found["rows"], None, None),
        ("downloads_usual", found["downloads"], None, None),
        ("downloads_all_time_usual", found["all_time"], None, None),
        ("zero_share_usual", found["zeros"], None, None),
        ("null_shares_usual", 0, None, 0),
    ]
    for name, value, least, most in checks:
        is_right = value is None or (
            (least is None or value >= least) and (most is None or value <= most)
        )
        threshold = nothing if least is None and most is None else bounds_in_words(least, most)
        if value is None:
            threshold += " (not recorded, or nothing to compare with)"
        status = "passed" if is_right else "failed"
        observed = None if value is None else float(value)
        _insert(connection, "fct_snapshot_quality_daily", (day, name, status, observed,
            threshold, aside))  # fmt: skip
    for name, value in ({"rows": found["rows"]} | nulls).items():
        _insert(connection, "known_figure", (name, value, None, None))
    _insert(connection, "known_figure", ("newest", None, found["newest"], None))
    _insert(connection, "known_figure", ("largest_owner", None, None, largest))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, row: Sequence[Any]) -> None:
    places = ", ".join("?" for _ in row)
    connection.execute(f"insert into out.{table} values ({places})", list(row))
