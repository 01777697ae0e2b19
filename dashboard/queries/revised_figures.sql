select *
from fct_revisions
where table_name <> '(all)' and key <> '(rounding)'
order by
    recorded_at desc,
    abs(coalesce(new_value, 0) - coalesce(old_value, 0)) desc,
    snapshot_date desc,
    key
limit 20
