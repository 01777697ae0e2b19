select max(snapshot_date) as last_day
from fct_country_share_daily
