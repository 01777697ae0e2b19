"""Share of downloads by country, from the published DuckDB file."""

import duckdb

con = duckdb.connect("data/published/current/observatory.duckdb", read_only=True)
slice_ = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
newest = con.table("fct_country_share_daily").filter(slice_).order("snapshot_date desc, rank")
columns = "snapshot_date, country_key, share_of_all, share_of_all_low, share_of_all_high"
print(newest.project(columns).limit(5), con.table("publication").project("is_generated"))
