"""Who reads the marts, as dbt's exposures say it, against what reads them."""

from __future__ import annotations

import re

import pytest
import yaml

from orchestration.gates.tables import TABLES
from orchestration.home import CHECKOUT

MODELS = CHECKOUT / "dbt_project" / "models"
MARTS = {path.stem for path in (MODELS / "marts").rglob("*.sql")}
EXPOSURES = {
    one["name"]: {ref.split("'")[1] for ref in one["depends_on"]}
    for one in yaml.safe_load((MODELS / "exposures.yml").read_text())["exposures"]
}


def named_in(*patterns: str) -> set[str]:
    """The marts that files of the checkout name."""
    texts = [path.read_text() for pattern in patterns for path in CHECKOUT.glob(pattern)]
    words = set(re.findall(r"\b(?:fct|dim)_\w+", "\n".join(texts)))
    assert words <= set(TABLES)
    return words & MARTS


@pytest.mark.parametrize(
    ("exposure", "readers"),
    [
        ("dashboard", named_in("dashboard/queries/*.sql")),
        ("metrics", named_in("dbt_project/models/metrics/*.yml") | {"dim_dates"}),
        ("bi_server", MARTS),
    ],
)
def test_an_exposure_names_what_its_reader_reads(exposure: str, readers: set[str]) -> None:
    assert EXPOSURES[exposure] == readers
