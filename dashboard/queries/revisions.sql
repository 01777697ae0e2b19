select *
from fct_revisions
order by recorded_at desc, table_name, column_name, snapshot_date desc
limit 30
