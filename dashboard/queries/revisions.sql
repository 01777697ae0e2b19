select
    recorded_at,
    reason,
    table_name,
    min(snapshot_date) as first_day,
    max(snapshot_date) as last_day,
    count(distinct snapshot_date) as days_count,
    sum(changes_count)::bigint as changes_count
from fct_revisions
where reason <> 'first published'
group by all
order by recorded_at desc, changes_count desc, table_name
limit 20
