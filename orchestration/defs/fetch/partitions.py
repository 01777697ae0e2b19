"""How time is cut: one partition a UTC day of the Hub.

What belongs here: the days that there can be. Which of them are run is said in `schedules`.
"""

from __future__ import annotations

import dagster as dg

# A live Hub gives its today only, which must have its partition before it is over; by a clock
# that is behind the Hub's it is tomorrow.
daily = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_offset=2)
