"""Rows that are wrong: set aside with reason and content, few of them; a day with many stops."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.snapshots import importing
from orchestration.snapshots.contract import REASONS
from orchestration.snapshots.store import Sealed, Source
from tests.unit.archive_fixture import (
    DAY,
    ROWS,
    files_of,
    ndjson,
    quarantine_of,
    records,
    refusal_of,
    rows_of,
    take,
    write,
)

GOOD = ndjson(records())
NAME = "2026-08-20.ndjson"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def taken(home: Home, tmp_path: Path, *lines: bytes) -> Sealed:
    """The day of 1,000 good rows and `lines`."""
    text = GOOD + b"".join(line + b"\n" for line in lines)
    (sealed,) = take(home, write(tmp_path / "archive", {NAME: text})).sealed
    return sealed


def row(**fields: object) -> bytes:
    return json.dumps({"id": "a/b", "downloads": 1, **fields}).encode()


BAD_ROWS: dict[str, tuple[bytes, str, str | None]] = {
    **{
        f"downloads {value!r}": (row(downloads=value), "impossible_count", "downloads")
        for value in (-1, -(10**30), 1.5, 10**16, 10**30, 1e300, "many", "", "1e3", "0x7", "0.1")
    },
    "downloads true": (row(downloads=True), "impossible_count", "downloads"),
    "downloads a list": (row(downloads=[1]), "impossible_count", "downloads"),
    "downloads an object": (row(downloads={"a": 1}), "impossible_count", "downloads"),
    "likes negative": (row(likes=-1), "impossible_count", "likes"),
    "all time fractional": (row(downloadsAllTime=0.5), "impossible_count", "downloadsAllTime"),
    **{
        f"id {value!r}": (row(id=value), "unreadable_id", "id")
        for value in (
            "", " ", "a/", "/b", "a/b/c", "a b/c", "é/b", "a\nb", "a/b\n", "..", "../..", "a/..",
            ".git/x", "../../etc/passwd", "https://hub/a/b", "<script>", "x" * 97, "x/" + "y" * 97,
            None, ["a"], {"a": 1}, "a\u202eb/c", "a\u0000b",
        )
    },
    "no id": (b'{"downloads":1}', "unreadable_id", "id"),
    "author an object": (row(author={"name": "x"}), "unreadable_text", "author"),
    "library a list": (row(library_name=["x"]), "unreadable_text", "library_name"),
    "author with NUL": (row(author="a\u0000"), "unreadable_text", "author"),
    "tag with NUL": (row(tags=["ok", "a\u0000"]), "unreadable_text", "tags"),
    "tags a text": (row(tags="a,b"), "unreadable_tags", "tags"),
    "tags an object": (row(tags={"a": 1}), "unreadable_tags", "tags"),
    "private a word": (row(private="perhaps"), "unreadable_flag", "private"),
    "disabled 7": (row(disabled=7), "unreadable_flag", "disabled"),
    "created soon": (row(createdAt="soon"), "unreadable_date", "createdAt"),
    "created infinity": (row(createdAt="infinity"), "unreadable_date", "createdAt"),
    "created a number": (row(createdAt=1_700_000_000), "unreadable_date", "createdAt"),
    "no such day": (row(lastModified="2024-02-30T00:00:00Z"), "unreadable_date", "lastModified"),
    "lone surrogate": (b'{"id":"a/b","likes":1,"tags":["\\ud800"]}', "unreadable_unicode", None),
    "lone surrogate in a name": (b'{"id":"a/b","\\udc00":1}', "unreadable_unicode", None),
    "broken UTF-8": (b'{"id":"a/b","downloads":1,"tags":["\xff"]}', "unreadable_unicode", None),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_set_aside_with_its_content(case: str, home: Home, tmp_path: Path) -> None:
    line, reason, field = BAD_ROWS[case]

    sealed = taken(home, tmp_path, line)

    assert (sealed.rows, sealed.rows_quarantined) == (ROWS, 1)
    assert sealed.quarantined == {reason: 1}
    columns = "snapshot_date, source_file, source_row, reason, field, content"
    (kept,) = quarantine_of(home, sealed, columns)
    assert kept[:5] == (DAY, NAME, ROWS + 1, reason, field)
    if reason == "unreadable_unicode":
        assert kept[5] == line.decode("ascii", "backslashreplace")
    else:
        assert json.loads(kept[5]) == json.loads(line)
    assert reason in REASONS


FINE: dict[str, tuple[bytes, str, object]] = {
    "modelId for id": (b'{"modelId":"a/b","downloads":7}', "downloads", 7),
    "id before modelId": (b'{"modelId":"x/y","id":"a/b","downloads":7}', "downloads", 7),
    "count as text": (row(downloads="7"), "downloads", 7),
    "count as 7.0": (row(downloads=7.0), "downloads", 7),
    "the largest count": (row(downloads=10**15 - 1), "downloads", 10**15 - 1),
    "null is not zero": (row(downloads=None), "downloads", None),
    "zero is not null": (row(downloads=0), "downloads", 0),
    "absent is null": (b'{"id":"a/b","likes":3}', "downloads", None),
    "a zone in a date": (
        row(createdAt="2024-01-01T00:00:00+02:00"),
        "strftime(\"createdAt\", '%Y-%m-%dT%H:%M')",
        "2023-12-31T22:00",
    ),
    "absurd parameters": (row(safetensors={"total": 2 * 10**19}), "safetensors_total", None),
    "parameters as words": (row(safetensors="none"), "safetensors_total", None),
    "text in braces": (row(library_name="{mine}"), "library_name", "{mine}"),
    "text in brackets": (row(pipeline_tag="[x]"), "pipeline_tag", "[x]"),
    "NUL in an unknown field": (row(card="a\u0000"), "downloads", 1),
    "the owner-less": (b'{"id":"a/b","downloads":1,"author":null}', "author", None),
    "gated false": (row(gated=False), "gated", "false"),
    "gated absent": (row(), "gated", None),
    "gated manual": (row(gated="manual"), "gated", "manual"),
    "free text": (row(tags=["Привет", "模型", "'; drop", "=1+1"]), "tags[1:2]", ["Привет", "模型"]),
    "no tags": (row(tags=[]), "len(tags)", 0),
    "tags null": (row(tags=None), "tags", None),
}


@pytest.mark.parametrize("case", FINE)
def test_a_good_row_is_kept_as_it_came(case: str, home: Home, tmp_path: Path) -> None:
    line, column, expected = FINE[case]
    sealed = taken(home, tmp_path, line)
    assert (sealed.rows, sealed.rows_quarantined) == (ROWS + 1, 0)
    assert dict(rows_of(home, sealed, f"id, {column}"))["a/b"] == expected


@pytest.mark.parametrize("line", [row(safetensors={"total": -1}), row(trendingScore="hot")])
def test_a_value_nobody_counts_by_is_left_blank_and_counted(
    line: bytes, home: Home, tmp_path: Path
) -> None:
    sealed = taken(home, tmp_path, line)
    assert sealed.rows == ROWS + 1
    assert list(sealed.blanked_values.values()) == [1]


def test_the_same_row_twice_counts_once(home: Home, tmp_path: Path) -> None:
    sealed = taken(home, tmp_path, *ndjson(records(3)).splitlines())
    assert (sealed.rows, sealed.duplicates_dropped, sealed.rows_quarantined) == (ROWS, 3, 0)


def test_two_values_for_one_id_are_both_set_aside(home: Home, tmp_path: Path) -> None:
    sealed = taken(home, tmp_path, row(downloads=3), row(downloads=9))
    assert (sealed.rows, sealed.quarantined) == (ROWS, {"duplicate_id": 2})
    kept = quarantine_of(home, sealed, "source_row, field, downloads, content")
    assert [found[:3] for found in kept] == [(ROWS + 1, "id", 3), (ROWS + 2, "id", 9)]
    assert [json.loads(found[3])["downloads"] for found in kept] == [3, 9]


def test_one_id_in_two_files_of_a_day(home: Home, tmp_path: Path) -> None:
    files = {NAME: GOOD + row(likes=1), "2026-08-20.more.ndjson": row(likes=2)}
    (sealed,) = take(home, write(tmp_path / "archive", files)).sealed
    kept = quarantine_of(home, sealed, "source_file, source_row")
    assert kept == [("2026-08-20.more.ndjson", 1), (NAME, ROWS + 1)]


# The bounds: 0.5 % of the rows, 0.1 % of the downloads. A good row has 1,000 downloads.
NO_DOWNLOADS = [row(id=f"bad row {number}", downloads=0) for number in range(1_000)]


def test_half_a_percent_of_bad_rows_is_borne(home: Home, tmp_path: Path) -> None:
    assert taken(home, tmp_path, *NO_DOWNLOADS[:5]).rows_quarantined == 5


def test_more_than_half_a_percent_of_bad_rows_refuses_the_day(home: Home, tmp_path: Path) -> None:
    text = GOOD + b"\n".join(NO_DOWNLOADS[:6])
    refusal = refusal_of(take(home, write(tmp_path / "archive", {NAME: text})))
    assert (refusal.file, refusal.row, refusal.field) == (NAME, ROWS + 1, "id")
    assert "6 of 1,006 rows" in refusal.problem
    assert "bad row 0" in refusal.problem
    assert not [path for path in files_of(home) if path.startswith("raw")]


def test_a_thousandth_of_the_downloads_is_borne(home: Home, tmp_path: Path) -> None:
    assert taken(home, tmp_path, row(id="bad row", downloads=1_001)).rows_quarantined == 1


def test_more_than_a_thousandth_of_the_downloads_refuses(home: Home, tmp_path: Path) -> None:
    lines = [row(id="bad row", downloads=1_002), row(id="bad too", downloads=0)]
    text = GOOD + b"\n".join(lines)
    refusal = refusal_of(take(home, write(tmp_path / "archive", {NAME: text})))
    assert (refusal.row, refusal.field) == (ROWS + 1, "id")
    assert "with 0.10% of the downloads" in refusal.problem


@pytest.mark.parametrize("count", ["downloads", "downloadsAllTime"])
@pytest.mark.parametrize("heavy, goes_on", [(1_001, True), (1_002, False)])
def test_a_count_that_cannot_be_read_weighs_as_on_the_nearest_day(
    count: str, heavy: int, goes_on: bool, home: Home, tmp_path: Path
) -> None:
    def told(**counts: object) -> bytes:
        return json.dumps({"id": "a/heavy", **counts}).encode()

    good = ndjson([{"id": one["id"], count: one["downloads"]} for one in records()])
    files = {
        "2026-08-19.ndjson": good + told(**{count: heavy}),
        NAME: good + told(**{count: -1}),
        "2026-08-22.ndjson": good + told(**{count: 9_000}),
    }
    imported = take(home, write(tmp_path / "archive", files))
    assert (DAY not in imported.refused) is goes_on
    if goes_on:
        (sealed,) = [one for one in imported.sealed if one.snapshot_date == DAY]
        assert sealed.downloads_quarantined == (heavy if count == "downloads" else 0)
    else:
        refusal = imported.refused[DAY]
        assert (refusal.row, refusal.field) == (ROWS + 1, count)
        assert "with 0.10% of the downloads" in refusal.problem


@pytest.mark.parametrize("all_time, goes_on", [(50_050, True), (50_100, False), (None, True)])
def test_a_count_that_no_day_tells_weighs_as_the_cumulative_one(
    all_time: int | None, goes_on: bool, home: Home, tmp_path: Path
) -> None:
    good = ndjson([one | {"downloadsAllTime": 50_000} for one in records()])
    text = good + row(downloads=-1, downloadsAllTime=all_time)
    assert (not take(home, write(tmp_path / "archive", {NAME: text})).refused) is goes_on


def test_broken_unicode_counts_with_its_downloads(home: Home, tmp_path: Path) -> None:
    text = GOOD + b'{"id":"a/b","downloads":5000,"author":"\\ud800"}\n'
    refusal = refusal_of(take(home, write(tmp_path / "archive", {NAME: text})))
    assert "is no Unicode text" in refusal.problem


@pytest.mark.parametrize("bad", [NO_DOWNLOADS, [b'{"id":"a/b","x":"\\ud800"}'] * 9])
def test_nothing_but_bad_rows_refuses(bad: list[bytes], home: Home, tmp_path: Path) -> None:
    refusal = refusal_of(take(home, write(tmp_path / "archive", {NAME: b"\n".join(bad)})))
    assert "100.00%" in refusal.problem


def test_a_day_with_bad_rows_does_not_stop_the_next(home: Home, tmp_path: Path) -> None:
    bad = GOOD + b"\n".join(NO_DOWNLOADS)
    archive = write(tmp_path / "archive", {NAME: bad, "2026-08-21.ndjson": GOOD})
    imported = take(home, archive)
    assert list(imported.refused) == [DAY]
    assert len(imported.sealed) == 1


def pages(folder: Path, *bodies: bytes) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{number:06d}.json.zst" for number in range(len(bodies))]
    for path, body in zip(paths, bodies, strict=True):
        path.write_bytes(pa.compress(body, codec="zstd", asbytes=True))
    return paths


LIVE = Source("live", Universe("panel", "test"), {"endpoint": "http://127.0.0.1"}, whole=False)


def test_pages_give_what_an_archive_gives(home: Home, tmp_path: Path) -> None:
    rows = records()
    landed = pages(
        home.landing / "x", json.dumps(rows[:600]).encode(), json.dumps(rows[600:]).encode()
    )
    (live,) = importing.import_pages(home, landed, DAY, LIVE).sealed
    other = Home(tmp_path / "other")
    (archived,) = take(other, write(tmp_path / "archive", {NAME: GOOD})).sealed
    assert live.content_sha256 == archived.content_sha256


def test_a_model_whose_place_moved_counts_once_as_seen_last(home: Home) -> None:
    moved = {**records(1)[0], "downloads": 1_001}
    landed = pages(home.landing / "x", json.dumps(records()).encode(), json.dumps([moved]).encode())
    (sealed,) = importing.import_pages(home, landed, DAY, LIVE).sealed
    assert (sealed.rows, sealed.duplicates_dropped) == (ROWS, 1)
    assert dict(rows_of(home, sealed, "id, downloads"))["org-0/model-0"] == 1_001


@pytest.mark.parametrize("body", [b"<html>", b'[{"id":"a/b"', b'{"error":"x"}', b'["\xff"]'])
def test_a_damaged_page_is_refused(body: bytes, home: Home) -> None:
    landed = pages(home.landing / "x", json.dumps(records()).encode(), body)
    with pytest.raises(Refusal, match="cannot be read"):
        importing.import_pages(home, landed, DAY, LIVE)
    assert not home.raw.exists()
