"""docs/rules.md names every unit test of dbt, with the model that it is of."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]


def test_every_rule_has_its_test_and_every_test_its_rule() -> None:
    tests = {
        (test["model"], test["name"])
        for file in (CHECKOUT / "dbt_project/models").rglob("*.yml")
        for test in yaml.safe_load(file.read_text()).get("unit_tests") or ()
    }
    table = (CHECKOUT / "docs/rules.md").read_text().partition("<!-- rules -->")[2]
    rows = re.findall(r"^\| .+ \| `(\w+)` \| `(\w+)` \|$", table.partition("<!-- end -->")[0], re.M)
    assert len(rows) == len(set(rows))
    assert set(rows) == tests
