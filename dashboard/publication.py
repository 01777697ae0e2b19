"""What a published DuckDB file answers: tables, days, slices, and the queries behind each chart.

What belongs here: reading. Every query lies in `queries/` and is run exactly as it is shown to
the reader beside the chart. Wording and drawing belong to the pages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from dashboard import words
from orchestration.database import connect, literal
from orchestration.publication.generation import PUBLICATION
from orchestration.publication.weeks import twin_of

Row = dict[str, Any]
Value = str | int | float | dt.date | Sequence[str]
QUERIES = Path(__file__).parent / "queries"
# It is written beside the third gate. With more memory DuckDB keeps what it has read; with more
# threads its queries take a quarter more of the cores that the gate needs.
MEMORY = "512MiB"
THREADS = 1


@dataclass(frozen=True)
class Slice:
    """One answer to: downloads of which window, of which models?"""

    window_name: str
    cohort: str
    scope: str

    @property
    def key(self) -> str:
        return f"{self.window_name}-{self.cohort}-{self.scope}"

    @property
    def parameters(self) -> dict[str, Value]:
        return {"window_name": self.window_name, "cohort": self.cohort, "scope": self.scope}


@dataclass(frozen=True)
class Answer:
    """The rows of a query with the text that gave them and the tables it read."""

    sql: str
    columns: list[str]
    rows: list[Row] = field(repr=False)

    @property
    def tables(self) -> list[str]:
        found = re.findall(r"\b(?:from|join)\s+((?:fct|dim)_\w+)", self.sql)
        return list(dict.fromkeys(found))

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)


class Publication:
    """One published file, open for reading while the site is written."""

    def __init__(self, database: Path) -> None:
        self._folder = database.parent
        self._connection = connect(database, read_only=True, memory=MEMORY, threads=THREADS)

    def __enter__(self) -> Publication:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        found = self._connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name = 'main' and not internal order by table_name, column_index"
        ).fetchall()
        tables: dict[str, list[str]] = {}
        for table, column in found:
            tables.setdefault(table, []).append(column)
        return tables

    def has(self, *tables: str) -> bool:
        """Whether all `tables` are in this publication."""
        return all(table in self._columns for table in tables)

    def is_divided(self, table: str) -> bool:
        """Whether the Parquet twin of `table` is a folder of weeks, which no link downloads."""
        return twin_of(self._folder, table).is_dir()

    def columns(self, table: str) -> list[str]:
        """The columns of `table`, none where it is not published."""
        return self._columns.get(table, [])

    def ask(self, query: str, parameters: Mapping[str, Value] | None = None) -> Answer:
        """The answer to `queries/<query>.sql` with its `$names` filled in.

        The values become literals in the text, so that the reader can run what we ran.
        """
        return self.run(self.text(query, parameters or {}))

    def text(self, query: str, parameters: Mapping[str, Value]) -> str:
        """`queries/<query>.sql` with its `$names` filled in."""
        template = (QUERIES / f"{query}.sql").read_text(encoding="utf-8").strip()
        return re.sub(r"\$(\w+)", lambda match: _literal(parameters[match.group(1)]), template)

    def run(self, sql: str) -> Answer:
        """The answer to a query as it stands."""
        cursor = self._connection.execute(sql)
        columns = [column[0] for column in cursor.description or []]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return Answer(sql, columns, rows)

    def count(self, table: str) -> int:
        """The rows of `table`."""
        return int(self.run(f'select count(*) as rows_count from "{table}"').rows[0]["rows_count"])

    @cached_property
    def tables(self) -> list[str]:
        """Every published table, dimensions last."""
        return sorted(self._columns, key=lambda table: (not table.startswith("fct_"), table))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the file says of itself, in the words of a manifest; nothing where it is silent."""
        if not self.has(PUBLICATION):
            return {}
        (row,) = self.ask("publication")
        return {
            "generation": row["generation"],
            "published_at": row["published_at"].replace(tzinfo=dt.UTC).isoformat(),
            "code_version": row["code_version"],
            "universe": {"kind": row["universe_kind"], "name": row["universe_name"]},
        }

    @cached_property
    def last_day(self) -> dt.date | None:
        """The newest snapshot in this publication, None where it holds no day."""
        if not self.has("fct_country_share_daily"):
            return None
        found = self.ask("last_day").rows[0]["last_day"]
        return found if isinstance(found, dt.date) else None

    @cached_property
    def slices(self) -> list[Slice]:
        """The slices that the newest day has rows for, the most telling first."""
        if self.last_day is None:
            return []
        found = {Slice(**row) for row in self.ask("slices", {"day": self.last_day})}
        order = [list(words.WINDOWS), list(words.COHORTS), list(words.SCOPES)]

        def place(slice_: Slice) -> tuple[int, ...]:
            names = (slice_.window_name, slice_.cohort, slice_.scope)
            return tuple(
                known.index(name) if name in known else len(known)
                for known, name in zip(order, names, strict=True)
            )

        return sorted(found, key=place)

    @cached_property
    def first_slice(self) -> Slice | None:
        """The slice shown first: the most telling one that the newest day could measure."""
        return next((slice_ for slice_ in self.slices if slice_ in self.measured), None)

    @cached_property
    def measured(self) -> set[Slice]:
        """The slices of which the newest day has a share."""
        if self.last_day is None:
            return set()
        return {Slice(**row) for row in self.ask("slices_measured", {"day": self.last_day})}

    @cached_property
    def provisional_days(self) -> dict[Slice, int]:
        """How many of its newest days are provisional, of each slice that has such days."""
        if self.last_day is None:
            return {}
        return {
            Slice(row["window_name"], row["cohort"], row["scope"]): row["days_count"]
            for row in self.ask("provisional_days", {"day": self.last_day})
        }

    @cached_property
    def country_names(self) -> dict[str, str]:
        """Names by country_key, those without a country among them."""
        names = dict(words.NO_COUNTRY)
        if self.has("dim_countries"):
            names |= {
                row["country_key"]: words.legible(row["country_name"])
                for row in self.ask("country_names")
                if row["country_key"] not in names
            }
        return names

    def country(self, country_key: str | None) -> str:
        """The name to show for `country_key`."""
        if country_key is None:
            return "—"
        return self.country_names.get(country_key, words.legible(country_key))


def _literal(value: Value) -> str:
    if isinstance(value, dt.date):
        return f"date '{value:%Y-%m-%d}'"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    return f"({', '.join(_text(item) for item in value)})"


def _text(value: str) -> str:
    """A literal whose every character is seen: what is hidden or reorders goes by its number."""
    parts = re.split(f"([{words.UNSEEN}])", value)
    shown = [f"chr({ord(part)})" if at % 2 else literal(part) for at, part in enumerate(parts)]
    return " || ".join(part for part in shown if part != "''") or "''"
