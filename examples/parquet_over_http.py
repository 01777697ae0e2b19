"""The same tables over HTTP: only the row groups and columns that a question needs travel.

The manifest names the files of a table: one, or one a week of a table by day of a million rows.
"""

import json
import os
import urllib.request

import duckdb

site = os.environ.get("OBSERVATORY_SITE", "http://127.0.0.1:8000")
files = json.load(urllib.request.urlopen(f"{site}/manifest.json"))["files"]
twin = [f"{site}/{file}" for file in files if file.startswith("fct_mapping_coverage_daily.parquet")]
slice_ = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
print(
    duckdb.read_parquet(twin)
    .filter(slice_)
    .project("snapshot_date, downloads_attributed_share, downloads_accounted_share")
    .order("snapshot_date desc")
    .limit(5)
)
