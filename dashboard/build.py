"""The site from a published file: `write`.

What belongs here: which pages there are and in which order they are written.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode

from dashboard.pages import (
    about,
    cadence,
    claims,
    concentration,
    families,
    leaders,
    organization,
    organizations,
    quality,
)
from dashboard.publication import Publication
from dashboard.site import Site
from orchestration.publication.generation import DATABASE, read_manifest


def write(
    database: Path, folder: Path, manifest: Mapping[str, Any], *, checks_drawings: bool = False
) -> Path:
    """Write the site about the published DuckDB file `database` into `folder`.

    The file is opened read-only; nothing outside `folder` is written and no network is used.
    `manifest` is that of the generation; what it does not tell, such as the universe, is told by
    the file. Tables that are not in the file are named as not published yet. Returns the first
    page, `folder/index.html`.

    `checks_drawings` holds each drawing against Vega-Lite's schema, a fifth of the time: of the
    code, not of the data, so that is for tests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with debug_mode(checks_drawings), Publication(database) as publication:
        site = Site(publication, folder, publication.manifest | dict(manifest))
        site.assets()
        leaders.write(site)
        largest = organizations.write(site)
        organization.write(site, largest)
        cadence.write(site, largest)
        for page in (concentration, families, claims, quality, about):
            page.write(site)
    return folder / "index.html"


def write_into() -> None:
    """Write the site of a generation; standard input names its folder, and where to write."""
    folder, target = (Path(sys.stdin.readline().rstrip("\n")) for _ in range(2))
    if folder.name:
        write(folder / DATABASE, target / "dashboard", read_manifest(folder))
