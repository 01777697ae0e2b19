"""Archives that are wrong as files: each refused with its place and cure, nothing stored."""

from __future__ import annotations

import datetime
import gzip
import random
import resource
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.errors import Refusal, disk_is_full
from orchestration.home import Home
from orchestration.snapshots import store
from orchestration.snapshots.contract import COLUMN_NAMES
from tests.unit.archive_fixture import (
    DAY,
    ROWS,
    Content,
    files_of,
    ndjson,
    parquet,
    records,
    refusal_of,
    rows_of,
    take,
    write,
)

GOOD = ndjson(records())
ZIPPED = gzip.compress(GOOD, mtime=0)
DEEP = b'{"id":"a/b","downloads":1,"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}\n"
LONG = b'{"id":"a/b","downloads":1,"x":"' + b"x" * 20_000_000 + b'"}\n'


def cut(content: Content) -> Content:
    def writer(path: Path) -> None:
        if isinstance(content, bytes):
            path.write_bytes(content[: len(content) // 2])
        else:
            content(path)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return writer


def flipped(content: Content, start: int = 200) -> Content:
    def writer(path: Path) -> None:
        path.write_bytes(content) if isinstance(content, bytes) else content(path)
        found = bytearray(path.read_bytes())
        found[start : start + 40] = bytes(byte ^ 0xFF for byte in found[start : start + 40])
        path.write_bytes(bytes(found))

    return writer


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


BAD_FILES: dict[str, tuple[str, Content, int | None, str | None, str]] = {
    "empty": ("2026-08-20.ndjson", b"", None, None, "is empty"),
    "blank lines only": ("2026-08-20.ndjson", b"\n \n\r\n", None, None, "is empty"),
    "empty gzip": ("2026-08-20.ndjson.gz", b"", None, None, "is empty"),
    "gzip of nothing": ("2026-08-20.ndjson.gz", gzip.compress(b""), None, None, "is empty"),
    "cut gzip": ("2026-08-20.ndjson.gz", cut(ZIPPED), None, None, "cut or damaged"),
    "flipped gzip": ("2026-08-20.ndjson.gz", flipped(ZIPPED), None, None, "damaged"),
    "garbage after gzip": ("2026-08-20.ndjson.gz", ZIPPED + b"garbage", None, None, "damaged"),
    "plain text called gzip": ("2026-08-20.ndjson.gz", GOOD, None, None, "is not gzip"),
    "gzip called plain text": ("2026-08-20.ndjson", ZIPPED, None, None, "is gzip"),
    "Parquet called text": ("2026-08-20.ndjson", parquet(), None, None, "is Parquet"),
    "UTF-16": (
        "2026-08-20.ndjson",
        GOOD.decode().encode("utf-16"),
        None,
        None,
        "is UTF-16, not UTF-8",
    ),
    "HTML": ("2026-08-20.ndjson", b"<!DOCTYPE html>\n<html>502</html>\n", 1, None, "not JSON"),
    "cut text": ("2026-08-20.ndjson", GOOD[:-30], ROWS, None, "not JSON"),
    "indented JSON": ("2026-08-20.ndjson", b'{\n  "id": "a/b"\n}\n', 1, None, "not JSON"),
    "one array": ("2026-08-20.ndjson", b'[{"id":"a/b"}]\n', 1, None, "holds an array"),
    "a number": ("2026-08-20.ndjson", GOOD + b"12\n", ROWS + 1, None, "holds a number"),
    "null": ("2026-08-20.ndjson", GOOD + b"null\n", ROWS + 1, None, "holds null"),
    "NaN": ("2026-08-20.ndjson", b'{"id":"a/b","downloads":NaN}\n', 1, None, "not JSON"),
    "raw NUL": ("2026-08-20.ndjson", b'{"id":"a\x00","downloads":1}\n', 1, None, "not JSON"),
    "deep nesting": ("2026-08-20.ndjson", GOOD + DEEP, ROWS + 1, None, "not JSON"),
    "a line of 20 MB": ("2026-08-20.ndjson", GOOD + LONG, ROWS + 1, None, "longer than"),
    "other records": ("2026-08-20.ndjson", b'{"name":"x","size":1}\n', None, "id", "not of"),
    "no counts": ("2026-08-20.ndjson", b'{"id":"a/b"}\n', None, "downloads", "not of"),
    "another day's rows": (
        "2026-08-20.ndjson",
        GOOD + b'{"id":"a/b","downloads":1,"snapshot_date":"2026-08-19"}\n',
        ROWS + 1,
        "snapshot_date",
        "is of 2026-08-19, the file's name says 2026-08-20",
    ),
    "unreadable day in a row": (
        "2026-08-20.ndjson",
        GOOD + b'{"id":"a/b","downloads":1,"snapshot_date":"yesterday"}\n',
        ROWS + 1,
        "snapshot_date",
        "'yesterday' cannot be read",
    ),
    "empty Parquet": ("2026-08-20.parquet", b"", None, None, "cannot be read"),
    "text called Parquet": ("2026-08-20.parquet", GOOD, None, None, "cannot be read"),
    "cut Parquet": ("2026-08-20.parquet", cut(parquet()), None, None, "cannot be read"),
    "flipped Parquet": ("2026-08-20.parquet", flipped(parquet()), None, None, "cannot be read"),
    "Parquet without rows": ("2026-08-20.parquet", parquet(records(0)), None, None, "is empty"),
    "Parquet of other things": (
        "2026-08-20.parquet",
        parquet(id=None),
        None,
        "id",
        "not of the Hub's models",
    ),
    "Parquet without counts": (
        "2026-08-20.parquet",
        parquet(downloads=None),
        None,
        "downloads",
        "not of the Hub's models",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_refuses_its_day_and_others_go_on(case: str, home: Home, tmp_path: Path) -> None:
    name, content, row, field, words = BAD_FILES[case]
    archive = write(tmp_path / "archive", {name: content, "2026-08-19.ndjson": GOOD})

    imported = take(home, archive)

    refusal = imported.refused[DAY]
    assert (refusal.file, refusal.row, refusal.field) == (archive / name, row, field)
    assert words in refusal.problem
    assert refusal.cure
    assert imported.dates == [date(2026, 8, 19)]
    assert not [path for path in files_of(home) if "2026-08-20" in path or "tmp" in path]


@pytest.mark.parametrize("case", ["empty", "cut gzip", "HTML", "cut Parquet"])
def test_a_bad_file_alone_stores_nothing(case: str, home: Home, tmp_path: Path) -> None:
    name, content, _, _, words = BAD_FILES[case]
    assert words in refusal_of(take(home, write(tmp_path / "archive", {name: content}))).problem
    assert files_of(home) == []


UNDATED: dict[str, tuple[str, Content, int | None, str]] = {
    "no date anywhere": ("models.ndjson", GOOD, 1, "neither the file's name nor the row"),
    "date missing in one row": (
        "models.ndjson",
        ndjson({**row, "snapshot_date": "2026-08-20"} for row in records(5)) + ndjson(records(1)),
        6,
        "neither the file's name nor the row",
    ),
    "date as a number": (
        "models.ndjson",
        b'{"id":"a/b","downloads":1,"snapshot_date":20260820}\n',
        1,
        "'20260820' cannot be read",
    ),
    "no such day": ("2026-02-30.ndjson", GOOD, None, "'2026-02-30' cannot be read"),
    "two dates in the name": (
        "2026-08-19_2026-08-20.ndjson",
        GOOD,
        None,
        "holds 2 dates (2026-08-19, 2026-08-20)",
    ),
    "lone surrogate without a day": (
        "models.ndjson",
        b'{"id":"a/b","downloads":1,"author":"\\ud800"}\n',
        1,
        "lone surrogate",
    ),
    "Parquet with null dates": (
        "models.parquet",
        parquet(snapshot_date=pa.nulls(ROWS, pa.date32())),
        1,
        "neither the file's name nor the row",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNDATED)
def test_a_file_of_no_known_day_refuses_the_archive(case: str, home: Home, tmp_path: Path) -> None:
    name, content, row, words = UNDATED[case]
    archive = write(tmp_path / "archive", {name: content, "2026-08-18.ndjson": GOOD})

    with pytest.raises(Refusal) as caught:
        take(home, archive)

    assert (caught.value.file, caught.value.row) == (archive / name, row)
    assert words in caught.value.problem
    assert files_of(home) == []


@pytest.mark.parametrize("day", ["0206-08-20", "2019-12-31", "2100-01-01"])
def test_a_day_that_no_snapshot_can_be_of_is_refused(day: str, home: Home, tmp_path: Path) -> None:
    archive = write(tmp_path / "archive", {f"{day}.ndjson": GOOD, "2026-08-20.ndjson": GOOD})
    imported = take(home, archive)
    assert imported.dates == [DAY]
    assert imported.refused[date.fromisoformat(day)].field == "snapshot_date"


def test_an_archive_that_is_not_there(home: Home, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such archive") as caught:
        take(home, tmp_path / "nowhere")
    assert caught.value.file == tmp_path / "nowhere"
    assert not home.root.exists()


def test_a_folder_without_archive_files(home: Home, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "archive", {"README.md": b"#", "2026-08-20.csv": b"id", "a.json": b"{}"}
    )
    with pytest.raises(Refusal, match="holds no archive file"):
        take(home, folder)
    assert not home.root.exists()


def test_a_file_of_another_format(home: Home, tmp_path: Path) -> None:
    folder = write(tmp_path, {"2026-08-20.csv": b"id,downloads\na/b,1\n"})
    with pytest.raises(Refusal, match="no known format"):
        take(home, folder / "2026-08-20.csv")


def test_a_file_that_may_not_be_read(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write(tmp_path / "archive", {"2026-08-20.ndjson": GOOD})
    really_open = Path.open

    def refuse(self: Path, mode: str = "r", *rest: object, **more: object) -> object:
        if self.name == "2026-08-20.ndjson":  # root may read all: the system is played
            raise PermissionError(13, "Permission denied")
        return really_open(self, mode, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    refusal = refusal_of(take(home, archive))
    assert "Permission denied" in refusal.problem


def test_days_outside_the_range_are_left_alone(home: Home, tmp_path: Path) -> None:
    days = [f"2026-08-{day}" for day in (18, 19, 20, 21)]
    archive = write(tmp_path / "archive", {f"{day}.ndjson": GOOD for day in days})
    imported = take(home, archive, first=date(2026, 8, 19), last=DAY)
    assert imported.dates == [date(2026, 8, 19), DAY]
    with pytest.raises(Refusal, match="no file of the archive is of the days asked for"):
        take(home, archive, first=date(2027, 1, 1))


def test_a_range_within_one_dated_file(home: Home, tmp_path: Path) -> None:
    rows = [{**row, "snapshot_date": f"2026-08-{day}"} for day in (19, 20) for row in records(9)]
    archive = write(tmp_path / "archive", {"models.ndjson": ndjson(rows)})
    assert take(home, archive, first=DAY).dates == [DAY]
    with pytest.raises(Refusal, match="no row of the days asked for"):
        take(home, archive, first=date(2027, 1, 1))


def test_what_macos_and_windows_leave_in_files_is_no_obstacle(home: Home, tmp_path: Path) -> None:
    marked = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"\r\n"
    files = {"2026-08-20.ndjson": marked, "._2026-08-20.ndjson": b"\x00\x05\x16\x07"}
    (sealed,) = take(home, write(tmp_path / "archive", files)).sealed
    assert sealed.rows == ROWS


@pytest.mark.parametrize(
    "name",
    [
        "it's 2026-08-20; drop table staged.ndjson",
        "[ab]*2026-08-20?.ndjson",
        'quo"te 2026-08-20.ndjson',
        "snapshot_date=2026-08-20/models.ndjson",
        "id=5/2026-08-20.ndjson",
    ],
)
def test_names_of_files_are_no_code(name: str, home: Home, tmp_path: Path) -> None:
    (sealed,) = take(home, write(tmp_path / "archive", {name: GOOD})).sealed
    assert (sealed.snapshot_date, sealed.rows, sealed.unknown_fields) == (DAY, ROWS, {})


@pytest.mark.parametrize(
    "folder", ["id=5", "snapshot_date=2026-08-20", "it's", "[ab]*", "downloads=x"]
)
def test_folders_of_parquet_files_are_no_columns(folder: str, home: Home, tmp_path: Path) -> None:
    name = "models.parquet" if "date" in folder else "2026-08-20.parquet"
    (sealed,) = take(home, write(tmp_path / "archive", {f"{folder}/{name}": parquet()})).sealed
    assert (sealed.rows, sealed.downloads) == (ROWS, 1_000 * ROWS)


NOON = datetime.datetime(2026, 8, 20, 12)
COLUMNS: dict[str, tuple[dict[str, Any], str, object]] = {
    "texts for counts": ({"downloads": ["7"] * ROWS}, "downloads", 7),
    "floats for counts": ({"downloads": [7.0] * ROWS}, "downloads", 7),
    "large floats": ({"downloads": [123_456_789.0] * ROWS}, "downloads", 123_456_789),
    "NaN for no count": ({"likes": [float("nan")] * ROWS}, "likes", None),
    "decimals": ({"downloads": pa.array([7] * ROWS, pa.decimal128(20, 2))}, "downloads", 7),
    "unsigned": ({"downloads": pa.array([7] * ROWS, pa.uint64())}, "downloads", 7),
    "dictionary": ({"author": pa.array(["x"] * ROWS).dictionary_encode()}, "author", "x"),
    "bytes": ({"author": [b"x"] * ROWS}, "author", "x"),
    "time with a zone": (
        {"createdAt": pa.array([NOON] * ROWS, pa.timestamp("us", tz="Asia/Tokyo"))},
        '"createdAt"',
        NOON,
    ),
    "nanoseconds": (
        {"createdAt": pa.array([NOON] * ROWS, pa.timestamp("ns"))},
        '"createdAt"',
        NOON,
    ),
    "a mere date": (
        {"createdAt": pa.array([NOON.date()] * ROWS)},
        '"createdAt"',
        datetime.datetime(2026, 8, 20),
    ),
    "nested struct": (
        {"safetensors": [{"total": 7, "parameters": {"F32": 7}}] * ROWS},
        "safetensors_total",
        7,
    ),
    "nested NaN": ({"safetensors": [{"total": float("nan")}] * ROWS}, "safetensors_total", None),
    "a map": (
        {"safetensors": pa.array([[("total", 7)]] * ROWS, pa.map_(pa.string(), pa.int64()))},
        "safetensors_total",
        7,
    ),
    "flags": ({"private": [True] * ROWS}, "private", True),
    "gated as a flag": ({"gated": [False] * ROWS}, "gated", "false"),
    "no value at all": ({"likes": pa.nulls(ROWS)}, "likes", None),
    "a name in quotes": ({"we\"ird ' name": [1] * ROWS}, "downloads", 1_000),
    "names of our own": ({"record": [1] * ROWS, "reason": ["x"] * ROWS}, "downloads", 1_000),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_parquet_columns_of_odd_types(case: str, home: Home, tmp_path: Path) -> None:
    columns, name, expected = COLUMNS[case]
    archive = write(tmp_path / "archive", {"2026-08-20.parquet": parquet(**columns)})
    (sealed,) = take(home, archive).sealed
    assert sealed.rows == ROWS
    assert set(rows_of(home, sealed, name)) == {(expected,)}


def test_dates_in_parquet_columns_of_any_kind(home: Home, tmp_path: Path) -> None:
    kinds = {
        "date": pa.array([DAY] * ROWS),
        "text": pa.array(["2026-08-20"] * ROWS),
        "timestamp": pa.array([NOON] * ROWS, pa.timestamp("ms")),
    }
    for kind, values in kinds.items():
        archive = write(tmp_path / kind, {"models.parquet": parquet(snapshot_date=values)})
        assert take(Home(tmp_path / f"home of {kind}"), archive).dates == [DAY]


def test_tags_in_parquet_must_be_lists(home: Home, tmp_path: Path) -> None:
    archive = write(tmp_path / "archive", {"2026-08-20.parquet": parquet(tags=["a,b"] * ROWS)})
    refusal = refusal_of(take(home, archive))
    assert refusal.field == "tags"
    assert "tags are not a list of texts" in refusal.problem


def test_unknown_fields_are_counted_and_kept_out(home: Home, tmp_path: Path) -> None:
    odd = [{**row, "usedStorage": 1, "siblings": []} for row in records(3)]
    many = {**records(5)[4], **{f"field_{number}": 1 for number in range(5_000)}}
    (sealed,) = take(
        home, write(tmp_path / "archive", {"2026-08-20.ndjson": ndjson([*odd, many])})
    ).sealed
    assert sealed.unknown_fields["usedStorage"] == sealed.unknown_fields["siblings"] == 3
    assert sum(sealed.unknown_fields.values()) == 6 + 5_000
    assert len(sealed.unknown_fields) <= 101
    assert pq.read_schema(store.parquet_of(home, sealed)).names == list(COLUMN_NAMES)


def test_a_folder_of_another_day_than_its_file_is_refused(home: Home, tmp_path: Path) -> None:
    name = "snapshot_date=2026-08-21/2026-08-20.ndjson"
    with pytest.raises(Refusal, match="name is of 2026-08-20, its folder of 2026-08-21") as refused:
        take(home, write(tmp_path / "archive", {name: GOOD}))
    assert str(refused.value.file).endswith(name)
    assert refused.value.field == "snapshot_date"
    assert store.list_sealed(home) == []
    same = write(tmp_path / "same", {"snapshot_date=2026-08-20/2026-08-20.ndjson": GOOD})
    assert take(home, same).dates == [DAY]


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("2026-08-19T23:30:00-08:00", DAY),
        ("2026-08-19 23:30:00.250-08", DAY),
        ("2026-08-21T01:00:00+0530", DAY),
        ("2026-08-20T23:30:00.000Z", DAY),
        ("2026-08-20T23:30:00", DAY),
        ("2026-08-20T23:30-08:00", None),
    ],
)
def test_a_time_with_an_offset_is_of_its_day_in_utc(
    home: Home, tmp_path: Path, told: str, day: date | None
) -> None:
    archive = write(
        tmp_path / "archive",
        {"rows.ndjson": ndjson({**row, "snapshot_date": told} for row in records())},
    )
    if day is None:
        with pytest.raises(Refusal, match=f"the date {told!r} cannot be read"):
            take(home, archive)
    else:
        assert take(home, archive).dates == [day]


def test_a_time_with_an_offset_of_another_day_than_the_name_refuses_it(
    home: Home, tmp_path: Path
) -> None:
    rows = ndjson({**row, "snapshot_date": "2026-08-20T23:30:00-08:00"} for row in records())
    refusal = refusal_of(take(home, write(tmp_path / "archive", {"2026-08-20.ndjson": rows})))
    assert "the row is of 2026-08-21, the file's name says 2026-08-20" in str(refusal)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file grows beyond a MiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def large_days(tmp_path: Path) -> Path:
    """So large that DuckDB writes their rows while it reads them."""
    chance = random.Random(1)
    ids = [f"org/{chance.getrandbits(256):x}" for _ in range(300_000)]
    day = parquet(
        [], id=pa.array(ids), downloads=pa.array(range(300_000)), likes=None, tags=None, author=None
    )
    return write(tmp_path / "large", {"2026-08-20.parquet": day, "2026-08-21.parquet": day})


def test_a_full_disk_is_no_fault_of_the_file(home: Home, large_days: Path, full_disk: None) -> None:
    """No day is refused for it: the import ends, and is told as what it is."""
    with pytest.raises(duckdb.Error) as error:
        take(home, large_days)
    assert disk_is_full(str(error.value))
    assert store.list_sealed(home) == []
