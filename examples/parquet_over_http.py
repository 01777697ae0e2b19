"""The same tables over HTTP: only the row groups and columns that a question needs travel."""

import os

import duckdb

site = os.environ.get("OBSERVATORY_SITE", "http://127.0.0.1:8000")
table = duckdb.read_parquet(f"{site}/fct_mapping_coverage_daily.parquet")
slice_ = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
columns = "snapshot_date, downloads_attributed_share, downloads_accounted_share"
print(table.filter(slice_).project(columns).order("snapshot_date desc").limit(5))
