"""How time is cut: one partition a UTC day of the Hub."""

from __future__ import annotations

import dagster as dg

# A live Hub gives today only, so today must have its partition before it is over.
daily = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_offset=1)
