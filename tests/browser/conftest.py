"""The browser and the site that the tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboard import build
from tests.browser import chromium, example_publication


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; a test that needs it is skipped where it is absent."""
    if not chromium.EXECUTABLE.exists():
        pytest.skip(f"{chromium.EXECUTABLE} is not installed (apt-get install chromium)")
    with chromium.browser() as started:
        yield started


@pytest.fixture(scope="session")
def publication(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with every table."""
    folder = tmp_path_factory.mktemp("publication")
    return example_publication.write(folder / "observatory.duckdb")


@pytest.fixture(scope="session")
def site(publication: Path) -> Path:
    """The site of that file, as a publication lays it: beside the file."""
    return build.write(
        publication,
        publication.parent / "dashboard",
        example_publication.MANIFEST,
        checks_drawings=True,
    ).parent
