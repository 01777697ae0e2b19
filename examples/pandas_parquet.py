"""Share of downloads by country, from the Parquet twin, in pandas."""

import pandas as pd

shares = pd.read_parquet("data/published/current/fct_country_share_daily.parquet")
slice_ = (
    "window_name == '30d' and attribution == 'publisher' and cohort == 'all' and scope == 'all'"
)
newest = shares.query(slice_).query("snapshot_date == snapshot_date.max()").sort_values("rank")
print(newest[["snapshot_date", "country_key", "share_of_all", "null_reason"]].head())
print(pd.read_parquet("data/published/current/publication.parquet")[["is_generated"]])
