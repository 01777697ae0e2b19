"""The examples, as a reader starts them, over a generation that was really published."""

from __future__ import annotations

import ast
import functools
import http.server
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.home import CHECKOUT
from orchestration.publication import swap, weeks
from tests.unit.marts_fixture import home_with_marts

EXAMPLES = sorted((CHECKOUT / "examples").glob("*.py"))


@pytest.fixture(scope="module", params=["whole", "divided"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `data` is a home with a publication, of small tables and of large ones."""
    root = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "divided":
            patch.setattr(weeks, "DIVIDED_FROM", 1)
        swap.publish(home_with_marts(root / "data"), code_version="examples")
    return root


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """The publication behind what `python -m http.server` serves with."""
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=str(folder / "data/published/current")
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory where DuckDB finds the extension that it fetches from outside else."""
    home = tmp_path_factory.mktemp("person")
    with duckdb.connect() as connection:
        ((version,),) = connection.execute("select version()").fetchall()
        ((platform,),) = connection.execute("pragma platform").fetchall()
    extensions = home / ".duckdb/extensions" / version / platform
    extensions.mkdir(parents=True)
    name = "httpfs.duckdb_extension"
    package = importlib.util.find_spec("duckdb_extension_httpfs")
    assert package is not None and package.origin is not None
    (packaged,) = Path(package.origin).parent.rglob(name)
    (extensions / name).symlink_to(packaged)
    return home


def printed(example: Path, folder: Path, site: str, person: Path) -> str:
    environment = {**os.environ, "OBSERVATORY_SITE": site, "HOME": str(person)}
    done = subprocess.run(
        [sys.executable, str(example)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_is_published(
    example: Path, folder: Path, site: str, person: Path
) -> None:
    told = printed(example, folder, site, person)
    file = folder / "data/published/current/observatory.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        (day, leader, coverage), *_ = connection.execute(
            "select snapshot_date, country_key, downloads_attributed_share "
            "from fct_country_share_daily join fct_mapping_coverage_daily "
            "using (snapshot_date, window_name, attribution, cohort, scope) "
            "where (window_name, attribution, cohort, scope) = ('30d', 'publisher', 'all', 'all') "
            "order by snapshot_date desc, rank, share_of_all desc"
        ).fetchall()
        (organization, launches), *_ = connection.execute(
            "select organization, sum(launches_count)::bigint from fct_release_cadence_weekly "
            "where release_type = 'all' and organization not in ('(all)', '(other)') "
            "group by all order by 2 desc"
        ).fetchall()
    expected = {
        "duckdb_file": [str(day), leader, "true"],
        "pandas_parquet": [str(day), leader, "True"],
        "parquet_over_http": [str(day), str(coverage)[:6]],
        "pandas_over_http": ["launches_count", str(launches)],
    }[example.stem]
    assert organization
    for word in expected:
        assert word in told


def test_every_example_is_in_the_list() -> None:
    listed = (CHECKOUT / "examples/README.md").read_text()
    assert EXAMPLES
    for example in EXAMPLES:
        assert f"]({example.name})" in listed
        # Without the docstring and what is imported.
        statements = [
            one
            for one in ast.parse(example.read_text()).body[1:]
            if not isinstance(one, ast.Import)
        ]
        assert len(statements) <= 5, example
