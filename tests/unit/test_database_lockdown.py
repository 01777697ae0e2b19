"""Connections that read files of others: locked down, and nothing in the data opens them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.database import connect, identifier, literal, literals


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in (inside / "file.csv", tmp_path / "outside.csv", tmp_path / "inside_not.csv"):
        name.write_text("a\n1\n")
    return inside


def test_only_the_named_folders_can_be_read(folder: Path) -> None:
    with connect(folders=[folder]) as connection:
        assert connection.execute(f"select a from '{folder}/file.csv'").fetchall() == [(1,)]
        for path in (
            folder.parent / "outside.csv",
            folder.parent / "inside_not.csv",
            folder / ".." / "outside.csv",
            Path("/etc/passwd"),
        ):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"select * from read_csv('{path}')")


@pytest.mark.parametrize(
    "statement",
    [
        "install httpfs",
        "load httpfs",
        "from read_csv('https://127.0.0.1:1/x.csv')",
        "attach '{outside}/other.duckdb'",
        "copy (select 1) to '{outside}/written.csv'",
        "export database '{outside}/exported'",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set lock_configuration = false",
        "reset enable_external_access",
        "set temp_directory = '/'",
    ],
)
def test_nothing_opens_it_again(statement: str, folder: Path) -> None:
    with connect(folders=[folder]) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement.format(outside=folder.parent))
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "inside",
        "inside_not.csv",
        "outside.csv",
    ]


def test_settings_are_those_of_the_house(folder: Path) -> None:
    with connect(folders=[folder], temporary=folder / "spill", ordered=True) as connection:
        found = connection.execute(
            "select current_setting('TimeZone'), current_setting('enable_external_access'), "
            "current_setting('lock_configuration'), current_setting('memory_limit'), "
            "current_setting('preserve_insertion_order'), current_setting('temp_directory')"
        ).fetchone()
        assert found is not None
        assert found[:3] == ("UTC", False, True)
        assert found[3:] == ("2.5 GiB", True, str(folder / "spill"))
    assert (folder / "spill").is_dir()


def test_a_file_database_can_be_written_and_read_only_cannot(folder: Path) -> None:
    file = folder / "it's.duckdb"
    with connect(file) as connection:
        connection.execute("create table x as select 1 as a")
    with connect(file, read_only=True) as connection:
        assert connection.execute("from x").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            connection.execute("create table y as select 1")


@pytest.mark.parametrize("text", ["", "it's", "a'; drop table x; --", '"quoted"', "\\", "模型\n"])
def test_texts_and_names_are_quoted(text: str) -> None:
    with connect() as connection:
        assert connection.execute(f"select {literal(text)}").fetchone() == (text,)
        assert connection.execute(f"select {literals([text, 'x'])}").fetchone() == ([text, "x"],)
        found = connection.execute(f"select 1 as {identifier(text or 'x')}")
        assert found.description[0][0] == (text or "x")
