select distinct window_name, cohort, scope
from fct_country_share_daily
where snapshot_date = $day and share_of_all is not null
