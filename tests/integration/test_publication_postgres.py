"""The served copy, against a real PostgreSQL that this module starts and stops."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas
import psycopg
import pytest

from orchestration import cli
from orchestration.defs.fetch.resources import HomeResource
from orchestration.defs.publish.served import served_copy
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.publication import generation, postgres, swap
from tests.integration.command_line import observatory
from tests.unit.marts_fixture import build_warehouse, home_with_marts, models_of, seal

INITDB, PG_CTL = shutil.which("initdb"), shutil.which("pg_ctl")
pytestmark = [
    pytest.mark.skipif(
        not (INITDB and PG_CTL), reason="no PostgreSQL server (initdb, pg_ctl) on the PATH"
    ),
    pytest.mark.xdist_group("postgres"),
]
# PostgreSQL refuses to run as root; `nobody` owns the server there.
OWNER = "nobody" if os.geteuid() == 0 else None
TEXTS = 10_000
HOSTILE = "'; drop table x; --\\.\n\"\t\\N=HYPERLINK(1)<script>\u202e\U0001f926"


def server_tool(*command: str, folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        command, user=OWNER, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on a socket in a short path of its own (socket paths end at 107 bytes)."""
    assert INITDB and PG_CTL
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if OWNER:
        os.chown(folder, pwd.getpwnam(OWNER).pw_uid, -1)
    data = str(folder / "data")
    try:
        server_tool(
            INITDB, "-D", data, "-U", "owner", "--auth=trust", "-E", "UTF8", "--locale=C",
            "--no-sync", folder=folder,
        )  # fmt: skip
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        server_tool(
            PG_CTL, "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start", folder=folder
        )
        try:
            yield f"postgresql://owner@/postgres?host={folder}"
        finally:
            server_tool(PG_CTL, "-D", data, "-m", "immediate", "stop", folder=folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two generations; the second holds hostile text."""
    home = home_with_marts(tmp_path_factory.mktemp("served") / "home", 2)
    swap.publish(home, code_version="1")
    seal(home, 3)
    warehouse = build_warehouse(home)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update marts.dim_models set library_name = $1", [HOSTILE])
        connection.execute(
            "update marts.dim_models set license = '' where model_key = "
            "(select max(model_key) from marts.dim_models)"
        )
    swap.publish(home, code_version="1")
    return home


@pytest.fixture
def server(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to an empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for (schema,) in connection.execute(
            "select nspname from pg_namespace where nspname like 'observatory%'"
        ).fetchall():
            connection.execute(f'drop schema "{schema}" cascade')
        connection.execute("drop view if exists public.mine")
        yield connection


def hostile_texts(count: int, seed: int = 5) -> list[str]:
    """Texts that break what does not quote: SQL, formulas, markup, bidi, controls, length."""
    chance = random.Random(seed)
    pieces = [
        *("'", "''", '"', "\\", "\\.", "\\N", "\n", "\r\n", "\t", ",", ";", "|", "%", "$$", "{}"),
        *("NULL", "'; drop table dim_models; --", "/*", "*/", "=1+1", "@SUM(A1)", "+1", "-1"),
        *("<script>", "</td>", "&amp;", "\u202e", "\u2066", "\ufeff", "\u0301", "\x01"),
        *("\x1b[31m", "\x7f", "\u2028", "\U0001f926\U0001f3fc", "\u4f60\u597d", " "),
        "x" * 10_000,
    ]
    plain = "".join(
        map(chr, [*range(1, 0x300), *range(0x400, 0xD800, 7), *range(0xE000, 0xFFFE, 11)])
    )
    return [
        "".join(
            chance.choice(pieces[:-1] if number % 500 else pieces)
            if chance.random() < 0.6
            else chance.choice(plain)
            for _ in range(chance.randrange(1, 12))
        )
        for number in range(count)
    ]


def folders(home: Home) -> list[Path]:
    return [home.published / name for name in generation.generations(home)]


def schemas(server: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    found = server.execute(
        "select nspname from pg_namespace where nspname like 'observatory%' order by 1"
    ).fetchall()
    return [row[0] for row in found]


def test_every_table_arrives_as_it_is(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    folder = folders(home)[1]
    served = postgres.serve(folder, url)
    assert served.is_new and served.generation == folder.name
    with duckdb.connect(str(folder / "observatory.duckdb"), read_only=True) as file:
        tables = [row[0] for row in file.execute("show tables").fetchall()]
        assert set(served.rows) == set(tables)
        for table in tables:
            there = server.execute(f"select * from observatory.{table}").fetchall()
            assert sorted(map(repr, there)) == sorted(
                map(repr, file.execute(f"from {table}").fetchall())
            )
    texts = server.execute(
        "select distinct library_name, license from observatory.dim_models order by 2"
    ).fetchall()
    assert texts == [(HOSTILE, ""), (HOSTILE, None)]


def test_hostile_texts_are_identical_everywhere(
    url: str, server: psycopg.Connection[tuple[Any, ...]], tmp_path: Path
) -> None:
    """In the warehouse, the published file, its twin and PostgreSQL."""
    texts = hostile_texts(TEXTS)
    home = home_with_marts(tmp_path / "home", 1)
    with duckdb.connect(str(home.warehouse)) as connection:
        hostile = pandas.DataFrame({"key": [f"h{n:05}" for n in range(TEXTS)], "text": texts})
        connection.register("hostile", hostile)
        connection.execute(
            "insert into marts.dim_models by name select * exclude (key, text) replace ("
            "key as model_key, text as library_name, text as license, text as pipeline_tag, "
            "text as release_group, date '2020-01-01' as last_seen_on) "
            "from (from marts.dim_models limit 1), hostile"
        )
    folder = swap.publish(home, code_version="1").folder
    postgres.serve(folder, url)
    query = (
        "select library_name, license, pipeline_tag, release_group from {} "
        "where model_key like 'h%' order by model_key"
    )
    expected = [(text,) * 4 for text in texts]
    with duckdb.connect(str(folder / "observatory.duckdb"), read_only=True) as file:
        assert file.execute(query.format("dim_models")).fetchall() == expected
        twin = f"read_parquet('{folder}/dim_models.parquet')"
        assert file.execute(query.format(twin)).fetchall() == expected
    found = server.execute(query.format("observatory.dim_models").replace("%", "%%")).fetchall()
    assert found == expected


def test_keys_and_comments_are_there(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    postgres.serve(folders(home)[0], url)
    keys = dict(
        server.execute(
            "select conrelid::regclass::text, string_agg(contype::text, '' order by contype) "
            "from pg_constraint where connamespace = 'observatory'::regnamespace group by 1"
        ).fetchall()
    )
    assert keys["observatory.fct_country_share_daily"] == "ffp"
    assert keys["observatory.dim_models"] == "p"
    without = server.execute(
        "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid "
        "where relnamespace = 'observatory'::regnamespace and relkind = 'r' and attnum > 0 "
        "and col_description(attrelid, attnum) is null"
    ).fetchall()
    assert without == []
    with pytest.raises(psycopg.errors.NotNullViolation):
        server.execute("update observatory.dim_models set model_id = null")


def test_the_same_generation_is_loaded_once(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    first, second = folders(home)
    assert postgres.serve(first, url).is_new
    assert not postgres.serve(first, url).is_new
    assert postgres.serve(second, url).is_new
    assert schemas(server) == ["observatory", "observatory_previous"]
    # Going back: what readers of the file see after a rollback can be served again.
    assert postgres.serve(first, url).is_new
    assert server.execute("select generation from observatory.publication").fetchall() == [
        (first.name,)
    ]


def test_the_reading_role_reads_and_does_not_write(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    for folder in folders(home):
        postgres.serve(folder, url)
    with psycopg.connect(url, autocommit=True) as reader:
        reader.execute("set role observatory_reader")
        assert reader.execute("select count(*) from observatory.dim_models").fetchone() == (402,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("delete from observatory.dim_models")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create table observatory.mine (x int)")


def test_readers_see_no_error_and_no_mixture_while_generations_change(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    postgres.serve(folders(home)[0], url)
    errors: list[str] = []
    asked = 0
    done = threading.Event()

    def read() -> None:
        nonlocal asked
        with psycopg.connect(url, autocommit=True) as reader:
            while not done.is_set():
                try:
                    rows = reader.execute(
                        "select snapshots_count, count(distinct snapshot_date) "
                        "from observatory.publication, observatory.fct_country_share_daily "
                        "group by 1"
                    ).fetchall()
                    if len(rows) != 1 or rows[0][0] != rows[0][1]:
                        errors.append(f"mixed: {rows}")
                except psycopg.Error as error:
                    errors.append(repr(error))
                asked += 1

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(4):
            assert postgres.serve(folders(home)[1 - turn % 2], url).is_new
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert errors == []
    assert asked > 20


def test_views_of_others_keep_the_old_schema_alive(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    first, second = folders(home)
    postgres.serve(first, url)
    server.execute("create view public.mine as select count(*) from observatory.dim_models")
    postgres.serve(second, url)
    served = postgres.serve(first, url)
    assert served.kept == ["observatory_kept_1"]
    assert server.execute("select * from public.mine").fetchone() == (401,)
    server.execute("drop view public.mine")
    assert postgres.serve(second, url).kept == []
    assert schemas(server) == ["observatory", "observatory_previous"]


def test_a_damaged_file_is_not_served(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]], tmp_path: Path
) -> None:
    first, second = folders(home)
    postgres.serve(first, url)
    damaged = tmp_path / second.name
    shutil.copytree(second, damaged)
    with duckdb.connect(str(damaged / "observatory.duckdb")) as file:
        file.execute("delete from dim_models where rowid = 3")
    with pytest.raises(Refusal, match="does not hold the rows of its manifest"):
        postgres.serve(damaged, url)
    assert schemas(server) == ["observatory"]
    assert server.execute("select generation from observatory.publication").fetchall() == [
        (first.name,)
    ]


def test_a_copy_that_differs_from_the_file_is_not_served(
    home: Home,
    url: str,
    server: psycopg.Connection[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = postgres._copy

    def lose(server: postgres.Connection, *arguments: Any) -> None:
        copy(server, *arguments)
        if "dim_countries" in arguments:
            server.execute("delete from observatory_loading.dim_countries")

    monkeypatch.setattr(postgres, "_copy", lose)
    with pytest.raises(Refusal, match="holds other content in dim_countries") as refused:
        postgres.serve(folders(home)[0], url)
    assert refused.value.field == postgres.URL
    assert schemas(server) == []


@pytest.mark.parametrize("other", [Universe("hub"), Universe("world", "other")], ids=str)
def test_a_served_copy_belongs_to_one_universe(
    home: Home,
    url: str,
    server: psycopg.Connection[tuple[Any, ...]],
    tmp_path: Path,
    other: Universe,
) -> None:
    """A demo with the server's address exported took the place of the real publication."""
    another = home_with_marts(tmp_path / "home", 1, universe=other)
    real = swap.publish(another, code_version="1").folder
    postgres.serve(real, url)
    with pytest.raises(Refusal) as refused:
        postgres.serve(folders(home)[0], url)
    assert str(other) in refused.value.problem
    assert "the generated world 'fixture'" in refused.value.problem
    assert refused.value.field == postgres.URL
    assert "unset" in refused.value.cure
    assert server.execute("select generation from observatory.publication").fetchall() == [
        (real.name,)
    ]
    assert schemas(server) == ["observatory"]
    assert not postgres.serve(real, url).is_new


def test_what_a_killed_run_left_is_removed(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    server.execute("create schema observatory_loading")
    server.execute("create table observatory_loading.x (y int)")
    postgres.serve(folders(home)[0], url)
    assert schemas(server) == ["observatory"]


def test_a_server_that_is_not_there_is_a_refusal_without_the_password(home: Home) -> None:
    url = "postgresql://owner:verysecret@127.0.0.1:1/postgres"
    with pytest.raises(Refusal) as refused:
        postgres.serve(folders(home)[0], url)
    assert "verysecret" not in str(refused.value)
    assert postgres.URL in str(refused.value)


def test_another_publisher_is_not_waited_for_for_ever(
    home: Home,
    url: str,
    server: psycopg.Connection[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT", "1s")
    with psycopg.connect(url) as other:
        other.execute("select pg_advisory_lock(hashtext('observatory'))")
        with pytest.raises(Refusal, match="somebody else has held the served copy"):
            postgres.serve(folders(home)[0], url)
    assert schemas(server) == []
    assert postgres.serve(folders(home)[0], url).is_new


def test_a_server_that_takes_nothing_more_is_given_up(
    home: Home,
    url: str,
    server: psycopg.Connection[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where its machine is stopped: what was sent is never acknowledged."""
    monkeypatch.setitem(postgres.PATIENCE, "tcp_user_timeout", 2_000)
    path = f"{url.rpartition('=')[2]}/.s.PGSQL.5432"
    with relayed(path, takes=50_000) as port, pytest.raises(Refusal, match="broke off"):
        postgres.serve(
            folders(home)[0],
            f"postgresql://owner@127.0.0.1:{port}/postgres?sslmode=disable&gssencmode=disable",
        )
    assert postgres.serve(folders(home)[0], url).is_new


@contextlib.contextmanager
def relayed(path: str, takes: int) -> Iterator[int]:
    """A port that leads to the socket at `path`, until so many bytes were sent to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_UNIX) as to:
        # What the system takes in although nobody reads it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        to.connect(path)
        done = threading.Event()

        def relay() -> None:
            left = takes
            client, _ = listening.accept()
            with client:
                while left > 0:
                    for one in select.select([client, to], [], [])[0]:
                        received = one.recv(4096)
                        (to if one is client else client).sendall(received)
                        left -= len(received) if one is client else 0
                done.wait()

        thread = threading.Thread(target=relay)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "postgres//owner:s3cret@db/x",
        "postgresql+psycopg2://owner:s3cret@db/x",
        "postgresql://owner:p@s3cret#w%zz@db/x",
        "postgresql://owner:p@s3cret@db/x",
        "postgresql://owner:p@s3cret/word@db/x",
        "postgresql://127.0.0.1:1/s3cret@db/x",
        "postgresql://owner:s3cret\udcff@db/x",
        "host=db password=two s3cret",
        "s3cret",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_quoted(
    home: Home, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """libpq's complaint held the password, and the words of a defect were a traceback of it."""
    with pytest.raises(Refusal, match="no address of PostgreSQL") as refused:
        postgres.serve(folders(home)[0], url)
    told = "".join(traceback.format_exception(refused.value))
    assert "s3cret" not in told
    assert refused.value.field == postgres.URL and "percent-encoded" in refused.value.cure
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    monkeypatch.setenv(postgres.URL, url)
    monkeypatch.setattr(sys, "argv", ["observatory", "rollback", folders(home)[1].name])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    words = capsys.readouterr()
    assert "no address of PostgreSQL" in words.err
    assert "s3cret" not in words.out + words.err


def test_what_the_server_does_not_take_is_a_refusal_without_its_words(
    home: Home, url: str, server: psycopg.Connection[tuple[Any, ...]]
) -> None:
    first, second = folders(home)
    postgres.serve(first, url)
    server.execute("alter table observatory.publication rename universe_kind to s3cret")
    with pytest.raises(Refusal, match=r"UndefinedColumn \(SQLSTATE 42703\)") as refused:
        postgres.serve(second, url)
    assert "universe_kind" not in "".join(traceback.format_exception(refused.value))


def test_a_server_that_is_away_takes_nothing_back_and_is_made_up_for(
    url: str, server: psycopg.Connection[tuple[Any, ...]], tmp_path: Path
) -> None:
    """The publication that readers saw had no materialization, and no day was compacted."""
    home = Home(tmp_path / "home")
    archive = tmp_path / "days.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({models_of(2)}) to '{archive}' (format parquet)")
    away = {postgres.URL: "postgresql://owner:s3cret@127.0.0.1:1/postgres"}
    ended = observatory(
        home.root, "backfill", "--archive", str(archive), "--json", environment=away
    )
    assert ended.code == 1, ended.err
    current = generation.current(home)
    assert current is not None
    told = json.loads(ended.out)
    assert told["generation"] == current.name and told["shares"]["countries"]
    (problem,) = told["problems"]
    assert f"{current.name}, but PostgreSQL cannot be reached" in problem["problem"]
    assert "`observatory publish` again" in problem["problem"]
    assert made(home) == {"publication", "raw_hub__history"}
    assert not [path for path in home.root.rglob("*") if path.is_file() and holds_secret(path)]

    ended = observatory(home.root, "publish", environment={postgres.URL: url})
    assert ended.code == 0, ended.err
    assert made(home) == {"publication", "raw_hub__history", "served_copy"}
    current = generation.current(home)
    assert current is not None
    assert server.execute("select generation from observatory.publication").fetchall() == [
        (current.name,)
    ]


def test_without_a_server_nothing_is_made_and_nothing_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    monkeypatch.delenv(postgres.URL, raising=False)
    done = dg.materialize([served_copy], resources={"observatory": HomeResource()})
    assert done.success and not done.get_asset_materialization_events()


def holds_secret(path: Path) -> bool:
    return b"s3cret" in path.read_bytes()


def made(home: Home) -> set[str]:
    """What comes of a publication and was materialized once, as the UI has it."""
    last = {dg.AssetKey(name) for name in ("publication", "served_copy", "raw_hub__history")}
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        return {
            key.path[-1]
            for key, event in instance.get_latest_materialization_events(last).items()
            if event is not None
        }


def test_a_rollback_is_seen_there_too(
    home: Home,
    url: str,
    server: psycopg.Connection[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Readers of the files saw the old generation, and those of the server the withdrawn one."""
    first, second = folders(home)
    postgres.serve(second, url)
    monkeypatch.setenv("OBSERVATORY_HOME", str(home.root))
    for generation_, address, code in ((first, url, 0), (second, "postgresql://127.0.0.1:1/x", 1)):
        monkeypatch.setenv(postgres.URL, address)
        monkeypatch.setattr(sys, "argv", ["observatory", "rollback", generation_.name])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == code
        assert (home.published / "current").resolve() == generation_
    assert server.execute("select generation from observatory.publication").fetchall() == [
        (first.name,)
    ]
    assert f"`observatory rollback {second.name}` again" in capsys.readouterr().err
