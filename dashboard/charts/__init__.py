"""The drawings: Vega-Lite by Altair, without data and without colours of their own.

What belongs here: marks, scales, tooltips. Data sets are named and filled in by the page;
`var(--...)` and fonts are resolved by `static/site.js`, so that one drawing serves light and
dark. Nothing here asks the database.
"""

from dashboard.charts.bars import (
    counts_by_day,
    derivatives_by_month,
    releases_by_week,
    weekly_change,
)
from dashboard.charts.grids import checks_by_day, launches_by_week
from dashboard.charts.lines import (
    adoption_by_age,
    country_gap,
    coverage_by_day,
    named_lines,
    organization_share,
)
from dashboard.charts.ranges import country_range, days_between_launches

__all__ = [
    "adoption_by_age",
    "checks_by_day",
    "country_gap",
    "country_range",
    "counts_by_day",
    "coverage_by_day",
    "days_between_launches",
    "derivatives_by_month",
    "launches_by_week",
    "named_lines",
    "organization_share",
    "releases_by_week",
    "weekly_change",
]
