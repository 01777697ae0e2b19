"""Real recorded days, from the archive and from a Hub that replays them, to publications.

The builds are few and shared, as each takes a quarter of a minute of two cores: one back-fill of
three days, and the same days crawled live.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from local_hub import LocalHub, Recorded
from orchestration.home import CHECKOUT
from tests.integration.command_line import Ended, environment_for, observatory, tree

pytestmark = pytest.mark.xdist_group("pipeline_recorded")

DAYS = [date(2026, 8, 19), date(2026, 8, 20), date(2026, 8, 22)]
SLICE = "attribution = 'publisher' and cohort = 'all' and scope = 'all'"


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of real records, which is not part of the project."""
    folder = CHECKOUT.parent / "shared" / "hub"
    if not folder.is_dir():
        pytest.skip(f"the recorded metadata of the Hub is not at {folder}")
    return folder


@dataclass(frozen=True)
class Published:
    """A home after a command, and how the command ended."""

    home: Path
    ended: Ended

    @property
    def current(self) -> Path:
        return (self.home / "published" / "current").resolve()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.current / "observatory.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def archive(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three recorded days, and a fourth whose file is cut."""
    folder = tmp_path_factory.mktemp("archive")
    for day in DAYS:
        (folder / f"{day}.ndjson.gz").symlink_to(recorded / "snapshots" / f"{day}.ndjson.gz")
    whole = (recorded / "snapshots" / "2026-08-20.ndjson.gz").read_bytes()
    (folder / "2026-08-21.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="session")
def archived(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A home that took the archive in one back-fill."""
    home = tmp_path_factory.mktemp("archived") / "home"
    return Published(home, observatory(home, "backfill", "--archive", str(archive)))


@pytest.fixture(scope="session")
def crawled(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A home that crawled the same days live, each on its day, and built them with the last."""
    home = tmp_path_factory.mktemp("crawled") / "home"
    with LocalHub(Recorded(recorded / "snapshots"), date=DAYS[0]) as hub:
        endpoint = {"HF_ENDPOINT": hub.endpoint}
        for day in DAYS[:-1]:
            hub.set_date(day)
            subprocess.run(
                [sys.executable, "-c", FETCH, day.isoformat()],
                env=environment_for(home, endpoint),
                cwd=CHECKOUT,
                check=True,
            )
        hub.set_date(DAYS[-1])
        ended = observatory(home, "run", environment=endpoint)
        assert ended.code == 0, ended.err
    return Published(home, ended)


# A day fetched without a build, as the demo does it.
FETCH = """
import sys
from orchestration.defs.automation import running
from orchestration.home import Home
assert running.execute(Home.from_environment(), "fetch_only", partition_key=sys.argv[1]).succeeded
"""


def test_a_back_fill_lists_the_day_it_refused_and_publishes_the_others(
    archived: Published, archive: Path
) -> None:
    ended = archived.ended
    assert ended.code == 3, ended.err
    refused = [line for line in ended.err.splitlines() if line.startswith("refused")]
    assert len(refused) == 1
    assert f"refused 2026-08-21: file {archive}/2026-08-21.ndjson.gz" in refused[0]
    assert "Cure: copy or fetch the file again" in ended.err
    assert "share of downloads by country, 2026-08-22" in ended.out
    published = archived.rows("select distinct snapshot_date from fct_country_share_daily")
    assert sorted(day for (day,) in published) == DAYS
    manifest = json.loads((archived.current / "manifest.json").read_text())
    assert manifest["snapshot_dates"] == [day.isoformat() for day in DAYS]
    assert manifest["universe"]["name"] == "archive"


def read_recorded(recorded: Path, day: date) -> pd.DataFrame:
    """The file as pandas reads it: no part of the pipeline has touched it."""
    with gzip.open(recorded / "snapshots" / f"{day}.ndjson.gz") as file:
        frame = pd.DataFrame([json.loads(line) for line in file])
    parts = frame["id"].str.split("/", n=1)
    frame["organization"] = parts.str[0].where(frame["id"].str.contains("/"), "(no namespace)")
    return frame


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_downloads_by_organization_are_those_of_the_file(
    day: date, archived: Published, recorded: Path
) -> None:
    raw = read_recorded(recorded, day).groupby("organization")["downloads"].sum()
    published = dict(
        archived.rows(
            "select organization, sum(downloads)::bigint from fct_organization_share_daily "
            f"where snapshot_date = '{day}' and window_name = '30d' and {SLICE} group by all"
        )
    )
    rest = published.pop("(other)")
    assert len(published) >= 500
    assert published == {name: int(raw[name]) for name in published}
    assert rest == int(raw.sum()) - sum(published.values())
    largest = raw.sort_values(ascending=False).index[:300]
    assert set(largest) <= set(published)
    ((total, models),) = archived.rows(
        "select sum(downloads)::bigint, sum(models_count)::bigint from fct_country_share_daily "
        f"where snapshot_date = '{day}' and window_name = '30d' and {SLICE}"
    )
    assert (total, models) == (int(raw.sum()), len(read_recorded(recorded, day)))


def test_what_was_not_recorded_is_null_with_a_reason(archived: Published) -> None:
    for table in ("fct_country_share_daily", "fct_organization_share_daily"):
        found = archived.rows(
            "select window_name, count(*), count(downloads), count(share_of_all), "
            f"count(null_reason) from {table} group by all"
        )
        measured = {window: (rows, *rest) for window, rows, *rest in found}
        assert set(measured) == {"1d", "7d", "28d", "30d", "365d", "all_time"}
        for window, (rows, downloads, shares, reasons) in measured.items():
            expected = (rows, rows, 0) if window == "30d" else (0, 0, rows)
            assert (downloads, shares, reasons) == expected, (table, window)


def difference(one: Published, other: Published, table: str) -> list[tuple[Any, ...]]:
    """Rows of `table` that only one of two publications has; sums may differ in the 13th digit."""
    with duckdb.connect() as connection:
        for name, published in (("one", one), ("other", other)):
            file = published.current / "observatory.duckdb"
            connection.execute(f"attach '{file}' as {name} (read_only)")
        columns = ", ".join(
            f"format('{{:.12g}}', \"{name}\" + 0)" if kind == "DOUBLE" else f'"{name}"'
            for name, kind in connection.execute(
                "select column_name, data_type from duckdb_columns() "
                f"where database_name = 'one' and table_name = '{table}' order by column_index"
            ).fetchall()
        )
        sides = [f"select {columns} from {name}.{table}" for name in ("one", "other")]
        return connection.execute(
            f"select 'only in one', * from ({sides[0]} except all {sides[1]}) union all "
            f"select 'only in other', * from ({sides[1]} except all {sides[0]}) limit 5"
        ).fetchall()


def test_crawled_live_or_back_filled_the_marts_are_the_same(
    archived: Published, crawled: Published
) -> None:
    tables = {
        published.current: {
            name for (name,) in published.rows("select table_name from duckdb_tables()")
        }
        for published in (archived, crawled)
    }
    assert tables[archived.current] == tables[crawled.current]
    # What a publication is called, and when a change was noticed, is its own.
    compared = sorted(tables[archived.current] - {"publication", "fct_revisions"})
    assert len(compared) >= 11
    assert {name: difference(archived, crawled, name) for name in compared} == {
        name: [] for name in compared
    }


@pytest.mark.long
def test_a_live_run_for_another_day_refuses(crawled: Published, recorded: Path) -> None:
    with LocalHub(Recorded(recorded / "snapshots"), date=DAYS[-1]) as hub:
        before = untouched(crawled)
        ended = observatory(
            crawled.home, "run", "--date", "2026-08-21", environment={"HF_ENDPOINT": hub.endpoint}
        )
    assert ended.code == 1
    assert ended.err.startswith("refused: http://127.0.0.1:")
    assert "lives on 2026-08-22" in ended.err and "2026-08-21 was asked for" in ended.err
    assert "Cure: leave --date out" in ended.err
    assert untouched(crawled) == before


def test_nothing_is_pickled_and_nothing_unknown_lies_beside_the_data(archived: Published) -> None:
    kept = {path.suffix for path in (archived.home / "dagster" / "storage").rglob("*.*")}
    assert kept <= {".out", ".err", ".complete"}
    names = {path.name for path in archived.current.iterdir() if path.suffix != ".parquet"}
    assert names == {"observatory.duckdb", "manifest.json", "diff.json", "dashboard"}


# From here on each test looks at a home that tests before it may have added to.


@pytest.mark.long
def test_the_same_days_again_are_no_new_generation(archived: Published, recorded: Path) -> None:
    before = tree(archived.home / "published"), tree(archived.home / "raw")
    ended = observatory(archived.home, "backfill", "--archive", str(recorded / "snapshots"))
    assert ended.code == 0, ended.err
    after = tree(archived.home / "published"), tree(archived.home / "raw")
    assert {
        name for name in after[1] if "gate" not in name and after[1][name] != before[1].get(name)
    } == set()
    assert after[0] == before[0]


ARCHIVE = ["run", "--source", "archive", "--archive"]


def untouched(published: Published) -> dict[str, tuple[int, int]]:
    """What no refused command may change: what is sealed and what is published."""
    found = tree(published.home / "published") | tree(published.home / "raw")
    return {name: state for name, state in found.items() if not name.endswith("gate.json")}


@pytest.mark.long
def test_yesterday_under_another_name_is_refused(
    archived: Published, recorded: Path, tmp_path: Path
) -> None:
    shutil.copy(recorded / "snapshots" / "2026-08-22.ndjson.gz", tmp_path / "2026-08-23.ndjson.gz")
    before = tree(archived.home / "published")
    ended = observatory(
        archived.home,
        "run",
        "--source",
        "archive",
        "--archive",
        str(tmp_path),
        "--date",
        "2026-08-23",
    )
    assert ended.code == 1, ended.err
    assert "not_served_again" in ended.err
    assert tree(archived.home / "published") == before
    # Refused by the gate, it stays sealed to be looked at, and counts for nothing.
    status = json.loads(observatory(archived.home, "status", "--json").out)
    assert status["last_days"][-1]["gate"] == "refused"
    shutil.rmtree(archived.home / "raw" / "hub_models" / "snapshot_date=2026-08-23")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(
            [*ARCHIVE, "{cut}", "--date", "2026-08-21"], 1, "cut or damaged", marks=pytest.mark.long
        ),
        pytest.param(
            [*ARCHIVE, "{cut}", "--date", "2026-08-25"],
            1,
            "of the days asked",
            marks=pytest.mark.long,
        ),
        (["backfill", "--archive", "{cut}", "--panel", "other"], 1, "to the recorded panel"),
        (["backfill", "--archive", "/nowhere"], 1, "no such archive"),
        (["run", "--source", "archive", "--date", "2026-08-21"], 2, "--archive"),
        ([*ARCHIVE, "{cut}"], 2, "--date"),
        (["run", "--source", "elsewhere"], 2, "--source"),
        (["run", "--date", "2026-02-30"], 2, "--date"),
        (["run", "--date", "today"], 2, "--date"),
        (["backfill"], 2, "--archive"),
        (["backfill", "--archive", "a", "--dataset", "b"], 2, "--dataset"),
        (["backfill", "--archive", "a", "--from", "2026-08-21", "--to", "2026-08-20"], 2, "--from"),
        (["backfill", "--archive", "a", "--panel", "two words"], 2, "--panel"),
        (["shares", "--window", "2d"], 2, "--window"),
        (["shares", "--most", "0"], 2, "--most"),
        (["verify", "20200101T000000Z-00000000"], 1, "20200101T000000Z-00000000"),
        (["rollback", "20200101T000000Z-00000000"], 1, "20200101T000000Z-00000000"),
        (["rollback", "../../etc"], 1, "../../etc"),
        (["verify", "../.."], 1, ".."),
        (["nonsense"], 2, "nonsense"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)  # fmt: skip
def test_wrong_orders_end_with_their_code_and_change_nothing(
    arguments: list[str], code: int, words: str, archived: Published, archive: Path
) -> None:
    cut = str(archive / "2026-08-21.ndjson.gz")
    before = untouched(archived)
    ended = observatory(archived.home, *(word.format(cut=cut) for word in arguments))
    assert ended.code == code, ended.err
    assert words in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert ("Cure: " in ended.err) == (code == 1)
    assert untouched(archived) == before


@pytest.mark.long
def test_reading_commands_work_without_dagster(archived: Published, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no folder")
    broken = {"DAGSTER_HOME": str(tmp_path / "broken" / "dagster"), "HF_ENDPOINT": "nonsense"}

    def ask(*arguments: str, code: int = 0) -> Ended:
        ended = observatory(archived.home, *arguments, environment=broken)
        assert ended.code == code, ended.err
        return ended

    status = json.loads(ask("status", "--json").out)
    assert (status["sealed_days"], status["newest_sealed_day"]) == (3, "2026-08-22")
    assert status["universe"] == "the recorded panel 'archive'"
    assert [day["gate"] for day in status["last_days"]] == ["passed"] * 3
    assert (status["in_use_by"], status["trouble"]) == (None, [])
    assert status["generation"] == archived.current.name
    assert re.search(r"in use by +nobody", ask("status").out)

    assert "checks passed" in ask("verify").out
    shares = json.loads(ask("shares", "--json", "--most", "3").out)
    assert (shares["snapshot_date"], shares["window_name"]) == ("2026-08-22", "30d")
    assert len(shares["countries"]) == 3
    assert {"country_key", "share_of_all", "share_of_all_low"} <= set(shares["countries"][0])
    assert "not measurable: " in ask("shares", "--window", "365d").out

    assert "no generation before" in ask("rollback", code=1).err
    refused = ask("publish", code=1)
    assert "DAGSTER_HOME" in refused.err


@pytest.mark.long
def test_a_damaged_publication_is_told(archived: Published, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(archived.home, home, symlinks=True)
    (home / "published" / "current" / "dim_countries.parquet").write_bytes(b"PAR1")
    ended = observatory(home, "verify")
    assert ended.code == 1
    assert "dim_countries.parquet" in ended.err or "files_as_published" in ended.err
    (home / "published" / "current" / "manifest.json").write_text("{")
    assert "manifest" in json.loads(observatory(home, "status", "--json").out)["trouble"][0]
    assert observatory(home, "shares").code == 1


@pytest.fixture
def waiting(archived: Published) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the home."""
    hold = (
        "import sys; from pathlib import Path; from orchestration.home import Home\n"
        "with Home(Path(sys.argv[1])).lock('a long back-fill'):\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(archived.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_home_in_use_is_told_and_waited_for(
    archived: Published, waiting: subprocess.Popen[str]
) -> None:
    status = json.loads(observatory(archived.home, "status", "--json").out)
    assert status["in_use_by"].startswith(f"a long back-fill (process {waiting.pid}")
