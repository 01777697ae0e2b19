"""The folder that is being written: pages, data files, CSV, assets.

What belongs here: how something lands in the folder and what every page knows. What a page says
belongs to its module in `pages/`.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dashboard import spreadsheet, words
from dashboard.figures import Figure
from dashboard.publication import Publication, Row, Slice, Value
from orchestration import provisional
from orchestration.publication.freshness import STALE_AFTER, ages

HERE = Path(__file__).parent
PAGES = (
    ("index", "Who leads"),
    ("organizations", "Organizations"),
    ("cadence", "Cadence"),
    ("concentration", "Concentration"),
    ("families", "Families"),
    ("claims", "Claims"),
    ("quality", "Data quality"),
    ("about", "About"),
)
# What the charts go back to at most; older days stay in the tables. Beyond the newest 120 days
# the queries take one day a week: a site of two years is 30 MB instead of 100.
HISTORY_DAYS = 731


class Site:
    """One site under construction in `folder`, about one publication."""

    def __init__(self, publication: Publication, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.publication = publication
        self.folder = folder
        self.manifest = manifest
        self._coverage: dict[Slice, dict[str, Row]] = {}
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
        self._templates.globals |= {
            "words": words,
            "publication": publication,
            "universe": self.universe,
            "pages": PAGES,
            "manifest": manifest,
            "stale_after_days": STALE_AFTER.days if ages(manifest) else None,
        }
        self._templates.filters["legible"] = words.legible

    @property
    def universe(self) -> Mapping[str, str]:
        """Kind and name of what was measured; a publication that does not say is a panel."""
        found = self.manifest.get("universe") or {}
        return {"kind": found.get("kind", "panel"), "name": words.legible(found.get("name", ""))}

    @cached_property
    def first_day(self) -> dt.date:
        """The day before the first one that charts show."""
        last = self.publication.last_day or dt.date.max
        return last - dt.timedelta(days=HISTORY_DAYS)

    def parameters(self, slice_: Slice) -> dict[str, Value]:
        """What the queries about one slice are asked with."""
        assert self.publication.last_day is not None
        return {
            "day": self.publication.last_day,
            "first_day": self.first_day,
            **slice_.parameters,
        }

    def render(self, template: str, **context: Any) -> Markup:
        """A part of a page."""
        return Markup(self._templates.get_template(template).render(root="", **context))

    def page(self, path: str, template: str, *, title: str, **context: Any) -> None:
        """Write the page `path` (`organizations`, `organization/x`)."""
        root = "../" * path.count("/")
        text = self._templates.get_template(template).render(
            root=root, path=path, title=title, **context
        )
        target = self.folder / f"{path}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", errors="replace")

    def payload(self, name: str, figures: Sequence[Figure], html: str | None = None) -> str:
        """Write what the script draws: the data sets of `figures` and, for a slice of a page,
        its `html`. It is a script, because a page opened as a file may read nothing else.
        """
        content: dict[str, Any] = {
            "panels": {
                f"{figure.key}-{place}": {key: _columnar(rows) for key, rows in panel.data.items()}
                for figure in figures
                for place, panel in enumerate(figure.panels)
            }
        }
        if html is not None:
            content["html"] = html
        text = json.dumps(content, default=float, separators=(",", ":"), allow_nan=False)
        path = self.folder / "data" / f"{name}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"observatory.receive({json.dumps(name)},{text});\n", encoding="utf-8", errors="replace"
        )
        for figure in figures:
            spreadsheet.write(
                self.folder / "data" / f"{name}-{figure.key}.csv",
                figure.answer.rows,
                figure.answer.columns,
            )
        return name

    def coverage(self, slice_: Slice) -> dict[str, Row]:
        """Mapping coverage of the newest day by attribution; nothing where it is unpublished."""
        if not self.publication.has("fct_mapping_coverage_daily"):
            return {}
        if slice_ not in self._coverage:
            answer = self.publication.ask("coverage", self.parameters(slice_))
            self._coverage[slice_] = {row["attribution"]: row for row in answer}
        return self._coverage[slice_]

    def provisional(self, slice_: Slice) -> str:
        """That the newest figures of the slice may still be repaired; nothing where they stand."""
        return provisional.told(self.publication.provisional_days.get(slice_, 0))

    def facts(self, slice_: Slice, attribution: str | None = None) -> list[str]:
        """Window and date, what is provisional, models, attribution, coverage: beside a chart."""
        coverage = self.coverage(slice_)
        by = {"publisher": "by publisher", "base_model": "by origin of the base model"}
        facts = [
            self.to_date(words.WINDOWS.get(slice_.window_name, slice_.window_name)),
            *filter(None, [self.provisional(slice_)]),
            f"{words.COHORTS.get(slice_.cohort, slice_.cohort)}, "
            f"{words.SCOPES.get(slice_.scope, slice_.scope).lower()}",
            by[attribution] if attribution else "both attributions",
        ]
        measured = coverage.get(attribution or "publisher", {}).get("downloads_attributed_share")
        facts.append(
            "coverage not published yet"
            if measured is None
            else f"{words.percent(measured)} of downloads placed in a country"
        )
        return facts

    def to_date(self, period: str) -> str:
        """A period and the day to which it reaches, for charts that are of no slice."""
        return f"{period} to {words.day(self.publication.last_day)}"

    def slug(self, organization: str) -> str:
        """A file name for `organization`: two names never share one, on any file system."""
        plain = re.sub(r"[^a-z0-9_-]+", "-", organization.lower()).strip("-")[:60]
        if plain == organization:
            return plain
        digest = hashlib.sha256(organization.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{plain}-{digest}" if plain else digest

    def assets(self) -> None:
        """Write the script libraries once, the style sheet with its fonts, our own script."""
        target = self.folder / "assets"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_bundled_scripts(), target / "vega.js")
        shutil.copyfile(HERE / "static" / "site.js", target / "site.js")
        shutil.copyfile(HERE / "static" / "site.css", target / "site.css")
        # Inlined: some browsers refuse a font file to a page that was opened as a file.
        fonts = [
            _font_face(name, file)
            for name, file in (("Inter", "inter"), ("Source Serif 4", "source-serif-4"))
        ]
        (target / "fonts.css").write_text("\n".join(fonts), encoding="utf-8")


def _bundled_scripts() -> Path:
    """Vega and what draws with it in one file, put together once for each version: 1.4 s a day.

    It is not called `.js`: what is made here is no part of the program's version.
    """
    bundle = HERE / "bundled" / f"vega-{version('vl-convert-python')}.bundle"
    if not bundle.exists():
        bundle.parent.mkdir(exist_ok=True)
        unfinished = bundle.with_suffix(f".{os.getpid()}")
        unfinished.write_text(
            vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"), encoding="utf-8"
        )
        unfinished.replace(bundle)
    return bundle


def _font_face(name: str, file: str) -> str:
    data = base64.b64encode((HERE / "static" / "fonts" / f"{file}.woff2").read_bytes()).decode()
    return (
        f'@font-face{{font-family:"{name}";font-weight:200 900;font-display:swap;'
        f'src:url("data:font/woff2;base64,{data}") format("woff2")}}'
    )


def _columnar(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows by column, as the script reads them."""
    return {column: _column([row[column] for row in rows]) for column in (rows[0] if rows else ())}


def _column(values: list[Any]) -> Any:
    """Values that JSON can hold; what repeats as a list of it and places in that list.

    Shares keep six decimals: a ten-thousandth of a percent.
    """
    kind = next((type(value) for value in values if value is not None), None)
    if kind is float:
        return [None if value is None or value != value else round(value, 6) for value in values]
    if kind is None or kind in (int, bool):
        return values
    distinct = list(dict.fromkeys(values))
    shown = [None if value is None else _shown(value) for value in distinct]
    if 2 * len(distinct) > len(values):
        as_shown = dict(zip(distinct, shown, strict=True))
        return [as_shown[value] for value in values]
    place = {value: at for at, value in enumerate(distinct)}
    return {"of": shown, "at": [place[value] for value in values]}


def _shown(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.strftime("%Y-%m-%d")
    return words.legible(value) if isinstance(value, str) else value
